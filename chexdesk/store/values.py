"""Small steps between the app's values and columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TypeVar

from chexdesk.labels import Certainty, LabelSet

T = TypeVar("T")

#: Keys in one IN (…): SQLite's limit is far higher, but a statement should stay readable.
MANY: Final = 500

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


def storable(text: str) -> str:
    """The text with lone surrogates replaced, one for one: UTF-8 has no bytes for them.

    They come from file names that are not UTF-8; offsets into the text stay as they were.
    """
    return _SURROGATES.sub("\ufffd", text)


def chunks(items: Iterable[T], size: int = MANY) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def ordered(label_set: LabelSet, by_name: Mapping[str, Certainty]) -> tuple[Certainty, ...]:
    """Certainties in label order; a finding that has none there is not mentioned."""
    return tuple(by_name.get(name, Certainty.NOT_MENTIONED) for name in label_set.names)


def checked(label_set: LabelSet, decisions: tuple[Certainty, ...]) -> tuple[Certainty, ...]:
    """The same decisions.

    Raises:
        ValueError: they are not one for each finding.
    """
    if len(decisions) != len(label_set):
        raise ValueError(f"{len(decisions)} decisions for the {len(label_set)} of {label_set.name}")
    return decisions

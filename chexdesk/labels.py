"""Label sets: which findings are asked for, in which order, and how each is written.

A label set is data (`resources/labels/*.yaml`); no finding's name stands in other code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from chexdesk import paths


class Certainty(Enum):
    """What a report says of a finding. The order is the wire order of the four answers."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    NOT_MENTIONED = "not_mentioned"

    @property
    def value_number(self) -> int | None:
        """CheXpert's number: 1, 0, -1, or None for not mentioned."""
        return _NUMBERS[self]

    @property
    def json_name(self) -> str | None:
        """The word in JSON files; not mentioned is null there."""
        return None if self is Certainty.NOT_MENTIONED else self.value

    @property
    def title(self) -> str:
        """The words a reader sees."""
        return self.value.replace("_", " ")

    @property
    def csv_cell(self) -> str:
        """The cell in a CheXpert CSV: `1.0`, `0.0`, `-1.0` or nothing."""
        number = self.value_number
        return "" if number is None else f"{number}.0"

    @classmethod
    def from_number(cls, number: float | None) -> Certainty:
        """The certainty for CheXpert's number.

        Raises:
            ValueError: the number is none of 1, 0, -1, None (a NaN counts as None).
        """
        if number is None or number != number:
            return cls.NOT_MENTIONED
        for certainty, value in _NUMBERS.items():
            if value is not None and value == number:
                return certainty
        raise ValueError(f"{number!r} is not a label value; expected 1, 0, -1 or blank")

    @classmethod
    def from_json_name(cls, name: str | None) -> Certainty:
        """The certainty for a word in a JSON file.

        Raises:
            ValueError: the word is not one of the three, nor null.
        """
        return cls.NOT_MENTIONED if name is None else cls(name)


_NUMBERS: Final[dict[Certainty, int | None]] = {
    Certainty.POSITIVE: 1,
    Certainty.NEGATIVE: 0,
    Certainty.UNCERTAIN: -1,
    Certainty.NOT_MENTIONED: None,
}

CERTAINTIES: Final[tuple[Certainty, ...]] = tuple(Certainty)


@dataclass(frozen=True)
class Finding:
    """One observation of a label set.

    Attributes:
        name: as written in files, CheXpert's spelling.
        marker: the text of the single token that asks for it on the wire.
        key: the letter that reaches it in the window.
    """

    name: str
    marker: str
    key: str


@dataclass(frozen=True)
class LabelSet:
    """The findings in file order, with the words of the four certainties.

    Attributes:
        words: for each certainty, the text of its single wire token, in `CERTAINTIES` order.
        no_finding: the finding that means "nothing found", or None.
        beside_no_finding: names that may be positive or uncertain beside `no_finding`.
        not_in_paper_average: names left out of the paper's macro average.
    """

    name: str
    version: int
    title: str
    findings: tuple[Finding, ...]
    words: tuple[str, ...]
    no_finding: str | None
    beside_no_finding: frozenset[str]
    not_in_paper_average: frozenset[str]

    def __len__(self) -> int:
        return len(self.findings)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The findings' names in file order."""
        return tuple(finding.name for finding in self.findings)

    def index(self, name: str) -> int:
        """The position of a finding.

        Raises:
            KeyError: the label set has no finding of that name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"{name!r} is not a finding of {self.name}") from None


def load(path: Path) -> LabelSet:
    """Read a label set from its YAML file.

    Raises:
        ValueError: the file does not describe a label set; the message names file and field.
    """
    try:
        data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        words = {entry["key"]: str(entry["word"]) for entry in data["certainties"]}
        label_set = LabelSet(
            name=str(data["name"]),
            version=int(data["version"]),
            title=str(data["title"]),
            findings=tuple(
                Finding(str(f["name"]), str(f["marker"]), str(f["key"])) for f in data["findings"]
            ),
            words=tuple(words[certainty.value] for certainty in CERTAINTIES),
            no_finding=data.get("no_finding"),
            beside_no_finding=frozenset(data.get("beside_no_finding", [])),
            not_in_paper_average=frozenset(data.get("not_in_paper_average", [])),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a label set ({error!r})") from error
    for what in ("name", "marker", "key"):
        values = [getattr(finding, what) for finding in label_set.findings]
        if len(set(values)) != len(values) or not values:
            raise ValueError(f"{path}: every finding needs a {what} of its own")
    return label_set


@cache
def chexpert14() -> LabelSet:
    """The default label set."""
    return load(paths.resources() / "labels" / "chexpert14.yaml")

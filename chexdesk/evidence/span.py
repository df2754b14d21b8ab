"""A piece of evidence."""

from __future__ import annotations

from dataclasses import dataclass

from chexdesk.labels import Certainty


@dataclass(frozen=True)
class Span:
    """A stretch of a report that carries one label.

    Attributes:
        finding: the finding's name.
        certainty: what these words say of it.
        start, end: code points of the whole text as given.
        cue: the word that decides ("no", "may represent"), as written; "" for a plain mention.
    """

    finding: str
    certainty: Certainty
    start: int
    end: int
    cue: str

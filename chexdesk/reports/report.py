"""The report as every other part sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One report as it was given.

    Attributes:
        id: the input's own identifier, verbatim; a file's name for a text file.
        text: the whole text; every offset in ChexDesk counts its code points.
        source: where it came from, for messages: a file, with a row where it has one.
        error: why there is no usable text, or "" when there is.
    """

    id: str
    text: str
    source: str = ""
    error: str = ""

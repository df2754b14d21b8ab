"""What every reader shares: its input, its promise, its error, and which column holds what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import BinaryIO, Final

from chexdesk.reports.report import Origin, Report

#: The `error` of a report without any text.
EMPTY_REPORT: Final = "empty report"
#: The header of the id column where the input has no name of its own for it.
DEFAULT_ID_HEADER: Final = "id"

#: Names of the column that holds a whole report, best first; compared by `plain_name`.
_REPORT_NAMES: Final = (
    "report", "text", "report text", "reporttext", "full report", "radiology report",
    "report impression", "report body", "note text", "narrative", "content", "sentence",
)  # fmt: skip
_FINDINGS_NAMES: Final = ("findings", "finding", "report findings")
_IMPRESSION_NAMES: Final = ("impression", "impressions", "conclusion", "report conclusion")
_ID_NAMES: Final = (
    "id", "report id", "reportid", "uid", "study id", "studyid", "accession",
    "accession number", "accession no", "accessionnumber", "exam id", "examid", "note id",
    "document id", "dicom id", "study", "filename", "file name", "file", "path",
)  # fmt: skip
_LONGEST_NAME: Final = 40
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class ReadError(Exception):
    """An input that cannot be read as a whole.

    Attributes:
        path: the input as the user named it.
        message: what is wrong and what to do; never a report's text.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


@dataclass(frozen=True)
class Source:
    """One open input.

    Attributes:
        name: for messages, as the user named it.
        report_id: the id of the report in a file that holds just one.
        stream: the bytes, from the start.
        head: the first bytes of the stream, for guesses; the stream still gives them.
        column: the user's `--column`, or None.
    """

    name: str
    report_id: str
    stream: BinaryIO
    head: bytes
    column: str | None


@dataclass(frozen=True)
class Opened:
    """A source whose beginning has been understood.

    Attributes:
        id_header: what the input calls its ids.
        reports: one report for each row, in order; a bad row has its `error` set.
    """

    id_header: str
    reports: Iterator[Report]


def _never(source: Source) -> bool:
    return False


@dataclass(frozen=True)
class Reader:
    """A file format.

    Attributes:
        name: the value of `--from`.
        extensions: in lower case with the dot; files in folders are found by them.
        open: understands a source's beginning; raises `ReadError`, then or while reports are taken.
        claims: whether a source is of this format beyond doubt, whatever its extension.
        sought: whether a folder's file of this extension, by its first bytes, is one for it: DICOM
            images and XML of all kinds lie beside reports.
    """

    name: str
    extensions: tuple[str, ...]
    open: Callable[[Source], Opened]
    claims: Callable[[Source], bool] = _never
    sought: Callable[[bytes], bool] | None = None


@dataclass(frozen=True)
class Columns:
    """Where a row keeps its report and its id: positions or keys, by the names they had.

    Attributes:
        whole: the column with the whole report, or None where the two parts make it up.
        findings, impression: the columns of the two parts, used where `whole` is None.
        id: the column of the id, or None for row numbers.
    """

    whole: str | None
    findings: str | None
    impression: str | None
    id: str | None

    def text(self, row: Mapping[str, str]) -> str:
        """The report of one row; two parts are joined under their plain headings."""
        if self.whole is not None:
            return row[self.whole]
        parts = [
            f"{heading}: {row[column]}"
            for heading, column in (("FINDINGS", self.findings), ("IMPRESSION", self.impression))
            if column is not None and row[column].strip()
        ]
        return "\n".join(parts)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns `text` reads."""
        if self.whole is not None:
            return (self.whole,)
        return tuple(c for c in (self.findings, self.impression) if c is not None)


def find_columns(names: Sequence[str], column: str | None) -> Columns | None:
    """Choose the columns by name, or None where no column can hold a report.

    Args:
        names: the input's own names.
        column: the user's choice; it is compared letter for letter, then without case.
    """
    identifier = _first(names, _ID_NAMES)
    if column is not None:
        chosen = column if column in names else _first(names, (plain_name(column),))
        if chosen is None:
            return None
        return Columns(chosen, None, None, identifier if identifier != chosen else None)
    whole = _first(names, _REPORT_NAMES)
    if whole is not None:
        return Columns(whole, None, None, identifier)
    findings, impression = _first(names, _FINDINGS_NAMES), _first(names, _IMPRESSION_NAMES)
    if findings is not None and impression is not None:
        return Columns(None, findings, impression, identifier)
    part = findings or impression
    return None if part is None else Columns(part, None, None, identifier)


def find_id(names: Sequence[str]) -> str | None:
    """The name of the id column, or None."""
    return _first(names, _ID_NAMES)


def plain_name(name: str) -> str:
    """A column's name without case, and with `_`, `-` and `.` as spaces."""
    return " ".join(re.sub(r"[_\-.\s]+", " ", name).lower().split())


def no_report_column(path: str, names: Sequence[str], column: str | None) -> ReadError:
    """The error for an input in which no column can be the report's."""
    shown = ", ".join(name if len(name) <= _LONGEST_NAME else "(a long text)" for name in names)
    if len(shown) > 600:
        shown = f"{shown[:600]} …"
    which = "report column" if column is None else f"column {column!r}"
    return ReadError(
        path, f"has no {which}. Its columns are: {shown or '(none)'}. Name one with --column NAME."
    )


def report(
    identifier: str, text: str, source: str, error: str = "", origin: Origin | None = None
) -> Report:
    """A report that can be written anywhere: text without any content becomes an error.

    Half of a surrogate pair, which JSON can carry but no file can, is replaced by U+FFFD: one code
    point for one, so that offsets stay true.
    """
    if not error and not text.strip():
        error = EMPTY_REPORT
    origin = origin or Origin()
    known = {each.name: _writable(getattr(origin, each.name)) for each in fields(origin)}
    return Report(
        _writable(identifier),
        "" if error else _writable(text),
        _writable(source),
        error,
        Origin(**known),
    )


def _writable(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _first(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain_name(name), name)
    return next((by_plain[want] for want in wanted if want in by_plain), None)

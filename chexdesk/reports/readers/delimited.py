"""CSV and TSV: one row, one report. Read row by row, so a file may be larger than memory."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final

from chexdesk.reports.readers import base, decoding
from chexdesk.reports.report import Report

#: The largest cell, in characters. The csv module's own 131,072 is less than a long report.
LARGEST_CELL: Final = 1 << 28
csv.field_size_limit(LARGEST_CELL)

_DELIMITERS: Final = ",;\t|"
#: How often a cell that is never closed may send the reader back to the line after it.
_MOST_RESTARTS: Final = 16


class Rows:
    """Rows of a delimited text, each with what was wrong with it, or "".

    A cell whose quote is never closed swallows all that follows. Its first line then becomes one
    bad row, and reading goes on with the line after it.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self._delimiter = delimiter
        self._restarts = 0
        self._start(lines)

    def _start(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []
        self._ended = False
        self._reader = csv.reader(self._watched(), delimiter=self._delimiter)

    def _watched(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            yield line
        self._ended = True

    def __iter__(self) -> Iterator[tuple[list[str], str]]:
        return self

    def __next__(self) -> tuple[list[str], str]:
        self._taken.clear()
        try:
            row = next(self._reader)
        except csv.Error as problem:
            return [], f"not readable as CSV ({problem})"
        if not self._ended:
            return row, ""
        # The reader asked for a line beyond the last one: a quote was still open.
        rest = self._taken[1:]
        if self._restarts < _MOST_RESTARTS:
            self._restarts += 1
            self._start(rest)
        return row, "a quoted cell is never closed; close it and run again"


def delimiter_of(header: str, preferred: str) -> str:
    """The separator that the header line has most of outside quotes; `preferred` where none."""
    outside = "".join(header.split('"')[::2])
    best = max(_DELIMITERS, key=lambda d: (outside.count(d), d == preferred))
    return best if best in outside else preferred


def open_rows(source: base.Source, preferred: str) -> tuple[list[str], Rows]:
    """The header, and the rows after it.

    Args:
        preferred: the delimiter where the header does not show one.

    Raises:
        ReadError: not text, or empty.
    """
    text = decoding.open_text(source)
    with decoding.failures(source):
        first = next((line for line in text if line.strip("\r\n")), "")
    if not first:
        raise base.ReadError(source.name, "is empty. Give a file with a header and rows.")
    rows = Rows(chain((first,), text), delimiter_of(first, preferred))
    with decoding.failures(source):
        header, error = next(rows)
    if error:
        raise base.ReadError(source.name, f"line 1: {error}.")
    return [name.strip() for name in header], rows


def open_source(source: base.Source, preferred: str) -> base.Opened:
    """Read the header and find the columns.

    Args:
        preferred: the delimiter where the header does not show one.

    Raises:
        ReadError: not text, empty, or no column holds reports.
    """
    header, rows = open_rows(source, preferred)
    columns = base.find_columns(header, source.column)
    if columns is None:
        raise base.no_report_column(source.name, header, source.column)
    return base.Opened(
        columns.id or base.DEFAULT_ID_HEADER, _reports(source, rows, header, columns)
    )


def _reports(
    source: base.Source, rows: Rows, header: list[str], columns: base.Columns
) -> Iterator[Report]:
    number = 0
    while True:
        with decoding.failures(source):
            row, error = next(rows, (None, ""))
        if row is None:
            return
        if not row and not error:
            continue
        number += 1
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if not error and len(row) != len(header):
            error = f"has {len(row)} cells where the header has {len(header)}"
        # Of two columns with one name the first counts, as it does for a reader.
        cells = dict(zip(reversed(header), reversed(row), strict=True)) if not error else {}
        if any("\0" in cells.get(name, "") for name in columns.needed):
            error = "holds binary data"
        identifier = str(number)
        if columns.id is not None:
            place = header.index(columns.id)
            identifier = row[place] if place < len(row) else identifier
        text = "" if error else columns.text(cells)
        error = f"row {number}: {error}" if error else ""
        yield base.report(identifier, text, f"{source.name}, row {number}", error)


CSV: Final = base.Reader("csv", (".csv",), partial(open_source, preferred=","))
TSV: Final = base.Reader("tsv", (".tsv", ".tab"), partial(open_source, preferred="\t"))

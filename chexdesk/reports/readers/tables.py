"""Rows of tables whose cells have types (Excel, Parquet): one row, one report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from chexdesk.reports.readers import base, decoding
from chexdesk.reports.report import Report


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        number: counted from 1, without the header and blank rows; the id where no column has one.
        place: where it stands, for messages ("sheet Reports, row 7").
        cells: what the columns that matter hold, by the columns' names; None is an empty cell.
        error: why it cannot be used, or "".
    """

    number: int
    place: str
    cells: Mapping[str, object]
    error: str = ""


def reports(name: str, columns: base.Columns, rows: Iterable[Row]) -> Iterator[Report]:
    """One report for each row.

    Args:
        name: the input as the user named it.
    """
    for row in rows:
        identifier, text, error = str(row.number), "", row.error
        if columns.id is not None and row.cells.get(columns.id) is not None:
            identifier = plain(row.cells[columns.id])
        if not error:
            cells = {column: as_text(row.cells.get(column)) for column in columns.needed}
            if any(cell is None for cell in cells.values()):
                error = "its report is not text"
            else:
                text = columns.text({column: cell or "" for column, cell in cells.items()})
                error = "holds binary data" if "\0" in text else ""
        error = f"{row.place}: {error}" if error else ""
        yield base.report(identifier, text, f"{name}, {row.place}", error)


def as_text(value: object) -> str | None:
    """A report's text, "" for an empty cell, or None where the value is no text."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return decoding.decoded(value)
    return value if isinstance(value, str) else None


def plain(value: object) -> str:
    """An id as it would be written by hand: whole numbers without a point."""
    if isinstance(value, bytes):
        return decoding.decoded(value)
    if isinstance(value, (float, Decimal)) and value == value and value % 1 == 0:
        return str(int(value))
    return str(value)

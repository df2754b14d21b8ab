"""Excel (.xlsx): one row, one report. Read row by row from the visible sheets, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from chexdesk.reports.readers import archives, base, parsing, tables
from chexdesk.reports.report import Report

if TYPE_CHECKING:
    from openpyxl import Workbook

_WHAT: Final = "an Excel file"
_ADVICE: Final = "Open it in Excel and save it again, as .xlsx or as CSV."

#: All parts together, unpacked, in bytes: sheets are read as a stream.
UNPACKED_AT_MOST: Final = 1 << 30
#: The table of all texts, unpacked, in bytes: it is held in memory.
LARGEST_STRINGS: Final = 256 << 20
#: What Excel itself allows.
MOST_ROWS: Final = 1 << 20
_STRINGS: Final = "xl/sharedstrings.xml"
#: Titles and notes may stand above the header.
_HEADER_WITHIN: Final = 20
#: Control characters, as Excel writes them into XML.
_ESCAPED: Final = re.compile("_x(00[01][0-9A-Fa-f])_")
_ZEROS: Final = re.compile("0{2,}")


@dataclass(frozen=True)
class _Sheet:
    """A sheet with reports.

    Attributes:
        cells: any object with `iter_rows`.
        header: the place of its header, in rows from 1.
        places: of the columns that matter, from 0, by name.
    """

    title: str
    cells: Any
    header: int
    columns: base.Columns
    places: dict[str, int]


def open_source(source: base.Source) -> base.Opened:
    """Find the sheets that hold reports, and their columns.

    Raises:
        ReadError: it is no Excel file, is damaged, has a password, unpacks to more than the limits
            above, or no visible sheet has a report column.
    """
    stream = parsing.seekable(source, _WHAT)
    _check(stream, source.name)
    with parsing.parsing(source.name, _WHAT, _ADVICE):
        book = _open(stream)
        sheets: list[_Sheet] = []
        first_header: list[str] = []
        for cells in book.worksheets:
            if cells.sheet_state != "visible":
                continue
            sheet, header = _sheet(cells, source.column)
            first_header = first_header or header
            if sheet is not None:
                sheets.append(sheet)
    if not sheets:
        if not first_header:
            raise base.ReadError(source.name, "is empty. Give a sheet with a header and rows.")
        raise base.no_report_column(source.name, first_header, source.column)
    id_header = next((s.columns.id for s in sheets if s.columns.id), base.DEFAULT_ID_HEADER)
    return base.Opened(id_header, _reports(source, sheets))


def _check(stream: BinaryIO, name: str) -> None:
    with parsing.parsing(name, _WHAT, _ADVICE):
        with archives.open_package(stream, name, _WHAT, UNPACKED_AT_MOST) as package:
            parts = package.infolist()
        strings = sum(part.file_size for part in parts if part.filename.lower() == _STRINGS)
        if strings > LARGEST_STRINGS:
            raise base.ReadError(
                name,
                f"is {_WHAT} with more than {parsing.megabytes(LARGEST_STRINGS)} of text. Split "
                "it, or save it as CSV.",
            )
        stream.seek(0)


def _open(stream: BinaryIO) -> Workbook:
    import warnings

    import openpyxl

    # It warns of what it leaves out (validation, charts), which no report is in.
    warnings.filterwarnings("ignore", module="openpyxl")
    return openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)


def _sheet(cells: Any, column: str | None) -> tuple[_Sheet | None, list[str]]:
    """The sheet where it has a report column; and its first row that is not blank."""
    # The size that a sheet declares may be wrong.
    cells.reset_dimensions()
    first: list[str] = []
    for number, row in enumerate(islice(cells.iter_rows(), _HEADER_WITHIN), start=1):
        names = [str(cell.value).strip() if cell.value is not None else "" for cell in row]
        if not any(names):
            continue
        columns = base.find_columns([name for name in names if name], column)
        if columns is not None:
            wanted = [*columns.needed, *([columns.id] if columns.id is not None else [])]
            places = {name: names.index(name) for name in wanted}
            return _Sheet(str(cells.title), cells, number, columns, places), names
        first = first or [name for name in names if name]
    return None, first


def _reports(source: base.Source, sheets: list[_Sheet]) -> Iterator[Report]:
    for sheet in sheets:
        yield from tables.reports(source.name, sheet.columns, _rows(source, sheet, len(sheets) > 1))


def _rows(source: base.Source, sheet: _Sheet, several: bool) -> Iterator[tables.Row]:
    rows = enumerate(sheet.cells.iter_rows(), start=1)
    count = 0
    while True:
        with parsing.parsing(source.name, _WHAT, _ADVICE):
            place, row = next(rows, (0, ()))
        if not place:
            return
        if place > MOST_ROWS:
            raise base.ReadError(
                source.name, f"is {_WHAT} of more rows than Excel allows. {_ADVICE}"
            )
        if place <= sheet.header or all(cell.value is None for cell in row):
            continue
        count += 1
        error = ""
        cells: dict[str, object] = {}
        with parsing.parsing(source.name, _WHAT, _ADVICE):
            for name, at in sheet.places.items():
                if at < len(row):
                    cells[name] = _value(row[at])
                    if row[at].data_type == "e" and name in sheet.columns.needed:
                        error = "its report is an error of Excel's; mend the formula"
        where = f"sheet {sheet.title}, row {place}" if several else f"row {place}"
        yield tables.Row(count, where, cells, error)


def _value(cell: Any) -> object:
    """What a cell holds: text without Excel's escapes, numbers with the zeros they are shown by."""
    value = cell.value
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), value)
    shown = cell.number_format if isinstance(value, (int, float)) else ""
    if shown and _ZEROS.fullmatch(shown):
        return tables.plain(value).zfill(len(shown))
    return value


def _claims(source: base.Source) -> bool:
    return source.head.startswith(archives.ZIP_MAGIC) and b"xl/" in source.head


READER: Final = base.Reader("xlsx", (".xlsx", ".xlsm"), open_source, _claims)

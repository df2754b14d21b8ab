"""Excel: one row a report with ids as text, one column a finding; frozen header and filter."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chexdesk.outputs.converted import ConvertedLayout, Rows
from chexdesk.outputs.csv_rows import ERROR_HEADER

#: Zip's earliest date: the same rows give the same bytes.
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_TIMES: Final = re.compile(r"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_CORE: Final = "docProps/core.xml"
#: Characters that XML cannot carry.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Excel's own limits.
_LONGEST_CELL: Final = 32_767
_MOST_ROWS: Final = 1_048_575


class _SteadyZip(ZipFile):
    """A zip without times."""

    def writestr(
        self,
        zinfo_or_arcname: str | ZipInfo,
        data: Any,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        if zinfo_or_arcname == _CORE:
            text = data.decode() if isinstance(data, bytes) else data
            data = _TIMES.sub(r"\g<1>1980-01-01T00:00:00Z", text)
        if isinstance(zinfo_or_arcname, str):
            zinfo_or_arcname = _entry(zinfo_or_arcname)
        super().writestr(zinfo_or_arcname, data, compress_type, compresslevel)

    def write(
        self,
        filename: Any,
        arcname: Any = None,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        with Path(filename).open("rb") as part, self.open(_entry(arcname), "w") as entry:
            shutil.copyfileobj(part, entry)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _LONG_AGO)
    entry.compress_type = ZIP_DEFLATED
    return entry


def _convert(given: Rows, target: BinaryIO) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.writer.excel import ExcelWriter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Labels")
    sheet.freeze_panes = "B2"

    def text(value: str) -> Any:
        # As text whatever it looks like: no number, no date, no formula.
        cell = WriteOnlyCell(sheet, value=_UNPRINTABLE.sub("\ufffd", value)[:_LONGEST_CELL])
        cell.data_type = "s"
        cell.number_format = "@"
        return cell

    for number, cells in enumerate(_cells(given)):
        if number and number % _MOST_ROWS == 0:
            sheet = book.create_sheet(f"Labels {number // _MOST_ROWS + 1}")
        sheet.append([text(each) if isinstance(each, str) else each for each in cells])
    with _SteadyZip(target, "w", ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).write_data()


def _cells(given: Rows) -> Iterator[list[str | int | None]]:
    yield [given.id_header, *given.label_set.names, ERROR_HEADER]
    for row in given.rows:
        numbers = [certainty.value_number for certainty in row.certainties]
        yield [row.id, *numbers, row.error or None]


LAYOUT: Final = ConvertedLayout("xlsx", (".xlsx",), _convert)

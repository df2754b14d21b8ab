"""Excel and Parquet: typed cells, odd sheets, and files that are damaged or hostile."""

from __future__ import annotations

import datetime
import decimal
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from chexdesk.reports.read import EMPTY_REPORT, ReadError, ReadOptions, read_reports
from chexdesk.reports.readers import excel
from chexdesk.reports.readers import parquet as parquet_reader
from chexdesk.reports.report import Report

Sheets = dict[str, list[list[Any]]]


def book(path: Path, sheets: Sheets, formats: dict[str, str] | None = None) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
        for cell, form in (formats or {}).items():
            sheet[cell].number_format = form
    made.save(path)
    return path


def read(path: Path, **options: str) -> list[Report]:
    return list(read_reports([path], ReadOptions(**options)))


def pairs(reports: list[Report]) -> list[tuple[str, str]]:
    return [(report.id, report.text) for report in reports]


def patched(path: Path, part: str, change: Any) -> Path:
    """The file with one part of it changed."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[part] = change(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def test_ids_look_as_they_do_in_excel(tmp_path: Path) -> None:
    rows = [["id", "report"], [7, "a"], [8.0, "b"], [2.5, "c"], ["009", "d"], [None, "e"],
            [datetime.date(2025, 1, 2), "f"]]  # fmt: skip
    path = book(tmp_path / "a.xlsx", {"S": rows}, {"A2": "00000"})
    assert pairs(read(path))[:5] == [
        ("00007", "a"), ("8", "b"), ("2.5", "c"), ("009", "d"), ("5", "e"),
    ]  # fmt: skip
    assert read(path)[5].id.startswith("2025-01-02")


def test_rows_that_are_blank_or_wrong(tmp_path: Path) -> None:
    rows = [
        ["id", "report"],
        ["1", "a"],
        [],
        ["2", 5],
        ["3", None],
        ["4", "#N/A"],
        ["5", "b\0"[:1]],
    ]
    reports = read(book(tmp_path / "a.xlsx", {"S": rows}))
    assert [report.id for report in reports] == ["1", "2", "3", "4", "5"]
    assert reports[1].error == "row 4: its report is not text"
    assert reports[2].error == EMPTY_REPORT
    assert "row 6: its report is an error of Excel's" in reports[3].error
    assert reports[4].source.endswith("a.xlsx, row 7")


def test_sheets_with_reports_are_read_in_turn(tmp_path: Path) -> None:
    sheets: Sheets = {
        "Cover": [["Nothing here"]],
        "May": [["Title"], [], ["Study ID", "Findings", "Impression"], ["m", "clear", "none"]],
        "June": [["Report", "Study ID"], ["text", "j"]],
        "Old": [["id", "report"], ["o", "hidden"]],
    }
    path = book(tmp_path / "a.xlsx", sheets)
    made = openpyxl.load_workbook(path)
    made["Old"].sheet_state = "hidden"
    made.save(path)
    stream = read_reports([path])
    assert stream.id_header == "Study ID"
    reports = list(stream)
    assert pairs(reports) == [("m", "FINDINGS: clear\nIMPRESSION: none"), ("j", "text")]
    assert reports[0].source.endswith("a.xlsx, sheet May, row 4")


def test_the_report_column_can_be_named(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", {"S": [["id", "Befund"], ["1", "clear"]]})
    assert pairs(read(path, column="Befund")) == [("1", "clear")]
    with pytest.raises(ReadError, match=r"a\.xlsx: has no report column.*id, Befund.*--column"):
        read(path)


def shared(path: Path, text: bytes) -> Path:
    """The file with its text PLACE in a table of shared strings, as Excel itself writes it."""
    types = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    relation = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    changes = {
        "[Content_Types].xml": lambda x: x.replace(
            b"</Types>",
            b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + types + b'"/></Types>',
        ),
        "xl/_rels/workbook.xml.rels": lambda x: x.replace(
            b"</Relationships>",
            b'<Relationship Id="rId99" Target="sharedStrings.xml" Type="' + relation + b'"/>'
            b"</Relationships>",
        ),
        "xl/worksheets/sheet1.xml": lambda x: re.sub(
            rb't="inlineStr"([^>]*)><is><t>PLACE</t></is>', rb't="s"\1><v>0</v>', x
        ),
        "xl/sharedStrings.xml": lambda _: (
            b'<sst xmlns="' + space + b'"><si><t>' + text + b"</t></si></sst>"
        ),
    }
    for part, change in changes.items():
        patched(path, part, change)
    return path


def test_shared_strings_and_excels_escapes(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", {"S": [["id", "report"], ["1", "PLACE"]]})
    text = b"a_x000D_\nb _x005F_x0041_ caf&#233;"
    assert pairs(read(shared(path, text))) == [("1", "a\r\nb _x0041_ café")]


LAUGHS = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


def with_entities(xml: bytes) -> bytes:
    front, _, rest = xml.partition(b"?>") if xml.startswith(b"<?xml") else (b"", b"", xml)
    return (front + b"?>" if front else b"") + LAUGHS + rest


def test_entities_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", {"S": [["id", "report"], ["1", "PLACE"]]})
    patched(path, "xl/worksheets/sheet1.xml", with_entities)
    with pytest.raises(ReadError, match=r"a\.xlsx: is an Excel file that cannot be read"):
        read(path)
    shared(book(path, {"S": [["id", "report"], ["1", "PLACE"]]}), b"&b;")
    patched(path, "xl/sharedStrings.xml", with_entities)
    with pytest.raises(ReadError, match=r"a\.xlsx: is an Excel file that cannot be read"):
        read(path)


def test_cells_far_away_end(tmp_path: Path) -> None:
    """A row number beyond Excel's own limit would make millions of blank rows."""
    path = book(tmp_path / "a.xlsx", {"S": [["id", "report"], ["1", "a"]]})
    patched(path, "xl/worksheets/sheet1.xml", lambda x: x.replace(b'r="2"', b'r="99999999999"'))
    with pytest.raises(ReadError, match="more rows than Excel allows"):
        read(path)


def test_excel_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xlsx"
    whole = book(path, {"S": [["id", "report"], ["1", "a" * 5000]]}).read_bytes()
    for content, message in (
        (b"words", "is damaged or not an Excel file"),
        (whole[: len(whole) // 2], "is damaged or not an Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "an old one, or one with a password"),
        (b"", "is damaged or not an Excel file"),
    ):
        path.write_bytes(content)
        with pytest.raises(ReadError, match=rf"a\.xlsx: .*{message}"):
            read(path)
    with pytest.raises(ReadError, match=r"a\.xlsx: is empty"):
        read(book(path, {"S": []}))
    path.write_bytes(whole)
    patched(path, "xl/worksheets/sheet1.xml", lambda x: x[:200])
    with pytest.raises(ReadError, match=r"a\.xlsx: is an Excel file that cannot be read \(\w+\)"):
        read(path)
    path.write_bytes(whole)
    shared(book(path, {"S": [["id", "report"], ["1", "PLACE"]]}), b"x" * 1000)
    monkeypatch.setattr(excel, "LARGEST_STRINGS", 1000)
    with pytest.raises(ReadError, match=r"a\.xlsx: is an Excel file with more than .* of text"):
        read(path)
    monkeypatch.setattr(excel, "UNPACKED_AT_MOST", 3000)
    with pytest.raises(ReadError, match=r"a\.xlsx: is an Excel file that unpacks to more than"):
        read(path)


def test_a_damaged_row_keeps_the_rows_before_it(tmp_path: Path) -> None:
    rows = [["id", "report"], *([str(n), f"report {n}"] for n in range(50))]
    path = book(tmp_path / "a.xlsx", {"S": rows})
    patched(path, "xl/worksheets/sheet1.xml", lambda x: x.replace(b'r="40"', b"r=40"))
    reports = read(path)
    assert [report.text for report in reports[:-1]] == [
        f"report {n}" for n in range(len(reports) - 1)
    ]
    assert len(reports) > 1
    assert "cannot be read" in reports[-1].error


def test_a_large_sheet_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", {"S": [["id", "report"], *([n, "x"] for n in range(3000))]})
    stream = read_reports([path])
    assert [next(stream).id for _ in range(3)] == ["0", "1", "2"]
    assert len(list(stream)) == 2997


def table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    parquet.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([7, None]), ["7", "2"]),
        (pa.array([7.0, 2.5]), ["7", "2.5"]),
        (pa.array(["007", ""]), ["007", ""]),
        (pa.array([b"a", b"b"]), ["a", "b"]),
        (pa.array([decimal.Decimal("7.00"), None]), ["7", "2"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
    ],
)
def test_parquet_ids(tmp_path: Path, ids: Any, expected: list[str]) -> None:
    path = table(tmp_path / "a.parquet", {"study_id": ids, "report": ["a", "b"]})
    assert [report.id for report in read(path)] == expected


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_parquet_codecs(tmp_path: Path, compression: str) -> None:
    texts = ["Größe", None, "x" * 100_000, b"bytes".decode()]
    path = table(
        tmp_path / "a.parquet", {"id": list("abcd"), "text": texts}, compression=compression
    )
    reports = read(path)
    assert [report.text for report in reports] == ["Größe", "", "x" * 100_000, "bytes"]
    assert reports[1].error == EMPTY_REPORT
    assert reports[0].source.endswith("a.parquet, row 1")


def test_parquet_types(tmp_path: Path) -> None:
    path = table(
        tmp_path / "a.parquet",
        {"id": ["a", "b"], "report": pa.array([b"caf\xe9", b"\0"]), "image": pa.array([[1], [2]])},
    )
    reports = read(path)
    assert reports[0].text == "café"
    assert reports[1].error == "row 2: holds binary data"
    (only,) = read(table(tmp_path / "b.parquet", {"report": pa.array([[1, 2]])}))
    assert only.error == "row 1: its report is not text"


def test_parquet_of_several_row_groups_and_no_rows(tmp_path: Path) -> None:
    texts = [f"report {n}" for n in range(1000)]
    path = table(tmp_path / "a.parquet", {"report": texts}, row_group_size=300)
    assert [(r.id, r.text) for r in read(path)] == [(str(n + 1), t) for n, t in enumerate(texts)]
    assert read(table(tmp_path / "b.parquet", {"report": pa.array([], pa.string())})) == []


def test_parquet_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "a.parquet", {"patient": ["x"], "age": [1]})
    with pytest.raises(ReadError, match=r"a\.parquet: has no report column.*patient, age"):
        read(path)
    whole = table(
        path, {"id": ["1"] * 999, "report": [f"text {n}" for n in range(999)]}
    ).read_bytes()
    for content in (b"PAR1", b"words", b"", whole[:-20], b"PAR1" + whole[9:]):
        path.write_bytes(content)
        with pytest.raises(ReadError, match=r"a\.parquet: is a Parquet file that cannot be read"):
            read(path)
    path.write_bytes(whole)
    monkeypatch.setattr(parquet_reader, "LARGEST_GROUP", 1000)
    with pytest.raises(ReadError, match=r"in one row group\. Write smaller groups"):
        read(path)


def test_parquet_repeats_take_no_memory(tmp_path: Path) -> None:
    """Ten thousand times a megabyte, in a file of some kilobytes."""
    path = table(
        tmp_path / "a.parquet",
        {
            "report": pa.DictionaryArray.from_arrays(
                pa.array([0] * 10_000), pa.array(["x" * (1 << 20)])
            )
        },
    )
    assert path.stat().st_size < 200_000
    stream = read_reports([path])
    assert [len(next(stream).text) for _ in range(300)] == [1 << 20] * 300
    stream.close()


def test_parquet_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BufferedReader):
        def seekable(self) -> bool:
            return False

    content = table(tmp_path / "a.parquet", {"report": ["clear"]}).read_bytes()
    raw: Any = io.BytesIO(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(raw)))
    assert [report.text for report in read_reports(["-"])] == ["clear"]

"""Reading: the formats, the encodings, and what happens to what cannot be read."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chexdesk.reports.read import EMPTY_REPORT, ReadError, ReadOptions, read_reports
from chexdesk.reports.report import Report


def read(path: Path, **options: str) -> list[Report]:
    return list(read_reports([path], ReadOptions(**options)))


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(reports: list[Report]) -> list[tuple[str, str]]:
    return [(report.id, report.text) for report in reports]


def test_text_file_is_one_report_with_its_line_ends(tmp_path: Path) -> None:
    path = put(tmp_path, "a.txt", b"No effusion.\r\nNo edema.\rEnd.\n")
    assert read(path) == [Report("a.txt", "No effusion.\r\nNo edema.\rEnd.\n", str(path))]


def test_ids_stay_text_letter_for_letter(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "Study_ID,Report\n007,clear\n=1+1,clear\n 1.0 ,clear\n,clear\n")
    stream = read_reports([path])
    assert stream.id_header == "Study_ID"
    assert [report.id for report in stream] == ["007", "=1+1", " 1.0 ", ""]


def test_without_an_id_column_rows_are_numbered(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "Report Impression\nclear\nno edema\n")
    stream = read_reports([path])
    assert stream.id_header == "id"
    assert pairs(list(stream)) == [("1", "clear"), ("2", "no edema")]


@pytest.mark.parametrize(
    ("header", "row", "text"),
    [
        ("id,REPORT", "1,clear", "clear"),
        ("id,note,Text", "1,other,clear", "clear"),
        (
            "id,findings,impression",
            "1,lungs clear,normal",
            "FINDINGS: lungs clear\nIMPRESSION: normal",
        ),
        (
            "id,Impression,Findings",
            "1,normal,lungs clear",
            "FINDINGS: lungs clear\nIMPRESSION: normal",
        ),
        ("id,findings,impression", "1,,normal", "IMPRESSION: normal"),
        ("id,findings,impression,report", "1,a,b,whole", "whole"),
        ("id,impression", "1,normal", "normal"),
        ("id;report", "1;clear, no edema", "clear, no edema"),
        ("id\treport", "1\tclear, no edema", "clear, no edema"),
    ],
)
def test_report_column_is_found(tmp_path: Path, header: str, row: str, text: str) -> None:
    assert pairs(read(put(tmp_path, "a.csv", f"{header}\n{row}\n"))) == [("1", text)]


def test_report_column_can_be_named(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "id,report,Old Read\n1,new,old\n")
    assert pairs(read(path, column="Old Read")) == [("1", "old")]
    assert pairs(read(path, column="old_read")) == [("1", "old")]
    with pytest.raises(ReadError, match=r"a\.csv: has no column 'other'.*id, report, Old Read"):
        read(path, column="other")


def test_csv_without_report_column_lists_what_it_has(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "patient,age\n1,60\n")
    with pytest.raises(ReadError, match=r"a\.csv: has no report column.*patient, age.*--column"):
        read(path)


def test_a_report_taken_for_a_header_is_not_repeated(tmp_path: Path) -> None:
    path = put(
        tmp_path, "a.csv", "1,Moderate left effusion with bibasilar atelectasis and more words\n"
    )
    with pytest.raises(ReadError) as caught:
        read(path)
    assert "effusion" not in str(caught.value)


def test_bad_rows_cost_one_row_each(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", 'id,report\n1,clear\n2\n3,a,b\n4,""\n5,x\0y\n6,"two\nlines",,\n')
    reports = read(path)
    assert [report.id for report in reports] == ["1", "2", "3", "4", "5", "6"]
    assert [bool(report.error) for report in reports] == [False, True, True, True, True, False]
    assert "row 2: has 1 cells where the header has 2" in reports[1].error
    assert reports[3].error == EMPTY_REPORT
    assert reports[5].text == "two\nlines"


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    path = put(
        tmp_path, "a.csv", 'id,report\n1,clear\n2,"never closed\n3,no edema\n4,"5 cm"\n5,5" tube\n'
    )
    reports = read(put(tmp_path, "b.csv", 'id,report\n1,clear\n2,"never closed\n3,no edema\n'))
    assert pairs(reports) == [("1", "clear"), ("2", ""), ("3", "no edema")]
    assert "never closed; close it" in reports[1].error
    # A later quote closes the cell, so the rows between are one; the next is whole again.
    assert pairs(read(path))[-1] == ("5", '5" tube')


def test_blank_lines_are_not_rows(tmp_path: Path) -> None:
    assert pairs(read(put(tmp_path, "a.csv", "\nid,report\n\n1,clear\n\n\n2,edema\n"))) == [
        ("1", "clear"),
        ("2", "edema"),
    ]


def test_jsonl_bad_lines_cost_one_row_each(tmp_path: Path) -> None:
    rows = [
        '{"uid": "a", "text": "clear"}', "[1]", "{bad", '{"uid": 7, "text": null}', "",
        '{"uid": "e", "text": 3}', '{"uid": "f"}', '{"report": "edema"}',
    ]  # fmt: skip
    stream = read_reports([put(tmp_path, "a.jsonl", "\n".join(rows))])
    assert stream.id_header == "uid"
    reports = list(stream)
    assert [report.id for report in reports] == ["a", "2", "3", "7", "e", "f", "7"]
    assert [report.text for report in reports] == ["clear", "", "", "", "", "", "edema"]
    assert "line 2: not an object" in reports[1].error
    assert "line 3: not JSON" in reports[2].error
    assert reports[3].error == EMPTY_REPORT
    assert "its report is not text" in reports[4].error
    assert "line 7: has no report" in reports[5].error


@pytest.mark.parametrize(
    "layout",
    [
        '[{"id": "a", "report": "clear"}, {"id": 2, "report": "edema"}]',
        '[\n  {"id": "a",\n   "report": "clear"}\n ,{"id": 2, "report": "edema"}\n]\n',
        '{"id": "a", "report": "clear"}\n{"id": 2, "report": "edema"}',
    ],
)
def test_json_layouts(tmp_path: Path, layout: str) -> None:
    assert pairs(read(put(tmp_path, "a.json", layout))) == [("a", "clear"), ("2", "edema")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("[]", "is empty"),
        ('[{"id": 1, "text": "x"}\n{"id": 2}]', "line 2: not JSON"),
        ('[{"id": 1,\n "text": }]', "line 2: not JSON"),
        ('{"id": 1, "note": "x"}', "has no report column.*id, note"),
        ("[1, 2]", "line 1: not an object"),
        ('[{"id": 1', "line 1: not JSON"),
        ("[" * 100_000, "line 1: not JSON"),
    ],
)
def test_json_that_is_not(tmp_path: Path, content: str, message: str) -> None:
    path = put(tmp_path, "a.json", content)
    if message.startswith("line 2") and "}\n{" in content:
        reports = read(path)
        assert reports[0].text == "x"
        assert message in reports[1].error
        return
    with pytest.raises(ReadError, match=f"a\\.json: {message}"):
        read(path)


def test_json_is_read_in_pieces(tmp_path: Path) -> None:
    rows = [{"id": str(i), "text": f"report {i} " + "x" * (i % 977), "n": i} for i in range(3000)]
    rows[1500]["text"] = "y" * 3_000_000
    reports = read(put(tmp_path, "a.json", json.dumps(rows, indent=1)))
    assert pairs(reports) == [(row["id"], row["text"]) for row in rows]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0", "PNG image"),
        (b"\x7fELF\x02\x01\x01\0\0", "a program"),
        (b"%PDF-1.7 words", "a PDF"),
        (b"some words\0and\0nulls\0", "binary"),
        (bytes(range(1, 30)) * 20, "binary"),
        (b"\xff\xfea\0b", "not all of it is text"),
    ],
)
def test_binary_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    for name in ("a.txt", "a.csv", "a.jsonl", "a.json", "a"):
        with pytest.raises(ReadError, match=rf"{name}: .*{message}"):
            read(put(tmp_path, name, content))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl"])
def test_empty_files_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReadError, match=rf"{name}: is empty"):
        read(put(tmp_path, name, b""))


def test_an_empty_text_file_is_an_empty_report(tmp_path: Path) -> None:
    (only,) = read(put(tmp_path, "a.txt", b""))
    assert (only.id, only.text, only.error) == ("a.txt", "", EMPTY_REPORT)


WORDS = "Épanchement – “no œdema” · 5 µm"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.json"])
def test_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    text = f"{WORDS}. The lungs are otherwise clear, with no other word to say about them."
    content = {
        "a.txt": text,
        "a.csv": f'id,report\n1,"{text}"\n',
        "a.jsonl": json.dumps({"id": "1", "report": text}, ensure_ascii=False) + "\n",
        "a.json": json.dumps([{"id": "1", "report": text}], ensure_ascii=False),
    }[name]
    (only,) = read(put(tmp_path, name, content.encode(encoding)))
    assert only.text == text


def test_latin_1(tmp_path: Path) -> None:
    (only,) = read(put(tmp_path, "a.txt", "Fièvre à 39°, opacité".encode("latin-1")))
    assert only.text == "Fièvre à 39°, opacité"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.json"])
def test_a_report_of_five_megabytes(tmp_path: Path, name: str) -> None:
    text = "No effusion. Line ends.\n" * 220_000
    content = {
        "a.txt": text,
        "a.csv": f'id,report\n1,"{text}"\n2,clear\n',
        "a.jsonl": json.dumps({"id": "1", "report": text}),
        "a.json": json.dumps([{"id": "1", "report": text}]),
    }[name]
    assert len(text) > 5_000_000
    assert read(put(tmp_path, name, content))[0].text == text


def test_folder_is_read_sorted_and_whole(tmp_path: Path) -> None:
    put(tmp_path, "b/two.txt", "two")
    put(tmp_path, "a.txt", "one")
    put(tmp_path, "c.csv", "id,report\n9,three\n")
    put(tmp_path, "picture.png", b"\x89PNG\0")
    put(tmp_path, ".hidden.txt", "hidden")
    put(tmp_path, "b/bad.txt", b"\x89PNG\0\0")
    reports = read(tmp_path)
    assert [report.id for report in reports] == ["a.txt", "b/bad.txt", "b/two.txt", "9"]
    assert "PNG" in reports[1].error


def test_missing_and_empty_places(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.txt: does not exist"):
        read_reports([tmp_path / "none.txt"])
    with pytest.raises(ReadError, match="holds no file that can be read"):
        read_reports([tmp_path])
    with pytest.raises(ReadError, match=r"doc: is not a format that can be read \(text, csv"):
        read_reports([put(tmp_path, "a.txt", "x")], ReadOptions(format="doc"))


def test_unreadable_file_among_others_costs_one_row(tmp_path: Path) -> None:
    first, bad, last = (put(tmp_path, n, b"x") for n in ("1.txt", "2.csv", "3.txt"))
    assert [bool(r.error) for r in read_reports([first, bad, last])] == [False, True, False]


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b"No effusion.", {}, [("stdin", "No effusion.")]),
        (b"id,report\n007,clear\n", {}, [("007", "clear")]),
        (
            b'{"id": "x", "text": "clear"}\n{"id": "y", "text": "b"}\n',
            {},
            [("x", "clear"), ("y", "b")],
        ),
        (b' [{"id": "x", "text": "clear"}]', {}, [("x", "clear")]),
        (b"id\treport\n1\tclear\n", {"format": "tsv"}, [("1", "clear")]),
    ],
)
def test_standard_input(
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    options: dict[str, str],
    expected: list[tuple[str, str]],
) -> None:
    inner, outer = os.pipe()
    os.write(outer, content)
    os.close(outer)
    with os.fdopen(inner, "rb") as pipe:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        assert pairs(list(read_reports(["-"], ReadOptions(**options)))) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="makes a pipe that holds a megabyte")
def test_rows_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    """A row comes out of a pipe while the pipe is still open."""
    fcntl = pytest.importorskip("fcntl")
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    try:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)
        rows = "".join(f"{number},{'x' * 1000}\n" for number in range(200))
        os.write(end, f"id,report\n{rows}".encode())
        stream = read_reports([pipe])
        assert [next(stream).id for _ in range(20)] == [str(number) for number in range(20)]
        stream.close()
    finally:
        os.close(end)


def test_half_a_surrogate_pair_cannot_break_the_output(tmp_path: Path) -> None:
    (only,) = read(put(tmp_path, "a.jsonl", b'{"id": "a\\udc80", "text": "no\\ud800 edema"}\n'))
    assert (only.id, only.text) == ("a\ufffd", "no\ufffd edema")
    assert len(only.text) == len("no? edema")


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufeff", exclude_categories=("Cc", "Cs"))
    | st.sampled_from("\r\n\t\x1b"),
    min_size=1,
    max_size=60,
).filter(lambda t: bool(t.strip()))
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)
ROUND = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(rows=ROWS, delimiter=st.sampled_from(",;\t"))
@ROUND
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    path = tmp_path / "round.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(("id", "report"))
        writer.writerows(rows)
    assert pairs(read(path)) == rows


@given(rows=ROWS, name=st.sampled_from(["round.json", "round.jsonl"]), plain=st.booleans())
@ROUND
def test_json_round_trip(
    tmp_path: Path, rows: list[tuple[str, str]], name: str, plain: bool
) -> None:
    path = tmp_path / name
    objects = [{"id": identifier, "text": text} for identifier, text in rows]
    dumped = [json.dumps(value, ensure_ascii=plain) for value in objects]
    content = "\n".join(dumped) if name.endswith("l") else f"[{','.join(dumped)}]"
    path.write_text(content, encoding="utf-8", newline="")
    assert pairs(read(path)) == rows


@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)),
    name=st.sampled_from(["r.txt", "r.csv", "r.tsv", "r.json", "r.jsonl", "r.bin"]),
    front=st.sampled_from([b"", b"id,report\n", b'{"id":1,"text":"x"}\n', b'[{"text":"a"},']),
)
@settings(ROUND, max_examples=300)
def test_any_bytes_give_reports_or_a_read_error(
    tmp_path: Path, content: bytes, name: str, front: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(front + content)
    with contextlib.suppress(ReadError):
        for report in read(path):
            assert bool(report.error) != bool(report.text)
            report.text.encode()
            report.id.encode()

"""`chexdesk label`: what goes in, what comes out."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_samples import (
    COLUMNS,
    DOUBT,
    EFFUSION,
    EMPTY,
    NORMAL,
    invoke,
    labels_of,
    read_csv,
    spawn,
    write_csv,
)

from chexdesk import paths
from chexdesk.services.library import Library

ROWS = [EFFUSION, EMPTY, NORMAL, DOUBT]
SAID = [
    {"Pleural Effusion": "1.0", "Pneumothorax": "0.0"},
    {},
    {"No Finding": "1.0"},
    {"Pneumonia": "-1.0"},
]


def label(source: str | Path, output: Path, *options: str | Path) -> None:
    result = invoke("label", source, "--output", output, "--engine", "rules", *options)
    assert result.exit_code == 0, result.stderr


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "reports.csv", ROWS)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def test_a_csv_gives_a_csv_row_by_row(reports: Path, output: Path) -> None:
    label(reports, output)
    text = output.read_text("utf-8")
    assert text.splitlines()[0] == ",".join(["id", *COLUMNS, "error"])
    rows = read_csv(output)
    assert [row["id"] for row in rows] == ["007", "none", "8", "1e3"]
    assert [labels_of(row) for row in rows] == SAID
    assert [row["error"] for row in rows] == ["", "empty report", "", ""]
    assert {row[name] for row in rows for name in COLUMNS} <= {"1.0", "0.0", "-1.0", ""}
    assert not output.with_name("labels.csv.partial").exists()


def test_standard_output_stays_clean(reports: Path, output: Path) -> None:
    result = invoke("label", reports, "--output", output, "--engine", "rules")
    assert result.stdout == ""
    assert str(output) in result.stderr
    assert "4 reports" in result.stderr
    assert "empty report" in result.stderr


def as_json(rows: Sequence[tuple[str, str]]) -> str:
    return json.dumps([{"id": name, "report": text} for name, text in rows])


def as_lines(rows: Sequence[tuple[str, str]]) -> str:
    return "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in rows)


def as_table(rows: Sequence[tuple[str, str]]) -> str:
    return "id\treport\n" + "".join(f"{name}\t{text}\n" for name, text in rows)


FORMS = {"tsv": as_table, "json": as_json, "jsonl": as_lines}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["by extension", "--from", "standard input"])
def test_every_format_in_gives_the_same_labels(
    tmp_path: Path, reports: Path, output: Path, form: str, how: str
) -> None:
    label(reports, output)
    text = FORMS[form](ROWS)
    other = tmp_path / "other.csv"
    if how == "standard input":
        command = ("label", "-", "--from", form, "--output", other, "--engine", "rules")
        assert invoke(*command, stdin=text).exit_code == 0
    else:
        source = tmp_path / (f"reports.{form}" if how == "by extension" else "reports.export")
        source.write_text(text, encoding="utf-8")
        label(source, other, *(["--from", form] if how == "--from" else []))
    assert other.read_bytes() == output.read_bytes()


def test_a_folder_gives_a_row_for_each_file_sorted(tmp_path: Path, output: Path) -> None:
    folder = tmp_path / "ward"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "1.txt").write_text(EFFUSION[1])
    (folder / "a.txt").write_text(NORMAL[1])
    (folder / "scan.dcm").write_bytes(b"DICM")
    label(folder, output)
    assert [row["id"] for row in read_csv(output)] == ["a.txt", "b/1.txt"]


def test_several_inputs_come_one_after_another(tmp_path: Path, output: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.csv"
    one.write_text(NORMAL[1])
    write_csv(two, [EFFUSION])
    result = invoke("label", one, two, "--output", output, "--engine", "rules")
    assert result.exit_code == 0
    assert [row["id"] for row in read_csv(output)] == ["one.txt", "007"]


ODD_IDS = ["007", "1e5", "-0", " padded ", "a,b", 'say "x"', "Zürich", "two\nlines", "=1+1", "NaN"]


def test_ids_are_kept_letter_for_letter(tmp_path: Path, output: Path) -> None:
    source = write_csv(
        tmp_path / "in.csv", [(name, NORMAL[1]) for name in ODD_IDS], ("Accession Number", "Text")
    )
    label(source, output)
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][0] == "Accession Number"
    assert [row[0] for row in rows[1:]] == ODD_IDS
    as_objects = tmp_path / "labels.json"
    label(source, as_objects)
    assert [each["id"] for each in json.loads(as_objects.read_text("utf-8"))] == ODD_IDS


@pytest.mark.parametrize("column", ["report", "text", "Report Impression", "REPORT_TEXT"])
def test_the_report_column_is_found_by_name(tmp_path: Path, output: Path, column: str) -> None:
    label(write_csv(tmp_path / "in.csv", ROWS, ("id", column)), output)
    assert [labels_of(row) for row in read_csv(output)] == SAID


def test_findings_and_impression_together_make_the_report(tmp_path: Path, output: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(
        "uid,findings,impression\n"
        "1,Small left pleural effusion.,Possible pneumonia.\n"
        "2,,No pneumothorax.\n"
    )
    label(source, output)
    rows = read_csv(output)
    assert labels_of(rows[0]) == {"Pleural Effusion": "1.0", "Pneumonia": "-1.0"}
    assert labels_of(rows[1])["Pneumothorax"] == "0.0"


def test_a_column_can_be_named(tmp_path: Path, output: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ROWS, ("id", "befund"))
    assert invoke("label", source, "--output", output, "--engine", "rules").exit_code == 1
    label(source, output, "--column", "befund")
    assert [labels_of(row) for row in read_csv(output)] == SAID


def test_the_format_option_beats_the_ending(tmp_path: Path, reports: Path) -> None:
    output = tmp_path / "labels.txt"
    label(reports, output, "--format", "jsonl")
    assert [json.loads(line)["id"] for line in output.read_text("utf-8").splitlines()] == [
        "007", "none", "8", "1e3",
    ]  # fmt: skip


def test_json_has_the_promised_shape(tmp_path: Path, reports: Path) -> None:
    output = tmp_path / "labels.json"
    label(reports, output)
    records = json.loads(output.read_text("utf-8"))
    for record, (identifier, text) in zip(records, ROWS, strict=True):
        error = ["error"] if identifier == "none" else []
        assert list(record) == ["id", "labels", "probabilities", "evidence", "model", *error]
        assert list(record["labels"]) == COLUMNS
        assert set(record["labels"].values()) <= {"positive", "negative", "uncertain", None}
        assert list(record["model"]) == ["name", "sha256", "version"]
        for span in record["evidence"]:
            assert list(span) == ["finding", "certainty", "start", "end", "text", "cue"]
            assert text[span["start"] : span["end"]] == span["text"] != ""
            assert span["certainty"] == record["labels"][span["finding"]]
    assert records[0]["labels"]["Pleural Effusion"] == "positive"
    assert {span["finding"] for span in records[0]["evidence"]} == {
        "Pleural Effusion", "Pneumothorax",
    }  # fmt: skip
    assert records[1]["error"] == "empty report"
    assert set(records[1]["labels"].values()) == {None}


def test_evidence_offsets_count_code_points_of_the_text_as_given(tmp_path: Path) -> None:
    text = "  HISTORY: co\u0301ugh \U0001f9b4\r\n\r\nFINDINGS:\tNo pneumothorax.\r\n"
    source, output = tmp_path / "one.txt", tmp_path / "labels.json"
    source.write_bytes(text.encode())
    label(source, output)
    (record,) = json.loads(output.read_text("utf-8"))
    (span,) = [each for each in record["evidence"] if each["finding"] == "Pneumothorax"]
    assert text[span["start"] : span["end"]] == span["text"]
    assert "pneumothorax" in span["text"]


def test_fhir_is_a_bundle_of_reports_and_observations(tmp_path: Path, reports: Path) -> None:
    output = tmp_path / "labels.json"
    label(reports, output, "--format", "fhir")
    bundle = json.loads(output.read_text("utf-8"))
    assert bundle["resourceType"] == "Bundle"
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds.count("DiagnosticReport") == len(ROWS)
    assert kinds.count("Observation") == sum(map(len, SAID))


SECTIONED = (
    "HISTORY: There is a displaced rib fracture.\n\nFINDINGS: Small left pleural effusion.\n\n"
    "IMPRESSION: Possible pneumonia."
)


@pytest.mark.parametrize(
    ("sections", "read"),
    [
        (None, {"Pleural Effusion", "Pneumonia"}),
        ("findings", {"Pleural Effusion"}),
        ("impression", {"Pneumonia"}),
        ("all", {"Fracture", "Pleural Effusion", "Pneumonia"}),
    ],
)
def test_sections_say_what_is_read(
    tmp_path: Path, output: Path, sections: str | None, read: set[str]
) -> None:
    source = tmp_path / "one.txt"
    source.write_text(SECTIONED)
    label(source, output, *(["--sections", sections] if sections else []))
    (row,) = read_csv(output)
    assert set(labels_of(row)) == read


def test_strict_turns_a_bad_row_into_a_bad_end(reports: Path, output: Path) -> None:
    command = ("label", reports, "--output", output, "--engine", "rules", "--strict")
    assert invoke(*command).exit_code == 1
    assert [labels_of(row) for row in read_csv(output)] == SAID
    write_csv(reports, [EFFUSION, NORMAL])
    assert invoke(*command).exit_code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--engine", "oracle"],
        ["--format", "xls"],
        ["--from", "doc"],
        ["--sections", "technique"],
        ["--gpu-layers", "many"],
        ["--jobs", "0"],
        ["--jobs", "two"],
        ["--no-such-option"],
    ],
)
def test_wrong_use_ends_with_2_and_says_what_would_be_right(
    reports: Path, output: Path, wrong: list[str]
) -> None:
    result = invoke("label", reports, "--output", output, "--engine", "rules", *wrong)
    assert result.exit_code == 2
    assert wrong[0] in result.stderr
    assert not output.exists()


def test_an_ending_that_says_no_format_is_wrong_use(tmp_path: Path, reports: Path) -> None:
    result = invoke("label", reports, "--output", tmp_path / "labels", "--engine", "rules")
    assert result.exit_code == 2
    assert "--format" in result.stderr
    assert ".csv" in result.stderr


def test_no_output_and_no_input_are_wrong_use(reports: Path, output: Path) -> None:
    assert invoke("label", reports).exit_code == 2
    assert invoke("label", "--output", output).exit_code == 2


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "reports.csv", ROWS)
    before = source.read_bytes()
    for given in (source, tmp_path):
        result = invoke("label", given, "--output", source, "--engine", "rules")
        assert result.exit_code == 1
        assert "reports.csv" in result.stderr
        assert source.read_bytes() == before


def test_without_store_no_text_is_kept(reports: Path, output: Path) -> None:
    label(reports, output)
    assert [path for path in paths.home().rglob("*") if path.is_file()] == []


def test_store_keeps_reports_and_labels_for_the_window(reports: Path, output: Path) -> None:
    label(reports, output, "--store")
    library = Library.open()
    try:
        entries = library.entries()
        texts = [library.detail(entry.key).text for entry in entries]
        prediction = library.detail(entries[0].key).prediction
    finally:
        library.close()
    assert texts == [EFFUSION[1], NORMAL[1], DOUBT[1]]
    assert prediction is not None
    cells = [certainty.csv_cell for certainty in prediction.certainties]
    assert cells == [read_csv(output)[0][name] for name in COLUMNS]


def test_standard_input_of_a_real_process(tmp_path: Path) -> None:
    output = tmp_path / "labels.csv"
    text = "id,report\n" + "".join(f'{name},"{text}"\n' for name, text in ROWS)
    done = spawn("label", "-", "--output", output, "--engine", "rules", stdin=text.encode())
    assert done.returncode == 0, done.stderr
    assert [labels_of(row) for row in read_csv(output)] == SAID
    assert done.stdout == b""
    # No progress bar in a pipe: one line, no escapes.
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


def test_an_output_is_not_readable_by_others(reports: Path, output: Path) -> None:
    label(reports, output)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600

"""Excel, Parquet, HL7, DICOM SR and MIMIC-CXR's CSV, read back by the field's own libraries."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import hl7
import openpyxl
import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydicom import dcmread

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, chexpert14
from chexdesk.outputs import converted
from chexdesk.outputs.converted import ConvertedLayout
from chexdesk.outputs.write import (
    LAYOUTS,
    OutputError,
    completed_rows,
    format_of,
    kept_rows,
    open_output,
    partial_path,
)
from chexdesk.reports.read import read_reports
from chexdesk.reports.report import Origin, Report

LABELS = chexpert14()
MODEL = ModelId("tiny", "ab" * 32, "1.0")
FORMATS = [layout.name for layout in LAYOUTS if isinstance(layout, ConvertedLayout)]
ORIGIN = Origin("MSG1", "A&1", "P|7", "1.2.840.7")
Pair = tuple[Report, Prediction]


@pytest.fixture(autouse=True)
def _steady_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(converted.EPOCH_VARIABLE, "1735787045")


def predicted(identifier: str, *numbers: int | None, known: bool = True) -> Prediction:
    wanted = [Certainty.from_number(number) for number in numbers]
    certainties = tuple(wanted + [Certainty.NOT_MENTIONED] * (len(LABELS) - len(wanted)))
    row = (0.123456, 0.7, 0.1, 0.076544)
    return Prediction(identifier, certainties, (row,) * len(LABELS) if known else (), MODEL)


def pairs() -> list[Pair]:
    return [
        (Report("007", "text", origin=ORIGIN), predicted("007", 1, 0, -1)),
        (Report("=1+1", "text"), predicted("=1+1", 1, known=False)),
        (Report("c", "text"), Prediction.failed("c", LABELS, MODEL, "no model")),
        (Report("d", "text"), predicted("d")),
    ]


def write(path: Path, kind: str, given: list[Pair], after: int = 0) -> Path:
    with open_output(path, kind, LABELS, "study", resume_after=after, keep_partial=True) as writer:
        for report, prediction in given:
            writer.write(report, prediction)
    return path


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write(tmp_path / "a.xlsx", "xlsx", pairs()))
    rows = list(book["Labels"].iter_rows(values_only=True))
    assert rows[0] == ("study", *LABELS.names, "error")
    assert rows[1][:5] == ("007", 1, 0, -1, None)
    assert rows[2][:2] == ("=1+1", 1)
    assert rows[3] == ("c", *[None] * 14, "no model")
    assert book["Labels"]["A3"].data_type == "s"


def test_parquet(tmp_path: Path) -> None:
    rows = parquet.read_table(write(tmp_path / "a.parquet", "parquet", pairs())).to_pylist()
    first, second, third, _ = rows
    assert list(first) == [
        "study",
        *LABELS.names,
        *(f"{n} probability" for n in LABELS.names),
        "error",
    ]
    assert [first[name] for name in LABELS.names[:4]] == [1, 0, -1, None]
    assert first[f"{LABELS.names[0]} probability"] == 0.1235
    assert second[f"{LABELS.names[0]} probability"] is None
    assert (third["study"], third["error"]) == ("c", "no model")


def test_mimic_csv(tmp_path: Path) -> None:
    path = tmp_path / "mimic-cxr-2.0.0-chexpert.csv"
    assert format_of(path) == "mimic-csv"
    assert format_of(tmp_path / "my-chexpert.csv") == "csv"
    origin = Origin(patient="10000032", study="50414267")
    report = Report("50414267", "x", origin=origin)
    write(path, "mimic-csv", [(report, predicted("50414267", 1, 0, -1)), pairs()[2]])
    header, first, second = csv.reader(io.StringIO(path.read_text("utf-8")))
    assert header == ["subject_id", "study_id", *sorted(LABELS.names)]
    found = dict(zip(header, first, strict=True))
    assert (found["subject_id"], found["study_id"]) == ("10000032", "50414267")
    assert [found[name] for name in LABELS.names[:4]] == ["1.0", "0.0", "-1.0", ""]
    assert second == ["", "c", *[""] * 14]


def messages(path: Path) -> list[str]:
    content = path.read_bytes().decode("utf-8")
    return ["MSH" + part for part in content.split("MSH")[1:]]


def test_hl7(tmp_path: Path) -> None:
    first, second, third, last = messages(write(tmp_path / "a.hl7", "hl7", pairs()))
    parsed = hl7.parse(first)
    assert str(parsed["MSH"][0][9]) == "ORU^R01^ORU_R01"
    assert str(parsed["MSH"][0][7]) == "20250102030405+0000"
    assert parsed.unescape(str(parsed["PID"][0][3])) == "P|7"
    assert parsed.unescape(str(parsed["OBR"][0][3])) == "A&1"
    assert parsed.unescape(str(parsed["OBR"][0][18])) == "A&1"
    found = [(str(o[3]), str(o[5]), str(o[9]), str(o[11])) for o in parsed["OBX"]]
    assert found == [
        (f"^{LABELS.names[0]}", "52101004^positive^SCT", "0.1235", "P"),
        (f"^{LABELS.names[1]}", "272519000^negative^SCT", "0.7", "P"),
        (f"^{LABELS.names[2]}", "373068000^uncertain^SCT", "0.1", "P"),
    ]
    assert "OBX" not in last
    assert "PID" not in second
    assert str(hl7.parse(third)["NTE"][0][3]) == "Not labelled: no model"
    assert str(hl7.parse(third)["OBR"][0][25]) == "I"


def test_hl7_is_valid(tmp_path: Path) -> None:
    """hl7apy knows which fields the standard requires, and their types."""
    for message in messages(write(tmp_path / "a.hl7", "hl7", pairs())):
        assert parse_message(message, find_groups=True).validate() is True


def test_hl7_comes_back_through_our_own_reader(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hl7", "hl7", pairs()[:2])
    first, second = read_reports([path])
    assert (first.id, first.origin.accession, first.origin.patient) == ("A&1", "A&1", "P|7")
    assert first.text == "positive\nnegative\nuncertain"
    assert second.id == "=1+1"


def test_dicom_sr(tmp_path: Path) -> None:
    path = write(tmp_path / "a.sr.zip", "dicom-sr", pairs())
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert names == ["0000001.dcm", "0000002.dcm", "0000003-not-labelled.txt", "0000004.dcm"]
        assert archive.read(names[2]) == b"c\nno model\n"
        first, second = (dcmread(io.BytesIO(archive.read(name))) for name in names[:2])
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.22"
    assert (first.StudyInstanceUID, first.PatientID) == ("1.2.840.7", "P|7")
    assert (first.AccessionNumber, second.AccessionNumber) == ("A&1", "=1+1")
    assert first.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (first.CompletionFlag, first.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert (first.PreliminaryFlag, first.ContentDate) == ("PRELIMINARY", "20250102")
    found = [
        (item.ConceptNameCodeSequence[0].CodeMeaning, item.ConceptCodeSequence[0].CodeValue)
        for item in evaluations(first)
    ]
    assert found == list(zip(LABELS.names, ["52101004", "272519000", "373068000"], strict=False))


def evaluations(item: object) -> list[object]:
    """The coded values of a tree under our private names."""
    found = []
    for each in getattr(item, "ContentSequence", []):
        if each.ValueType == "CODE" and each.ConceptNameCodeSequence[0].CodingSchemeDesignator == (
            "99CHEXDESK"
        ):
            found.append(each)
        found += evaluations(each)
    return found


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools: bash .ci/apt.sh")
def test_dicom_sr_is_valid(tmp_path: Path) -> None:
    """dciodvfy judges every object that is written."""
    with zipfile.ZipFile(write(tmp_path / "a.sr.zip", "dicom-sr", pairs())) as archive:
        archive.extractall(tmp_path)
    for path in sorted(tmp_path.glob("*.dcm")):
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "EnhancedSR" in said
        assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_dicom_sr_is_understood_by_highdicom(tmp_path: Path) -> None:
    from highdicom.sr import srread

    path = write(tmp_path / "a.sr.zip", "dicom-sr", pairs()[:1])
    with zipfile.ZipFile(path) as archive:
        document = srread(io.BytesIO(archive.read("0000001.dcm")))
    (group,) = document.content.get_image_measurement_groups()
    assert len(group.get_qualitative_evaluations()) == 3


def test_dicom_sr_comes_back_through_our_own_reader(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path / "a.sr.zip", "dicom-sr", pairs()[:1])) as archive:
        archive.extractall(tmp_path)
    (only,) = read_reports([tmp_path / "0000001.dcm"])
    assert only.id == "A&1"
    assert f"{LABELS.names[1]}: Absent" in only.text


def test_fhir_is_valid_r4b(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fhir.json", "fhir", pairs())
    bundle = Bundle.model_validate_json(path.read_bytes())
    report = bundle.entry[0].resource
    assert [i.value for i in report.identifier] == ["007", "A&1"]
    assert report.identifier[1].type.coding[0].code == "ACSN"
    assert report.subject.identifier.value == "P|7"
    kinds = [type(entry.resource).__name__ for entry in bundle.entry]
    assert (kinds.count("DiagnosticReport"), kinds.count("Observation")) == (4, 4)


def break_off(path: Path, kind: str, given: list[Pair]) -> None:
    with open_output(path, kind, LABELS, "study", keep_partial=True) as writer:
        for report, prediction in given:
            writer.write(report, prediction)
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", FORMATS)
def test_resumed_run_equals_unbroken_run(tmp_path: Path, kind: str) -> None:
    unbroken = write(tmp_path / "whole", kind, pairs()).read_bytes()
    path = tmp_path / "out"
    with pytest.raises(ZeroDivisionError):
        break_off(path, kind, pairs()[:3])
    assert completed_rows(path, kind, LABELS, "study") == 3
    assert list(kept_rows(path, kind, LABELS, "study", 3))[2] == ("c", "no model")
    with partial_path(path).open("ab") as file:
        file.write(b'{"id": "half a li')
    done = completed_rows(path, kind, LABELS, "study")
    assert write(path, kind, pairs()[done:], after=done).read_bytes() == unbroken
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "whole"]


@pytest.mark.parametrize("kind", FORMATS)
def test_no_rows_are_a_valid_file(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "out.xlsx", kind, [])
    if kind == "xlsx":
        assert openpyxl.load_workbook(path)["Labels"].max_row == 1
    elif kind == "parquet":
        assert parquet.read_table(path).num_rows == 0
    elif kind == "dicom-sr":
        assert zipfile.ZipFile(path).namelist() == []
    else:
        assert path.read_bytes().count(b"\n") == (kind == "mimic-csv")


def test_interim_files_of_other_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    partial_path(path).write_bytes(b'{"interim": "hl7", "id": "study", "findings": []}\n')
    with pytest.raises(OutputError, match="was begun with another format"):
        completed_rows(path, "xlsx", LABELS, "study")


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converted, "find_spec", lambda name: None)
    with (
        pytest.raises(
            OutputError, match=r"parquet needs pyarrow: pip install 'chexdesk\[formats\]'"
        ),
        open_output(tmp_path / "a.parquet", "parquet", LABELS),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@given(
    rows=st.lists(
        st.tuples(
            st.text(
                st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8
            ),
            st.lists(st.sampled_from([1, 0, -1, None]), min_size=14, max_size=14),
        ),
        max_size=4,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_can_be_read_back(
    tmp_path: Path, rows: list[tuple[str, list[int | None]]]
) -> None:
    given = [(Report(i, "text"), predicted(i, *numbers)) for i, numbers in rows]
    table = parquet.read_table(write(tmp_path / "a.parquet", "parquet", given)).to_pylist()
    assert [(row["study"], [row[n] for n in LABELS.names]) for row in table] == rows
    book = openpyxl.load_workbook(write(tmp_path / "a.xlsx", "xlsx", given))
    sheet = list(book["Labels"].iter_rows(min_row=2, max_col=15, values_only=True))
    assert [list(row[1:]) for row in sheet] == [numbers for _, numbers in rows]
    assert len(messages(write(tmp_path / "a.hl7", "hl7", given))) == len(rows)

"""An integrator's paths through the command line, each one command: a feed in, a standard out."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import hl7
import openpyxl
import pytest
from fhir.resources.R4B.bundle import Bundle
from pyarrow import parquet
from pydicom import dcmread
from typer.testing import CliRunner

from chexdesk.cli import app

SAMPLES = Path(__file__).resolve().parents[1] / "reports" / "samples"


def label(source: str | Path, output: Path, *options: str, stdin: bytes = b"") -> str:
    done = CliRunner().invoke(
        app,
        ["label", str(source), "--output", str(output), "--engine", "rules", "--strict", *options],
        input=stdin,
        env={"CHEXDESK_HOME": str(output.parent / "home")},
    )
    assert done.exit_code == 0, done.stderr
    return done.stderr


def test_hl7_to_fhir(tmp_path: Path) -> None:
    label(SAMPLES / "feed.hl7", tmp_path / "labels.fhir.json")
    bundle = Bundle.model_validate_json((tmp_path / "labels.fhir.json").read_bytes())
    resources = [entry.resource for entry in bundle.entry]
    reports = [r for r in resources if type(r).__name__ == "DiagnosticReport"]
    assert [report.identifier[0].value for report in reports] == ["A1", "A2"]
    assert [report.identifier[0].type.coding[0].code for report in reports] == ["ACSN"] * 2
    assert [report.subject.identifier.value for report in reports] == ["P1", "P2"]
    by_url = {entry.fullUrl: entry.resource for entry in bundle.entry}
    said = {
        by_url[each.reference].code.text: by_url[each.reference].valueCodeableConcept.text
        for each in reports[0].result
    }
    assert said["Pleural Effusion"] == "positive"
    assert said["Pneumothorax"] == "negative"
    # The reason for the study asks for it; the report does not speak of it.
    assert "Edema" not in said


def test_hl7_from_a_pipe_to_hl7(tmp_path: Path) -> None:
    label("-", tmp_path / "labels.hl7", stdin=(SAMPLES / "feed.hl7").read_bytes())
    first, second = (tmp_path / "labels.hl7").read_bytes().decode().split("MSH")[1:]
    parsed = hl7.parse(f"MSH{first}")
    assert str(parsed["OBR"][0][18]) == "A1"
    assert any("Pleural Effusion" in str(segment[3]) for segment in parsed["OBX"])
    assert "A2" in second


def test_dicom_to_dicom(tmp_path: Path) -> None:
    label(SAMPLES / "report.dcm", tmp_path / "labels.sr.zip")
    given = dcmread(SAMPLES / "report.dcm")
    with zipfile.ZipFile(tmp_path / "labels.sr.zip") as archive:
        made = dcmread(io.BytesIO(archive.read("0000001.dcm")))
    for keyword in ("StudyInstanceUID", "PatientID", "AccessionNumber"):
        assert made.get(keyword) == given.get(keyword)


def test_mimic_folders_to_its_own_layout(tmp_path: Path) -> None:
    path = tmp_path / "mimic-cxr-2.0.0-chexpert.csv"
    label(SAMPLES / "files", path, "--sections", "mimic")
    header, row = path.read_text("utf-8").splitlines()
    assert header.startswith("subject_id,study_id,Atelectasis,")
    assert row.startswith("10000001,50000001,")
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["Cardiomegaly"], found["Pneumothorax"]) == ("1.0", "")


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
def test_a_spreadsheet_comes_back_with_labels(tmp_path: Path, ending: str) -> None:
    output = tmp_path / f"labels.{ending}"
    label(SAMPLES / f"reports.{ending}", output)
    if ending == "xlsx":
        rows = list(openpyxl.load_workbook(output)["Labels"].iter_rows(values_only=True))
        assert rows[0][0] == "Accession"
        assert [row[0] for row in rows[1:]] == ["007", "A-8"]
    else:
        table = parquet.read_table(output).to_pylist()
        assert [row["study_id"] for row in table] == ["50000001", "50000002"]
        assert table[0]["Pleural Effusion"] == 1


def test_all_sample_formats_at_once(tmp_path: Path) -> None:
    said = label(SAMPLES, tmp_path / "labels.csv")
    assert "could not be labelled" not in said
    assert len((tmp_path / "labels.csv").read_text("utf-8").splitlines()) > 15

"""DICOM: content trees, and objects that are damaged, hostile or no reports."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from sample_texts import SAMPLES

from chexdesk.reports.read import EMPTY_REPORT, ReadError, read_reports
from chexdesk.reports.readers import dicom, parsing
from chexdesk.reports.report import Report


def read(folder: Path, found: Dataset | bytes) -> list[Report]:
    path = folder / "a.dcm"
    if isinstance(found, bytes):
        path.write_bytes(found)
    else:
        found.save_as(path, enforce_file_format=True)
    return list(read_reports([path]))


def sample() -> Dataset:
    return dcmread(SAMPLES / "report.dcm")


def item(kind: str, name: str = "", **values: Any) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", kind
    if name:
        made.ConceptNameCodeSequence = [code("X1", name)]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def code(value: str, meaning: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, "99X", meaning
    return made


def measured(value: str, unit: str) -> Dataset:
    made = Dataset()
    made.NumericValue = value
    made.MeasurementUnitsCodeSequence = [code(unit, unit)]
    return made


def test_coded_values_and_measurements(tmp_path: Path) -> None:
    found = sample()
    found.ContentSequence = [
        item("CODE", "Finding", ConceptCodeSequence=[code("E", "Pleural effusion")]),
        item("NUM", "Ratio", MeasuredValueSequence=[measured("0.6", "1")]),
        item("NUM", "Size", MeasuredValueSequence=[measured("12", "mm")]),
        item("NUM", "Depth", MeasuredValueSequence=[]),
        item("TEXT", TextValue="No edema."),
        item("UIDREF", "Study", UID="1.2.3"),
        item("CONTAINER"),
    ]
    (only,) = read(tmp_path, found)
    assert only.text == (
        "Finding: Pleural effusion\nRatio: 0.6\nSize: 12 mm\nDepth: not measured\nNo edema."
    )


def test_without_an_accession_the_instance_is_the_id(tmp_path: Path) -> None:
    found = sample()
    found.AccessionNumber = ""
    (only,) = read(tmp_path, found)
    assert only.id == found.SOPInstanceUID


def test_a_tree_without_text(tmp_path: Path) -> None:
    found = sample()
    del found.ContentSequence
    (only,) = read(tmp_path, found)
    assert only.error == EMPTY_REPORT


def test_trees_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, inner = sample(), item("TEXT", TextValue="x")
    for _ in range(60):
        inner = item("CONTAINER", ContentSequence=[inner])
    found.ContentSequence = [inner]
    with pytest.raises(ReadError, match=r"a\.dcm: is a DICOM file that nests too deeply"):
        read(tmp_path, found)
    monkeypatch.setattr(dicom, "MOST_ITEMS", 5)
    with pytest.raises(ReadError, match="of more than 5 content items"):
        read(tmp_path, sample())


def deflated(content: bytes) -> bytes:
    """A whole deflated object around some bytes that stand for its data set."""
    found = sample()
    found.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    whole = buffer.getvalue()
    length = int.from_bytes(whole[140:144], "little")
    if not content:
        return whole
    packer = zlib.compressobj(wbits=-15)
    return whole[: 144 + length] + packer.compress(content) + packer.flush()


def test_deflated_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(tmp_path, deflated(b""))[0].text == read(tmp_path, sample())[0].text
    monkeypatch.setattr(parsing, "LARGEST_DOCUMENT", 1 << 20)
    with pytest.raises(ReadError, match=r"a\.dcm: is a DICOM file that unpacks to more than 1 MB"):
        read(tmp_path, deflated(bytes(2 << 20)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged or not a DICOM file"),
        (b"words", "is damaged or not a DICOM file"),
        (bytes(128) + b"DICM", "is a DICOM file"),
        (deflated(b"")[:-900], "is damaged or not a DICOM file|is a DICOM file"),
        (
            (SAMPLES / "pdf.dcm").read_bytes()[:3000],
            "is a DICOM file that breaks off before its end",
        ),
    ],
)
def test_objects_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.dcm: ({message})"):
        read(tmp_path, content)


def test_an_object_that_breaks_off_is_never_read_in_part(tmp_path: Path) -> None:
    whole = (SAMPLES / "report.dcm").read_bytes()
    for end in range(400, len(whole), 97):
        try:
            (only,) = read(tmp_path, whole[:end])
        except ReadError:
            continue
        assert only.error == EMPTY_REPORT


def test_images_are_no_reports(tmp_path: Path) -> None:
    found = sample()
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    with pytest.raises(ReadError, match="neither a structured report nor an encapsulated PDF"):
        read(tmp_path, found)


def test_values_are_not_quoted_in_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    content = (SAMPLES / "report.dcm").read_bytes().replace(b"20250102", b"Clear xx")
    assert read(tmp_path, content)[0].text.startswith("HISTORY")
    assert capsys.readouterr().err == ""
    assert not [warning for warning in recwarn if "Clear" in str(warning.message)]

"""One real file of each format, as the programs of the field write them (make_samples.py)."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from sample_texts import FINDINGS, HISTORY, IMPRESSION, NORMAL, REPORT, SAMPLES

from chexdesk.reports.read import ReadOptions, read_reports
from chexdesk.reports.report import Origin
from chexdesk.reports.sections import choose_sections

SHORT = "FINDINGS: The heart is enlarged. Small left pleural effusion. No pneumothorax."
#: What a printed page makes of REPORT: lines end where the margin is, and pages have numbers.
PRINTED = {
    "HISTORY: 72 year old with dyspnoea, rule out oedema.",
    "FINDINGS: The heart is enlarged. Small left pleural effusion. No pneumothorax.",
    "IMPRESSION: Cardiomegaly with a small left effusion – “unchanged”.",
}

#: File -> ids, and the texts.
EXPECTED: dict[str, list[tuple[str, str]]] = {
    "report.docx": [
        ("report.docx", f"HISTORY: {HISTORY}\n{SHORT}\nCardiothoracic ratio\t0.6\n"
         f"IMPRESSION: {IMPRESSION}")
    ],
    "report.rtf": [("report.rtf", REPORT)],
    "reports.xlsx": [("007", REPORT), ("A-8", NORMAL)],
    "reports.parquet": [
        ("50000001", f"FINDINGS: {FINDINGS}\nIMPRESSION: {IMPRESSION}"),
        ("50000002", NORMAL),
    ],
    "feed.hl7": [
        ("A1", f"INDICATION:\n{HISTORY}\nFINDINGS:\nThe heart is enlarged.\nSmall left pleural "
         "effusion.\nNo pneumothorax.\nIMPRESSION:\nEnlarged heart & effusion\nStable.\n"
         "Größe: 5 × 3 cm."),
        ("A2", NORMAL),
    ],
    "report.fhir.json": [("ACC-1", REPORT)],
    "bundle.json": [
        ("ACC-2", f"{SHORT}\nIMPRESSION:\n{IMPRESSION}"),
        ("ACC-3", NORMAL.replace("\n", " ")),
    ],
    "export.ndjson": [("ACC-4", NORMAL), ("ACC-5", "IMPRESSION:\nClear.")],
    "report.dcm": [
        ("ACC9", f"HISTORY:\n{HISTORY}\nFINDINGS:\nGröße normal. Small effusion.\nNo oedema.\n"
         "IMPRESSION:\nSmall effusion.")
    ],
    "CXR1.xml": [
        ("CXR1", f"COMPARISON: None.\nINDICATION: {HISTORY}\n{SHORT}\n"
         "IMPRESSION: 1. Cardiomegaly & effusion.")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gives_its_reports(name: str) -> None:
    reports = list(read_reports([SAMPLES / name]))
    assert [(report.id, report.text) for report in reports] == EXPECTED[name]
    for report in reports:
        assert not report.error
        assert report.source.startswith(str(SAMPLES / name))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_known_by_its_content(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (SAMPLES / name).read_bytes()
    (tmp_path / "wrong.txt").write_bytes(content)
    assert [r.text for r in read_reports([tmp_path / "wrong.txt"])] == [
        text for _, text in EXPECTED[name]
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(_Pipe(content)))
    assert [r.text for r in read_reports(["-"])] == [text for _, text in EXPECTED[name]]


class _Pipe(io.BufferedReader):
    """Bytes that cannot be gone back in."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))  # type: ignore[arg-type]

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("name", "identifier"), [("report.pdf", "report.pdf"), ("pdf.dcm", "ACC9")]
)
def test_pdf(name: str, identifier: str) -> None:
    (only,) = read_reports([SAMPLES / name])
    assert only.id == identifier
    words = " ".join(only.text.split())
    for sentence in PRINTED:
        assert sentence in words.replace(" 1 IMPRESSION", " IMPRESSION")
    shown = " ".join(only.text[s.start : s.end] for s in choose_sections(only.text))
    assert "dyspnoea" not in shown
    assert "pneumothorax" in shown


def test_mimic_layout() -> None:
    stream = read_reports([SAMPLES / "files"])
    assert stream.id_header == "study_id"
    (only,) = stream
    assert only.id == "50000001"
    assert only.origin == Origin(patient="10000001", study="50000001")
    shown = [only.text[s.start : s.end] for s in choose_sections(only.text)]
    assert shown == [FINDINGS, "Cardiomegaly."]


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("feed.hl7", Origin("MSG1", "A1", "P1")),
        ("report.fhir.json", Origin("1", "ACC-1", "pat-1")),
        ("CXR1.xml", Origin("CXR1")),
    ],
)
def test_identifiers_are_kept(name: str, origin: Origin) -> None:
    assert next(read_reports([SAMPLES / name])).origin == origin


def test_identifiers_of_dicom_are_kept() -> None:
    found = next(read_reports([SAMPLES / "report.dcm"])).origin
    assert (found.accession, found.patient) == ("ACC9", "P9")
    assert found.message.startswith("1.2.826.0.1.3680043.8.498.")
    assert found.study.startswith("1.2.826.0.1.3680043.8.498.")


def test_a_folder_of_all_formats() -> None:
    reports = list(read_reports([SAMPLES]))
    assert len(reports) == sum(map(len, EXPECTED.values())) + 3
    assert [report for report in reports if report.error] == []


@pytest.mark.parametrize("kind", ["docx", "pdf", "rtf", "hl7", "fhir", "dicom", "openi", "xlsx"])
def test_a_folder_by_format(kind: str) -> None:
    assert [r for r in read_reports([SAMPLES], ReadOptions(format=kind)) if not r.error]


LAZY = """
import sys
import chexdesk.cli, chexdesk.reports.read
heavy = {"openpyxl", "pyarrow", "pypdf", "pydicom", "defusedxml", "highdicom", "lxml", "PIL"}
print(sorted(heavy & set(sys.modules)))
"""


def test_libraries_are_loaded_when_they_are_needed() -> None:
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_folder_leaves_out_what_is_no_report(tmp_path: Path) -> None:
    """Images and settings lie beside reports; asked for by name, each says what it is."""
    (tmp_path / "a.txt").write_text("Clear.")
    (tmp_path / "settings.xml").write_text("<settings/>")
    image = dcmread(SAMPLES / "report.dcm")
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    image.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    (tmp_path / "report.dcm").write_bytes((SAMPLES / "report.dcm").read_bytes())
    assert [report.id for report in read_reports([tmp_path])] == ["a.txt", "ACC9"]
    by_name = [tmp_path / name for name in ("settings.xml", "image.dcm")]
    assert ["Open-i" in r.error or "neither" in r.error for r in read_reports(by_name)] == [
        True
    ] * 2

"""The layouts of MIMIC-CXR and Open-i, and the field's rules for their sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from chexdesk.reports.read import EMPTY_REPORT, ReadError, ReadOptions, read_reports
from chexdesk.reports.report import Origin, Report
from chexdesk.reports.sections import SectionChoice, choose_sections


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **options: str) -> list[Report]:
    return list(read_reports([path], ReadOptions(**options)))


def test_mimic_folders(tmp_path: Path) -> None:
    put(tmp_path, "files/p10/p10000002/s50000002.txt", "Clear.")
    put(tmp_path, "files/p10/p10000001/s50000009.txt", "FINAL REPORT\n No edema.")
    put(tmp_path, "files/p10/index.txt", "Not of the layout.")
    reports = read(tmp_path)
    assert [(r.id, r.origin.patient) for r in reports] == [
        ("files/p10/index.txt", ""),
        ("50000009", "10000001"),
        ("50000002", "10000002"),
    ]


def test_mimic_by_name_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "s50000001.txt", "Clear.")
    assert read(path)[0].id == "s50000001.txt"
    (only,) = read(path, format="mimic")
    assert (only.id, only.origin) == ("50000001", Origin(study="50000001"))
    assert read(put(tmp_path, "other.txt", "x"), format="mimic")[0].id == "other.txt"
    (empty,) = read(put(tmp_path, "p1/p10/p10000001/s50000002.txt", " "), format="mimic")
    assert (empty.id, empty.error) == ("50000002", EMPTY_REPORT)


def chosen(text: str) -> str:
    return " | ".join(text[s.start : s.end] for s in choose_sections(text, SectionChoice.MIMIC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INDICATION: Cough.\n\nFINDINGS: Large heart.\n\nIMPRESSION: No edema.", "No edema."),
        ("FINDINGS: Large heart.\n\nIMPRESSION: First.\n\nIMPRESSION: Second.", "Second."),
        ("INDICATION: Cough.\n\nFINDINGS: Large heart.", "Large heart."),
        ("PA and lateral views.\n\nLungs clear.\n\nNo edema.", "No edema."),
        ("INDICATION: Cough.\n\nLungs clear.\n\nNo edema.", "No edema."),
        ("No edema.", "No edema."),
        ("INDICATION: Cough.", ""),
        ("", ""),
    ],
)
def test_mimic_sections(text: str, expected: str) -> None:
    """What MIMIC-CXR-JPG's labels were made from: impression, findings, last paragraph."""
    assert chosen(text) == expected


def citation(abstract: str, front: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{front}<eCitation><uId id="CXR7"/><Abstract>{abstract}</Abstract>'
        "</eCitation>"
    )


@pytest.mark.parametrize(
    ("abstract", "text"),
    [
        ('<AbstractText Label="FINDINGS">a &lt; b</AbstractText>', "FINDINGS: a < b"),
        ('<AbstractText Label="FINDINGS"/><AbstractText Label="IMPRESSION">x</AbstractText>',
         "IMPRESSION: x"),
        ("<AbstractText>plain <i>text</i>\n here</AbstractText>", "plain text here"),
        ("", ""),
    ],
)  # fmt: skip
def test_openi(tmp_path: Path, abstract: str, text: str) -> None:
    (only,) = read(put(tmp_path, "7.xml", citation(abstract)))
    assert (only.id, only.text) == ("CXR7", text)
    assert only.error == ("" if text else EMPTY_REPORT)


LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<eCitation><uId>", r"cannot be read \(ParseError\)"),
        ("<PubmedArticle/>", "is an XML file, but none of Open-i"),
        (citation("<AbstractText>&b;</AbstractText>", LAUGHS), r"\(EntitiesForbidden\)"),
        (citation("<AbstractText>&a;</AbstractText>", OUTSIDE), r"\(EntitiesForbidden\)"),
        ("<a>" * 100_000, r"cannot be read \(ParseError\)"),
        ("", "cannot be read"),
        ("words", "cannot be read"),
        (b"<eCitation>\xff\xfe</eCitation>", r"cannot be read \(ParseError\)"),
        ("<eCitation>" + " " * (9 << 20), "of more than 8 MB"),
    ],
)
def test_openi_that_cannot_be_read(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"7\.xml: .*{message}"):
        read(put(tmp_path, "7.xml", content))

"""FHIR: where a DiagnosticReport keeps its text, and what damaged resources give."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from chexdesk.reports.read import EMPTY_REPORT, ReadError, ReadOptions, read_reports
from chexdesk.reports.report import Report

Resource = dict[str, Any]


def read(folder: Path, content: Any, name: str = "a.json", **options: str) -> list[Report]:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return list(read_reports([path], ReadOptions(**options)))


def report(**more: Any) -> Resource:
    return {"resourceType": "DiagnosticReport", "id": "r1", "status": "final", **more}


def form(text: str | bytes, media: str | None = "text/plain") -> Resource:
    data = text.encode() if isinstance(text, str) else text
    given = {"data": base64.b64encode(data).decode()}
    return given if media is None else {"contentType": media, **given}


def narrative(html: str) -> Resource:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html}</div>'}


def bundle(*resources: Resource, **named: Resource) -> Resource:
    entries = [{"resource": each} for each in resources]
    entries += [{"fullUrl": f"urn:uuid:{url}", "resource": each} for url, each in named.items()]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


RTF = b"{\\rtf1 From RTF.}"


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (report(presentedForm=[form("Whole.")], conclusion="No."), "Whole."),
        (report(presentedForm=[form(RTF, "application/rtf"), form("Plain.")]), "Plain."),
        (report(presentedForm=[form(RTF, "application/rtf")]), "From RTF."),
        (report(presentedForm=[form("Unnamed.", None)]), "Unnamed."),
        (report(presentedForm=[form("One."), form("Addendum.")]), "One.\nAddendum."),
        (report(presentedForm=[form("é".encode("latin-1"), "text/plain; charset=latin1")]), "é"),
        (report(presentedForm=[form("<p>a<br/>b</p>", "text/html")]), "a\nb"),
        (report(text=narrative("<p>All &amp; more</p>")), "All & more"),
        (report(text=narrative("Lungs clear. No edema."), conclusion="No  edema."),
         "Lungs clear. No edema."),
        (report(text=narrative("Lungs clear."), conclusion="Normal."),
         "Lungs clear.\nIMPRESSION:\nNormal."),
        (report(conclusion="Impression: Normal."), "Impression: Normal."),
        (report(presentedForm=[form(" ")], conclusion="Normal."), "IMPRESSION:\nNormal."),
        (report(presentedForm=[{"url": "http://host/x.pdf"}], conclusion="Normal."),
         "IMPRESSION:\nNormal."),
        (report(presentedForm=[{"url": "#b"}],
                contained=[{"resourceType": "Binary", "id": "b", "contentType": "text/plain",
                            "data": base64.b64encode(b"Within.").decode()}]), "Within."),
        (report(result=[{"reference": "#o1"}, {"reference": "#o2"}, {"reference": "#none"}],
                contained=[
                    {"resourceType": "Observation", "id": "o1", "valueString": "Clear.",
                     "code": {"coding": [{"code": "59776-5", "display": "Findings"}]}},
                    {"resourceType": "Observation", "id": "o2", "valueString": "Normal.",
                     "code": {"text": "Impression"}}]),
         "FINDINGS:\nClear.\nIMPRESSION:\nNormal."),
    ],
)  # fmt: skip
def test_where_the_text_is(tmp_path: Path, resource: Resource, text: str) -> None:
    (only,) = read(tmp_path, resource)
    assert (only.text, only.error) == (text, "")


@pytest.mark.parametrize(
    ("identifiers", "expected", "accession"),
    [
        (None, "r1", ""),
        ([{"value": "L1"}], "L1", ""),
        ([{"value": "L1"}, {"type": {"coding": [{"code": "ACSN"}]}, "value": "A1"}], "A1", "A1"),
        ("nonsense", "r1", ""),
        ([5, {"value": 7}], "r1", ""),
    ],
)
def test_identifiers(tmp_path: Path, identifiers: Any, expected: str, accession: str) -> None:
    (only,) = read(tmp_path, report(identifier=identifiers, conclusion="x"))
    assert (only.id, only.origin.accession) == (expected, accession)
    assert only.origin.message == "r1"


@pytest.mark.parametrize(
    ("subject", "patient"),
    [
        ({"reference": "Patient/p7"}, "p7"),
        ({"reference": "Patient/p7", "identifier": {"value": "MRN7"}}, "MRN7"),
        ({"display": "J"}, ""),
    ],
)
def test_patients(tmp_path: Path, subject: Resource, patient: str) -> None:
    (only,) = read(tmp_path, report(subject=subject, conclusion="x"))
    assert only.origin.patient == patient


def test_bundles(tmp_path: Path) -> None:
    pdf_elsewhere = report(id="b", presentedForm=[{"url": "urn:uuid:u1"}])
    by_id = report(id="c", presentedForm=[{"url": "Binary/b7", "contentType": "text/html"}])
    content = bundle(
        {"resourceType": "Patient", "id": "p"},
        report(id="a", conclusion="One."),
        pdf_elsewhere,
        by_id,
        {"resourceType": "Binary", "id": "b7", "data": base64.b64encode(b"<p>x</p>").decode()},
        bundle(report(id="d", conclusion="Inner.")),
        u1={"resourceType": "Binary", "contentType": "application/rtf",
            "data": base64.b64encode(RTF).decode()},
    )  # fmt: skip
    reports = read(tmp_path, content)
    assert [(r.id, r.text) for r in reports] == [
        ("a", "IMPRESSION:\nOne."), ("b", "From RTF."), ("c", "x"), ("d", "IMPRESSION:\nInner."),
    ]  # fmt: skip
    assert reports[0].source == f"{tmp_path / 'a.json'}, DiagnosticReport a"


def test_lists_and_lines(tmp_path: Path) -> None:
    two = [report(id="a", conclusion="One."), report(id="b", conclusion="Two.")]
    lines = "".join(f"{json.dumps(each)}\n" for each in two)
    for content, name in ((two, "a.json"), (lines, "a.ndjson"), (lines, "a.json"), (lines, "a")):
        assert [r.id for r in read(tmp_path, content, name)] == ["a", "b"]


def test_a_damaged_line_costs_one_row(tmp_path: Path) -> None:
    good = json.dumps(report(conclusion="x"))
    reports = read(tmp_path, f"{good}\n{{bad\n{good}\n", "a.ndjson")
    assert [bool(each.error) for each in reports] == [False, True, False]
    assert "line 2: not JSON" in reports[1].error


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (report(), EMPTY_REPORT),
        (report(presentedForm=[{"url": "http://host/x"}]), "nothing is fetched. Embed the text"),
        (
            report(presentedForm=[{"data": "!!"}]),
            "r1: holds a document whose base64",
        ),
        (report(presentedForm=[form(b"\xff\xd8\0", "image/jpeg")]), "cannot be read (image/jpeg)"),
        (report(presentedForm=[form(b"%PDF-1.7 x", "application/pdf")]), "is a PDF that cannot be"),
        (report(status="entered-in-error", conclusion="x"), "was withdrawn (entered-in-error)"),
        (report(presentedForm="text", text=[], conclusion=7, result={}), EMPTY_REPORT),
    ],
)
def test_resources_without_readable_text(tmp_path: Path, resource: Resource, error: str) -> None:
    good = report(conclusion="fine")
    reports = read(tmp_path, [good, resource, good])
    assert [bool(each.error) for each in reports] == [False, True, False]
    assert error in reports[1].error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"resourceType": "Bundle"}, "holds no FHIR DiagnosticReport"),
        ({"resourceType": "Patient"}, "holds no FHIR DiagnosticReport"),
        ("[1, null, {}]", "holds no FHIR DiagnosticReport"),
        ('{"resourceType": "Bundle", "entry": [', "line 1: not JSON"),
        ("[" * 100_000, "line 1: not JSON"),
        ("", "holds no FHIR DiagnosticReport"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.json: {message}"):
        read(tmp_path, content, format="fhir")


def test_bundles_in_bundles_end(tmp_path: Path) -> None:
    nested = report(conclusion="x")
    for _ in range(50):
        nested = bundle(nested)
    with pytest.raises(ReadError, match="holds no FHIR DiagnosticReport"):
        read(tmp_path, nested)


def test_rows_that_speak_of_fhir_stay_rows(tmp_path: Path) -> None:
    (only,) = read(tmp_path, [{"id": "1", "report": "Bundle branch block. No DiagnosticReport."}])
    assert only.id == "1"

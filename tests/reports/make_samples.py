"""Write the sample files of tests/reports/samples, with the libraries their formats' users have.

    python tests/reports/make_samples.py

The reports are written for this purpose and speak of nobody.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pyarrow as pa
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pyarrow import parquet
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from PySide6.QtGui import QFont, QGuiApplication, QPageSize, QPdfWriter, QTextDocument
from sample_texts import FINDINGS, HISTORY, IMPRESSION, NORMAL, REPORT, SAMPLES


def word(path: Path) -> None:
    """Paragraphs, a table, a tracked insertion and a tracked deletion."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Name: nobody"
    document.add_paragraph(f"HISTORY: {HISTORY}")
    paragraph = document.add_paragraph("FINDINGS: The heart is enlarged.")
    for kind, tag, words in (
        ("ins", "t", " Small left pleural effusion."),
        ("del", "delText", " Clear."),
    ):
        paragraph._p.append(
            parse_xml(
                f'<w:{kind} {nsdecls("w")} w:id="1" w:author="a" w:date="2025-01-01T00:00:00Z">'
                f'<w:r><w:{tag} xml:space="preserve">{words}</w:{tag}></w:r></w:{kind}>'
            )
        )
    paragraph.add_run(" No pneumothorax.")
    hidden = paragraph.add_run(" Hidden.")
    hidden.font.hidden = True
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Cardiothoracic ratio", "0.6"
    document.add_paragraph(f"IMPRESSION: {IMPRESSION}")
    document.save(str(path))


def excel(path: Path) -> None:
    """A title above the header, an id shown with zeros, a second sheet of other things."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Reports"
    sheet.append(["Chest films, January"])
    sheet.append(["Accession", "Read on", "Report"])
    sheet.append([7, datetime(2025, 1, 2), REPORT])
    sheet.append(["A-8", datetime(2025, 1, 3), NORMAL])
    sheet["A3"].number_format = "000"
    book.create_sheet("Notes").append(["Author", "Remark"])
    book.save(path)


def table(path: Path) -> None:
    """Integer ids, and text in two columns."""
    columns: dict[str, list[Any]] = {
        "study_id": [50000001, 50000002],
        "findings": [FINDINGS, "The lungs are clear. Heart size is normal."],
        "impression": [IMPRESSION, "No acute disease."],
    }
    parquet.write_table(pa.table(columns), path, compression="zstd")


def pdf(path: Path) -> None:
    """Two pages with an embedded font, as a word processor prints them."""
    app = QGuiApplication.instance() or QGuiApplication(["", "-platform", "offscreen"])
    writer = QPdfWriter(str(path))
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A5))
    document = QTextDocument()
    document.setDefaultFont(QFont("DejaVu Sans", 11))
    pages = (
        f"<p>HISTORY: {HISTORY}</p><p>FINDINGS: {FINDINGS}</p>",
        f"<p>IMPRESSION: {IMPRESSION}</p>",
    )
    document.setHtml('<p style="page-break-after:always"></p>'.join(pages))
    document.print_(writer)
    del app


def rtf(path: Path) -> None:
    """Code page 1252 with a Cyrillic font, `\\u` escapes, a header, hidden and deleted text."""
    path.write_bytes(
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}"
        rb"{\f1\fnil\fcharset204 Arial Cyr;}}{\colortbl;\red0\green0\blue0;}"
        rb"{\*\generator Riched20 10.0;}{\info{\author nobody}{\title nothing}}"
        b"\r\n"
        rb"{\header\pard\plain Name: nobody\par}\pard\f0\fs20 HISTORY: 72 year old with dyspnoea, "
        rb"rule out oedema.\par "
        rb"{\b FINDINGS:} The heart is enlarged. Small left pleural effusion. {\v Hidden. }"
        rb"{\deleted Clear. }No pneumothorax.\par "
        rb"IMPRESSION: Cardiomegaly with a small left effusion \u8211? \ldblquote "
        rb"unchanged\'94.\par}"
    )


def hl7(path: Path) -> None:
    """A batch of two results in ISO 8859-1, one with a repeated segment for each line."""
    msh = "MSH|^~\\&|RIS|HOSP|ARCH|HOSP|20250102030405||ORU^R01^ORU_R01|{}|P|2.5.1||||||8859/1"
    pid = "PID|1||P{0}^^^HOSP^MR||DOE^J||19500101|F"
    obr = "OBR|1|PL{0}|F{0}^RIS|36643-5^XR Chest 2 Views^LN||||||||||||||A{0}|||||||F"
    obx = "OBX|{}|{}|{}||{}||||||F"
    first = [
        msh.format("MSG1"), pid.format(1), "ORC|RE|PL1|F1", obr.format(1),
        obx.format(1, "TX", "18785-6^Reason for study^LN", HISTORY),
        obx.format(2, "TX", "59776-5^Findings^LN", "The heart is enlarged."),
        obx.format(3, "TX", "59776-5^Findings^LN", "Small left pleural effusion."),
        obx.format(4, "TX", "59776-5^Findings^LN", "No pneumothorax."),
        obx.format(5, "FT", "19005-8^Impression^LN", r"Enlarged heart \T\ effusion\.br\Stable."),
        "NTE|1|L|Größe: 5 × 3 cm.",
    ]  # fmt: skip
    second = [
        msh.format("MSG2"), pid.format(2), "ORC|RE|PL2|F2", obr.format(2),
        obx.format(1, "TX", "36643-5&GDT^XR Chest", NORMAL.replace("\n", "~")),
    ]  # fmt: skip
    lines = ["FHS|^~\\&|RIS", "BHS|^~\\&|RIS", *first, *second, "BTS|2", "FTS|1"]
    path.write_bytes("".join(f"{line}\r" for line in lines).encode("latin-1"))


def resource(identifier: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": identifier,
        "identifier": [
            {"value": f"local-{identifier}"},
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                            "code": "ACSN",
                        }
                    ]
                },
                "value": f"ACC-{identifier}",
            },
        ],
        "status": "final",
        "code": {"text": "Chest X-ray"},
        "subject": {"reference": f"Patient/pat-{identifier}"},
        **more,
    }


def attachment(text: str, media: str = "text/plain") -> dict[str, str]:
    return {"contentType": media, "data": base64.b64encode(text.encode()).decode()}


def fhir(folder: Path) -> None:
    """One resource, a Bundle, and NDJSON as a bulk export has it."""
    single = resource("1", presentedForm=[attachment(REPORT)], conclusion=IMPRESSION)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>FINDINGS: {FINDINGS}</p></div>'
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": {"resourceType": "Patient", "id": "pat-1"}},
            {
                "resource": resource(
                    "2", text={"status": "generated", "div": div}, conclusion=IMPRESSION
                )
            },
            {
                "fullUrl": "urn:uuid:b9d4a4a5-1bd0-4d59-9f0e-3a5d8a1f2a10",
                "resource": {
                    "resourceType": "Binary",
                    "contentType": "text/html",
                    "data": attachment(f"<html><body><p>{NORMAL}</p></body></html>")["data"],
                },
            },
            {
                "resource": resource(
                    "3",
                    presentedForm=[{"url": "urn:uuid:b9d4a4a5-1bd0-4d59-9f0e-3a5d8a1f2a10"}],
                )
            },
        ],
    }
    (folder / "report.fhir.json").write_text(json.dumps(single, indent=1), encoding="utf-8")
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    lines = [resource("4", presentedForm=[attachment(NORMAL)]), resource("5", conclusion="Clear.")]
    (folder / "export.ndjson").write_text("".join(f"{json.dumps(r)}\n" for r in lines), "utf-8")


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def content(relation: str, kind: str, name: Dataset, **values: Any) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [name]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def dicom_object(kind: str, charset: str) -> Dataset:
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SpecificCharacterSet = charset
    found.SOPClassUID, found.SOPInstanceUID = kind, generate_uid(entropy_srcs=[kind, "instance"])
    found.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    found.SeriesInstanceUID = generate_uid(entropy_srcs=[kind, "series"])
    found.AccessionNumber, found.PatientID, found.PatientName = "ACC9", "P9", "Nobody^N"
    found.StudyID, found.StudyDate, found.StudyTime = "1", "20250102", "030405"
    found.ReferringPhysicianName = found.PatientBirthDate = found.PatientSex = ""
    found.Manufacturer = "ChexDesk"
    return found


def structured_report(path: Path) -> None:
    """A Basic Text SR of template 2000, in ISO 8859-1."""
    found = dicom_object("1.2.840.10008.5.1.4.1.1.88.11", "ISO_IR 100")
    found.Modality, found.SeriesNumber, found.InstanceNumber = "SR", "1", "1"
    found.CompletionFlag, found.VerificationFlag = "COMPLETE", "UNVERIFIED"
    found.ContentDate, found.ContentTime = "20250102", "030405"
    found.ReferencedPerformedProcedureStepSequence = []
    found.PerformedProcedureCodeSequence = []
    found.ValueType, found.ContinuityOfContent = "CONTAINER", "SEPARATE"
    found.ConceptNameCodeSequence = [coded("18748-4", "LN", "Diagnostic imaging report")]
    language = content(
        "HAS CONCEPT MOD", "CODE", coded("121049", "DCM", "Language of Content Item"),
        ConceptCodeSequence=[coded("eng", "RFC5646", "English")],
    )  # fmt: skip
    observer = content(
        "HAS OBS CONTEXT", "PNAME", coded("121008", "DCM", "Person Observer Name"),
        PersonName="Nobody^N",
    )  # fmt: skip
    sections = [
        ("121060", "History", "121060", "History", HISTORY),
        ("121070", "Findings", "121071", "Finding", "Größe normal. Small effusion.\r\nNo oedema."),
        ("121072", "Impressions", "121073", "Impression", "Small effusion."),
    ]
    containers = [
        content(
            "CONTAINS", "CONTAINER", coded(code, "DCM", name), ContinuityOfContent="SEPARATE",
            ContentSequence=[
                content("CONTAINS", "TEXT", coded(inner, "DCM", what), TextValue=text)
            ],
        )
        for code, name, inner, what, text in sections
    ]  # fmt: skip
    found.ContentSequence = [language, observer, *containers]
    found.save_as(path, enforce_file_format=True)


def encapsulated(path: Path, document: bytes) -> None:
    """An encapsulated PDF."""
    found = dicom_object("1.2.840.10008.5.1.4.1.1.104.1", "ISO_IR 192")
    found.Modality, found.SeriesNumber, found.InstanceNumber = "DOC", "1", "1"
    found.ConversionType, found.BurnedInAnnotation, found.DocumentTitle = "WSD", "YES", ""
    found.ContentDate = found.ContentTime = found.AcquisitionDateTime = ""
    found.ConceptNameCodeSequence = []
    found.MIMETypeOfEncapsulatedDocument = "application/pdf"
    found.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    found.EncapsulatedDocumentLength = len(document)
    found.save_as(path, enforce_file_format=True)


def corpora(folder: Path) -> None:
    """One report in MIMIC-CXR's layout, one in Open-i's."""
    study = folder / "files" / "p10" / "p10000001" / "s50000001.txt"
    study.parent.mkdir(parents=True, exist_ok=True)
    study.write_text(
        "                                 FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n \n"
        f" INDICATION:  {HISTORY}  // ? oedema\n \n COMPARISON:  ___\n \n FINDINGS: \n \n"
        f" {FINDINGS}\n \n IMPRESSION: \n \n Cardiomegaly.\n",
        encoding="utf-8",
    )
    (folder / "CXR1.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<eCitation>\n<meta type="rr"/>\n'
        '<uId id="CXR1"/>\n<MedlineCitation><Article><Abstract>\n'
        '<AbstractText Label="COMPARISON">None.</AbstractText>\n'
        f'<AbstractText Label="INDICATION">{HISTORY}</AbstractText>\n'
        f'<AbstractText Label="FINDINGS">{FINDINGS}</AbstractText>\n'
        '<AbstractText Label="IMPRESSION">1. Cardiomegaly &amp; effusion.</AbstractText>\n'
        "</Abstract></Article></MedlineCitation>\n"
        "<MeSH><major>Cardiomegaly</major></MeSH>\n</eCitation>\n",
        encoding="utf-8",
    )


def main() -> None:
    SAMPLES.mkdir(exist_ok=True)
    word(SAMPLES / "report.docx")
    excel(SAMPLES / "reports.xlsx")
    table(SAMPLES / "reports.parquet")
    pdf(SAMPLES / "report.pdf")
    rtf(SAMPLES / "report.rtf")
    hl7(SAMPLES / "feed.hl7")
    fhir(SAMPLES)
    structured_report(SAMPLES / "report.dcm")
    encapsulated(SAMPLES / "pdf.dcm", (SAMPLES / "report.pdf").read_bytes())
    corpora(SAMPLES)
    print(f"{SAMPLES}: written")


if __name__ == "__main__":
    main()

"""FHIR R4B: a bundle of one DiagnosticReport for each report and one Observation for each finding.

A finding that is not mentioned has no Observation. Everything is `preliminary`: nobody has signed
it. The report's text is not part of it, and neither is its evidence, which quotes the text.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.outputs.converted import method
from chexdesk.outputs.json_records import PROBABILITY_PLACES
from chexdesk.outputs.layout import Frame, answer_or_error, line_ends
from chexdesk.outputs.presence import PRESENCE
from chexdesk.reports.report import Report

#: All ids are derived from this one, so that the same run gives the same bundle.
_NAMESPACE: Final = uuid.UUID("6f0f9b0e-6d5b-5c1e-9a53-2f6c2b0d7c11")
_STATUS: Final = "preliminary"
_NOT_LABELLED: Final = "Not labelled: "
_RADIOLOGY: Final = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}
_ACCESSION: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
    "code": "ACSN",
}
_SNOMED: Final = "http://snomed.info/sct"
_IMAGING: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "imaging",
}


class FhirLayout:
    """A Bundle of type collection, with one report's entries a line."""

    name = "fhir"
    extensions: tuple[str, ...] = (".fhir.json", ".fhir")

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """The bundle around its entries; FHIR wants no empty lists."""
        head = '{"resourceType": "Bundle", "type": "collection"'
        return Frame(
            head=f'{head}, "entry": [\n', separator=",\n", tail="\n]}\n", empty=f"{head}}}\n"
        )

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """The report's DiagnosticReport, then its Observations."""
        error = answer_or_error(prediction, report)
        key = f"{number}\n{report.id}\n{prediction.model.sha256}"
        findings = [] if error else _findings(label_set, prediction, key)
        resource: dict[str, Any] = {
            "resourceType": "DiagnosticReport",
            "id": _id(key),
            "status": _STATUS,
            "category": [{"coding": [_RADIOLOGY]}],
            "code": {"text": "Chest X-ray report"},
        }
        if identifiers := _identifiers(report):
            resource["identifier"] = identifiers
        if report.origin.patient.strip():
            resource["subject"] = {"identifier": {"value": report.origin.patient}}
        if findings:
            resource["result"] = [{"reference": f"urn:uuid:{f['id']}"} for f in findings]
        if error:
            resource["conclusion"] = f"{_NOT_LABELLED}{error}"
        return ",".join(
            json.dumps(_entry(each), ensure_ascii=False) for each in (resource, *findings)
        )

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """Where a comma and a line's end follow."""
        return line_ends(file, ",\n")

    def read_back(self, record: str) -> tuple[str, str]:
        """The identifier and the conclusion of the DiagnosticReport."""
        resource = json.loads(f"[{record}]")[0]["resource"]
        identifier = resource["identifier"][0]["value"] if "identifier" in resource else ""
        return identifier, resource.get("conclusion", "").removeprefix(_NOT_LABELLED)


def _findings(label_set: LabelSet, prediction: Prediction, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, (name, certainty) in enumerate(
        zip(label_set.names, prediction.certainties, strict=True)
    ):
        if certainty is Certainty.NOT_MENTIONED:
            continue
        observation: dict[str, Any] = {
            "resourceType": "Observation",
            "id": _id(f"{key}\n{name}"),
            "status": _STATUS,
            "category": [{"coding": [_IMAGING]}],
            "code": {"text": name},
            "valueCodeableConcept": {
                "coding": [
                    {
                        "system": _SNOMED,
                        "code": PRESENCE[certainty].code,
                        "display": PRESENCE[certainty].meaning,
                    }
                ],
                "text": certainty.value,
            },
            "method": {"text": method(prediction.model)},
        }
        probability = prediction.probability(place)
        if probability is not None:
            observation["component"] = [
                {
                    "code": {"text": "probability"},
                    "valueQuantity": {"value": round(probability, PROBABILITY_PLACES)},
                }
            ]
        found.append(observation)
    return found


def _identifiers(report: Report) -> list[dict[str, Any]]:
    """The report's id, and the accession number where the input has one."""
    found: list[dict[str, Any]] = []
    accession = report.origin.accession
    if report.id.strip() and report.id != accession:
        found.append({"value": report.id})
    if accession.strip():
        found.append({"type": {"coding": [_ACCESSION]}, "value": accession})
    return found


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}


def _id(key: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, key))

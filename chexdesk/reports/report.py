"""The report as every other part sees it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """What a report's carrier says of where it belongs; "" where it says nothing.

    It goes with the report to the writers that have a place for it (FHIR, HL7, DICOM) and is
    kept nowhere: not in the store, not in a log, not in a message.

    Attributes:
        message: the carrier's own id: an HL7 message's MSH-10, a FHIR resource's id, a DICOM
            object's SOP Instance UID.
        accession: the accession number.
        patient: the patient's identifier.
        study: the study's identifier: a DICOM Study Instance UID, a MIMIC-CXR study.
    """

    message: str = ""
    accession: str = ""
    patient: str = ""
    study: str = ""


@dataclass(frozen=True)
class Report:
    """One report as it was given.

    Attributes:
        id: the input's own identifier, verbatim; a file's name for a text file.
        text: the whole text; every offset in ChexDesk counts its code points.
        source: where it came from, for messages: a file, with a row, message or sheet where it has
            one.
        error: why there is no usable text, or "" when there is.
        origin: identifiers that came with it; two reports are equal whatever theirs are.
    """

    id: str
    text: str
    source: str = ""
    error: str = ""
    origin: Origin = field(default=Origin(), compare=False)

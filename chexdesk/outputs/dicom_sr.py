"""DICOM: a zip of Enhanced SR objects after template 1500, one a report.

The study's and the patient's identifiers are the input's where it has them. A finding is a
qualitative evaluation (TID 1501) with a private code and a value of context group 240.
"""

from __future__ import annotations

import io
import time
import uuid
from typing import Any, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chexdesk.labels import LabelSet
from chexdesk.outputs.converted import ConvertedLayout, Row, Rows, method, now
from chexdesk.outputs.presence import PRESENCE

_NAMESPACE: Final = uuid.UUID("2b7a1a0c-93cb-5f0b-8b65-0f6f3f6f6b77")
#: A private coding scheme (PS3.3 8.2): the findings of a label set, by their place in it.
_SCHEME: Final = "99CHEXDESK"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_LONGEST_MEANING: Final = 64


def _convert(given: Rows, target: BinaryIO) -> None:
    moment = now()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for row in given.rows:
            if row.error:
                entry = ZipInfo(f"{row.number + 1:07}-not-labelled.txt", _LONG_AGO)
                archive.writestr(entry, f"{row.id}\n{row.error}\n", ZIP_DEFLATED)
            else:
                entry = ZipInfo(f"{row.number + 1:07}.dcm", _LONG_AGO)
                archive.writestr(entry, _document(given.label_set, row, moment), ZIP_DEFLATED)


def _document(label_set: LabelSet, row: Row, moment: time.struct_time) -> bytes:
    """One structured report, as a DICOM file."""
    from highdicom import sr
    from pydicom.sr.coding import Code
    from pydicom.uid import ExplicitVRLittleEndian

    observer = sr.ObserverContext(
        observer_type=Code("121007", "DCM", "Device"),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=_uid("device", row.model.sha256),
            name=method(row.model)[:_LONGEST_MEANING],
            manufacturer_name="ChexDesk",
        ),
    )
    evaluations = [
        sr.QualitativeEvaluation(
            name=sr.CodedConcept(f"{label_set.name}-{place}"[:16], _SCHEME, name),
            value=sr.CodedConcept(presence.code, "SCT", presence.meaning),
        )
        for place, (name, certainty) in enumerate(
            zip(label_set.names, row.certainties, strict=True), start=1
        )
        if (presence := PRESENCE.get(certainty)) is not None
    ]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=_uid("group", _key(row)), identifier="report labels"
        ),
        qualitative_evaluations=evaluations or None,
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=sr.CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=[group],
        title=Code("126000", "DCM", "Imaging Measurement Report"),
    )
    made = sr.EnhancedSR(
        evidence=[_study(row)],
        content=content[0],
        series_instance_uid=_uid("series", _key(row)),
        series_number=9000,
        sop_instance_uid=_uid("instance", _key(row)),
        instance_number=1,
        manufacturer="ChexDesk",
        is_complete=True,
        is_final=False,
        is_verified=False,
        record_evidence=False,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    made.PreliminaryFlag = "PRELIMINARY"
    for keyword in ("ContentDate", "InstanceCreationDate"):
        setattr(made, keyword, time.strftime("%Y%m%d", moment))
    for keyword in ("ContentTime", "InstanceCreationTime"):
        setattr(made, keyword, time.strftime("%H%M%S", moment))
    for equipment in made.get("ContributingEquipmentSequence") or []:
        equipment.ContributionDateTime = time.strftime("%Y%m%d%H%M%S", moment)
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _study(row: Row) -> Any:
    """What an image of the study would say of it, for the identifiers that the report shares."""
    from pydicom.dataset import Dataset

    study = Dataset()
    study.SpecificCharacterSet = "ISO_IR 192"
    study.PatientID = row.origin.patient[:64]
    study.PatientName = study.PatientBirthDate = study.PatientSex = ""
    study.StudyInstanceUID = _known_uid(row.origin.study) or _uid("study", _key(row))
    study.AccessionNumber = (row.origin.accession or row.id)[:16]
    study.StudyID = study.StudyDate = study.StudyTime = study.ReferringPhysicianName = ""
    study.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    study.SOPInstanceUID = _uid("evidence", _key(row))
    study.SeriesInstanceUID = _uid("evidence series", _key(row))
    study.Modality = "DX"
    return study


def _key(row: Row) -> str:
    return f"{row.number}\n{row.id}\n{row.model.sha256}"


def _uid(kind: str, key: str) -> str:
    """A UID derived from a UUID (PS3.5 B.2): the same run gives the same ones."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'{kind}{chr(10)}{key}').int}"


def _known_uid(text: str) -> str:
    from pydicom.uid import UID

    return text if UID(text).is_valid else ""


LAYOUT: Final = ConvertedLayout("dicom-sr", (".sr.zip", ".dcm.zip"), _convert, needs=("highdicom",))

"""HL7 v2.5.1: one ORU^R01 message a report, one OBX a finding that is mentioned.

Everything is preliminary (`P`): nobody has signed it. Values are coded as DICOM's context group 240
has them (SNOMED CT); a finding's name is text. OBX-9 carries the probability.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from typing import BinaryIO, Final

from chexdesk.labels import LabelSet
from chexdesk.outputs.converted import ConvertedLayout, Row, Rows, method, now
from chexdesk.outputs.presence import PRESENCE

_NAMESPACE: Final = uuid.UUID("0d3a2a5e-8f0e-5a53-9c85-5b52d43c9d0b")
_ESCAPES: Final = {
    "\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\",
}  # fmt: skip
_SIGNS: Final = re.compile(r"[\\|^&~\x00-\x1f]")
#: A name that is not given (table 0200).
_NAMELESS: Final = "^^^^^^U"


def _convert(given: Rows, target: BinaryIO) -> None:
    sent = time.strftime("%Y%m%d%H%M%S+0000", now())
    for row in given.rows:
        for segment in _segments(given.label_set, row, sent):
            target.write(segment.encode("utf-8", "replace") + b"\r")


def _segments(label_set: LabelSet, row: Row, sent: str) -> Iterator[str]:
    origin = row.origin
    control = uuid.uuid5(_NAMESPACE, f"{row.number}\n{row.id}\n{row.model.sha256}").hex[:20]
    yield f"MSH|^~\\&|CHEXDESK||||{sent}||ORU^R01^ORU_R01|{control}|P|2.5.1||||||UNICODE UTF-8"
    if origin.patient:
        yield _segment("PID", {1: "1", 3: _plain(origin.patient), 5: _NAMELESS})
    order = {
        1: "1",
        3: _plain(origin.accession or row.id),
        4: "^Chest X-ray report labels",
        18: _plain(origin.accession),
        25: "I" if row.error else "P",
    }
    yield _segment("OBR", order)
    if row.error:
        yield _segment("NTE", {1: "1", 3: f"Not labelled: {_plain(row.error)}"})
        return
    observed = 0
    for name, certainty, probability in zip(
        label_set.names, row.certainties, row.probabilities, strict=True
    ):
        presence = PRESENCE.get(certainty)
        if presence is None:
            continue
        observed += 1
        observation = {
            1: str(observed),
            2: "CWE",
            3: f"^{_plain(name)}",
            5: f"{presence.code}^{certainty.value}^SCT",
            9: "" if probability is None else f"{probability:g}",
            11: "P",
            17: f"^{_plain(method(row.model))}",
        }
        yield _segment("OBX", observation)


def _segment(name: str, fields: dict[int, str]) -> str:
    """A segment of its fields by number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def _plain(text: str) -> str:
    """Text with HL7's own signs escaped."""
    return _SIGNS.sub(lambda sign: _ESCAPES.get(sign[0], f"\\X{ord(sign[0]):02X}\\"), text)


LAYOUT: Final = ConvertedLayout("hl7", (".hl7",), _convert)

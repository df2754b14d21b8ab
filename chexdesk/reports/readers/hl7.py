"""HL7 version 2 results (ORU) and documents (MDM): one order with its observations, one report.

The text of an order is that of its OBX and NTE segments, in their order, one line each. Where
observation identifiers say what a part is (LOINC, the suffixes of chapter 7 such as `&IMP`, plain
words), the part gets that heading.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from chexdesk.reports.readers import base, decoding, documents, hl7_messages, parsing, parts
from chexdesk.reports.readers.hl7_messages import Delimiters, Message, MessageError, Segment
from chexdesk.reports.report import Origin, Report

_WHAT: Final = "an HL7 file"
_KINDS: Final = frozenset(("ORU", "MDM"))

#: OBX-2 of values that are text; the whole field is the text.
_TEXT: Final = frozenset(("TX", "FT", "ST", ""))
_CODED: Final = frozenset(("CE", "CWE", "CNE", "CF"))
_EMBEDDED: Final = "ED"
_ELSEWHERE: Final = "RP"
#: OBX-11 of values that were taken back: deleted, wrong, not to be had.
_WITHDRAWN: Final = frozenset(("D", "W", "X"))


@dataclass
class _Order:
    """One OBR with what belongs to it, or an MDM message's document."""

    request: Segment | None = None
    control: Segment | None = None
    observed: list[Segment] = field(default_factory=list)


def _orders(message: Message) -> list[_Order]:
    """The orders with observations; where none has any, the first."""
    orders: list[_Order] = [_Order()]
    control: Segment | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            control = segment
        elif segment.name in ("OBR", "TXA"):
            orders.append(_Order(segment, control))
            control = None
        elif segment.name in ("OBX", "NTE") and (len(orders) > 1 or segment.name == "OBX"):
            # Notes before the first order speak of the patient.
            orders[-1].observed.append(segment)
    with_text = [order for order in orders if order.observed]
    return with_text or orders[-1:]


class _Text:
    """Puts an order's text together."""

    def __init__(self, marks: Delimiters, name: str) -> None:
        self._marks = marks
        self._name = name
        self._joined = parts.Joined()
        self._embedded: list[Segment] = []
        self._elsewhere = False

    def add(self, segment: Segment) -> None:
        """Take an OBX or NTE."""
        if segment.name == "NTE":
            self._joined.add(self._texts(segment.raw(3)) + segment.stray(3))
            return
        if segment.component(11)[:1].upper() in _WITHDRAWN:
            return
        kind = segment.component(2).upper()
        if kind == _EMBEDDED:
            self._embedded.append(segment)
        elif kind == _ELSEWHERE:
            self._elsewhere = True
        elif kind in _TEXT:
            self._say(segment, self._texts(segment.raw(5)) + segment.stray(5))
        elif kind in _CODED:
            self._say(segment, [segment.component(5, 2) or segment.component(5, 1)])
        else:
            named = segment.component(3, 2) or segment.component(3, 1)
            value = f"{segment.component(5)} {segment.component(6)}".strip()
            self._say(segment, [f"{named}: {value}" if value else ""])

    def text(self) -> str:
        """The text; that of embedded documents where there is no other.

        Raises:
            ReadError: an embedded document cannot be read, or there is but a reference to one.
        """
        text = self._joined.text()
        if text.strip():
            return text
        if self._embedded:
            return "\n".join(self._document(segment) for segment in self._embedded)
        if self._elsewhere:
            raise base.ReadError(
                self._name, "holds but a reference to a document elsewhere. Send the text itself."
            )
        return ""

    def _texts(self, value: str) -> list[str]:
        marks = self._marks
        lines = value.split(marks.repetition) if marks.repetition else [value]
        return [hl7_messages.unescaped(line, marks) for line in lines]

    def _say(self, segment: Segment, lines: list[str]) -> None:
        codes = [segment.component(3, *place) for place in ((1, 1), (1, 2), (4, 1))]
        self._joined.add(lines, parts.part_of(*codes, name=segment.component(3, 2)))

    def _document(self, segment: Segment) -> str:
        kind, subtype, encoding = (segment.component(5, place) for place in (2, 3, 4))
        data = segment.component(5, 5)
        if encoding.lower() == "base64":
            content = documents.from_base64(data, self._name)
        elif encoding.lower() == "hex":
            try:
                content = bytes.fromhex(data)
            except ValueError as error:
                raise base.ReadError(
                    self._name, "holds a document whose hexadecimal digits are damaged."
                ) from error
        else:
            return data
        media = f"{kind}/{subtype}".lower() if kind and subtype else ""
        # Table 0191 says TEXT and AP where MIME says text and application.
        media = {"text/": "text/plain", "ap/pdf": "application/pdf"}.get(media, media)
        return documents.text_of(content, media, self._name)


def _reports(source: base.Source, stream: BinaryIO, encoding: str | None) -> Iterator[Report]:
    number = 0
    found = hl7_messages.raw_messages(stream)
    while True:
        with decoding.failures(source):
            lines = next(found, None)
        if lines is None:
            break
        number += 1
        place = f"message {number}"
        try:
            if isinstance(lines, MessageError):
                raise lines
            message = hl7_messages.parse(lines, encoding)
            kind = message.header.component(9)
            if kind not in _KINDS:
                shown = kind if kind.isalnum() and len(kind) == 3 else "of unknown kind"
                raise MessageError(f"is {shown}, no result (ORU) or document (MDM); leave it out")
        except MessageError as error:
            yield base.report(str(number), "", f"{source.name}, {place}", f"{place}: {error}.")
            continue
        yield from _of_message(source, message, number)
    if not number:
        raise base.ReadError(
            source.name, f"is not {_WHAT}: no line begins with MSH. Give messages as they are sent."
        )


def _of_message(source: base.Source, message: Message, number: int) -> Iterator[Report]:
    control_id = message.header.component(10)
    patient = study = ""
    for segment in message.segments:
        if segment.name == "PID":
            patient = patient or segment.component(3)
        elif segment.name == "ZDS":
            study = study or segment.component(1)
    orders = _orders(message)
    for place, order in enumerate(orders, start=1):
        accession = _accession(order)
        within = f"message {control_id or number}"
        if len(orders) > 1:
            within += f", order {place}"
        identifier = accession or (control_id or str(number))
        if not accession and len(orders) > 1:
            identifier += f"/{place}"
        where = f"{source.name}, {within}" + (f", accession {accession}" if accession else "")
        text = _Text(message.delimiters, source.name)
        error = ""
        try:
            for segment in order.observed:
                text.add(segment)
            joined = text.text()
        except base.ReadError as problem:
            joined, error = "", f"{within}: {problem.message}"
        origin = Origin(control_id, accession, patient, study)
        yield base.report(identifier, joined, where, error, origin)


def _accession(order: _Order) -> str:
    """Where radiology keeps it: OBR-18 (IHE), else the filler's order number, else the placer's."""
    request, control = order.request, order.control
    if request is not None and request.name == "TXA":
        return request.component(15) or request.component(14) or request.component(12)
    for segment, number in ((request, 18), (request, 3), (control, 3), (request, 2), (control, 2)):
        if segment is not None and (value := segment.component(number)):
            return value
    return ""


def open_source(source: base.Source) -> base.Opened:
    """The messages of a file, read one by one.

    Raises:
        ReadError: while reports are taken: there is no message in it, or it cannot be read.
    """
    encoding = decoding.encoding_of(source)
    if encoding.startswith(("utf-16", "utf-32")):
        with decoding.failures(source):
            text = parsing.whole(source, _WHAT, parsing.LARGEST_PIPED).decode(encoding)
        return base.Opened(
            base.DEFAULT_ID_HEADER, _reports(source, io.BytesIO(text.encode()), "utf-8")
        )
    return base.Opened(base.DEFAULT_ID_HEADER, _reports(source, source.stream, None))


READER: Final = base.Reader(
    "hl7", (".hl7", ".oru"), open_source, hl7_messages.starts_like_a_message
)

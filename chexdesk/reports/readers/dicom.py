"""DICOM structured reports and encapsulated PDFs: one object, one report.

Of a structured report (PS3.3 A.35, PS3.16 TID 2000 and the like) the containers and texts are read
in their order, with coded values and measurements; who observed and how is left out.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator
from typing import Any, Final

from chexdesk.reports.readers import base, documents, parsing, parts
from chexdesk.reports.report import Origin, Report

_WHAT: Final = "a DICOM file"
_ADVICE: Final = "Export the report again, as a DICOM file (PS3.10), PDF or text."
_MAGIC: Final = b"DICM"
_PREAMBLE: Final = 128
_HEADER: Final = _PREAMBLE + len(_MAGIC)
_GROUP_LENGTH: Final = b"\x02\x00\x00\x00UL\x04\x00"
_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_META_WITHIN: Final = 4096
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF

_STRUCTURED: Final = "1.2.840.10008.5.1.4.1.1.88."
_ENCAPSULATED_PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
#: Templates nest a handful of levels.
_DEEPEST: Final = 40
#: The most items of one report's tree.
MOST_ITEMS: Final = 50_000
#: About the observer, the images and the name's own meaning, not about the patient's chest.
_CONTEXT: Final = frozenset(("HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD"))

# The library's warnings quote values, and no logger of ours is above it.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def open_source(source: base.Source) -> base.Opened:
    """The object as one report.

    Raises:
        ReadError: it is no DICOM file, is damaged, too large, or neither a structured report nor an
            encapsulated PDF.
    """
    return base.Opened(base.DEFAULT_ID_HEADER, _report(source))


def _report(source: base.Source) -> Iterator[Report]:
    data = parsing.whole(source, _WHAT)
    if data[_PREAMBLE:_HEADER] != _MAGIC:
        raise base.ReadError(source.name, f"is damaged or not {_WHAT}. {_ADVICE}")
    _check_deflated(data, source.name)
    with parsing.parsing(source.name, _WHAT, _ADVICE):
        import warnings

        from pydicom import config, dcmread

        warnings.filterwarnings("ignore", module="pydicom")
        config.settings.reading_validation_mode = config.IGNORE
        found = dcmread(io.BytesIO(data))
        if _breaks_off(found):
            raise base.ReadError(
                source.name, f"is {_WHAT} that breaks off before its end. {_ADVICE}"
            )
        kind = _value(found, "SOPClassUID")
        origin = Origin(
            message=_value(found, "SOPInstanceUID"),
            accession=_value(found, "AccessionNumber"),
            patient=_value(found, "PatientID"),
            study=_value(found, "StudyInstanceUID"),
        )
        if kind.startswith(_STRUCTURED):
            text = _Tree(source.name).text_of(found)
        elif kind == _ENCAPSULATED_PDF:
            document = bytes(found.EncapsulatedDocument)
            text = documents.text_of(
                document, _value(found, "MIMETypeOfEncapsulatedDocument"), source.name
            )
        else:
            raise base.ReadError(
                source.name,
                f"is {_WHAT}, but neither a structured report nor an encapsulated PDF. Give those.",
            )
    identifier = origin.accession or origin.message or source.report_id
    where = f"{source.name}, accession {origin.accession}" if origin.accession else source.name
    yield base.report(identifier, text, where, origin=origin)


def _check_deflated(data: bytes, name: str) -> None:
    """Refuse a deflated object that would unpack to more than a document may be."""
    if _DEFLATED not in data[:_META_WITHIN]:
        return
    group = data[_HEADER : _HEADER + len(_GROUP_LENGTH)]
    start = _HEADER + len(_GROUP_LENGTH)
    length = int.from_bytes(data[start : start + 4], "little")
    if group != _GROUP_LENGTH or start + 4 + length > len(data):
        raise base.ReadError(name, f"is damaged or not {_WHAT}. {_ADVICE}")
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = unpacking.decompress(data[start + 4 + length :], parsing.LARGEST_DOCUMENT + 1)
    except zlib.error as error:
        raise base.ReadError(name, f"is damaged or not {_WHAT}. {_ADVICE}") from error
    if len(unpacked) > parsing.LARGEST_DOCUMENT:
        size = parsing.megabytes(parsing.LARGEST_DOCUMENT)
        raise base.ReadError(name, f"is {_WHAT} that unpacks to more than {size}. {_ADVICE}")


def _breaks_off(found: Any) -> bool:
    """Whether the last element is shorter than it says, which the library lets pass."""
    last = found.get_item(max(found.keys())) if len(found) else None
    length = getattr(last, "length", _UNDEFINED_LENGTH)
    return bool(length != _UNDEFINED_LENGTH and len(last.value or b"") < length) if last else False


class _Tree:
    """Walks the content tree of a structured report."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._joined = parts.Joined()
        self._left = MOST_ITEMS

    def text_of(self, item: Any) -> str:
        """The text of an item's content, all levels."""
        self._walk(item, 0, None)
        return self._joined.text()

    def _walk(self, item: Any, depth: int, inside: Any) -> None:
        if depth > _DEEPEST:
            raise base.ReadError(self._name, f"is {_WHAT} that nests too deeply. {_ADVICE}")
        for each in item.get("ContentSequence") or []:
            self._left -= 1
            if self._left < 0:
                raise base.ReadError(
                    self._name, f"is {_WHAT} of more than {MOST_ITEMS:,} content items. {_ADVICE}"
                )
            if _value(each, "RelationshipType") in _CONTEXT:
                continue
            code, named = _concept(each, "ConceptNameCodeSequence")
            part = parts.part_of(code, name=named) or inside
            kind = _value(each, "ValueType")
            if kind == "TEXT":
                self._joined.add(_lines(_value(each, "TextValue")), part)
            elif kind == "CODE":
                _, meaning = _concept(each, "ConceptCodeSequence")
                self._joined.add([f"{named}: {meaning}" if named else meaning], part)
            elif kind == "NUM":
                self._joined.add([f"{named}: {_measured(each)}"], part)
            self._walk(each, depth + 1, part)


def _concept(item: Any, keyword: str) -> tuple[str, str]:
    """The code and the meaning of a coded entry; "" where there is none."""
    entries = item.get(keyword) or []
    if not len(entries):
        return "", ""
    entry = entries[0]
    return _value(entry, "CodeValue") or _value(entry, "LongCodeValue"), _value(
        entry, "CodeMeaning"
    )


def _measured(item: Any) -> str:
    values = item.get("MeasuredValueSequence") or []
    if not len(values):
        return "not measured"
    unit, _ = _concept(values[0], "MeasurementUnitsCodeSequence")
    # "1" is what the standard calls a number without a unit.
    return f"{_value(values[0], 'NumericValue')} {unit if unit != '1' else ''}".strip()


def _value(item: Any, keyword: str) -> str:
    value = item.get(keyword)
    return "" if value is None else str(value).strip()


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _claims(source: base.Source) -> bool:
    return source.head[_PREAMBLE:_HEADER] == _MAGIC


def _sought(head: bytes) -> bool:
    """Whether the header names a kind of object that is read."""
    meta = head[_HEADER:_META_WITHIN]
    return _STRUCTURED.encode() in meta or _ENCAPSULATED_PDF.encode() in meta


READER: Final = base.Reader("dicom", (".dcm", ".dicom"), open_source, _claims, _sought)

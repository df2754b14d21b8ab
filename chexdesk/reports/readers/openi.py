"""Open-i (Indiana University) XML: one file, one report; its parts become its sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chexdesk.reports.readers import base, parsing
from chexdesk.reports.report import Origin, Report

_WHAT: Final = "an XML file"
_ADVICE: Final = "Give Open-i's files as they were downloaded."
_ROOT: Final = "eCitation"
#: A report is some kilobytes; its tree in memory is many times the file.
LARGEST_FILE: Final = 8 << 20
_BEGINS: Final = re.compile(rb"<eCitation[\s>]")


def open_source(source: base.Source) -> base.Opened:
    """The file as one report.

    Raises:
        ReadError: it is too large, not XML, not of Open-i, or defines entities.
    """
    return base.Opened(base.DEFAULT_ID_HEADER, _report(source))


def _report(source: base.Source) -> Iterator[Report]:
    data = parsing.whole(source, _WHAT, LARGEST_FILE)
    with parsing.parsing(source.name, _WHAT, _ADVICE):
        from defusedxml.ElementTree import fromstring

        root = fromstring(data)
    if root.tag != _ROOT:
        raise base.ReadError(
            source.name, f"is {_WHAT}, but none of Open-i (its root is no {_ROOT}). {_ADVICE}"
        )
    sections: list[str] = []
    for part in root.iter("AbstractText"):
        text = " ".join("".join(part.itertext()).split())
        label = part.get("Label", "").strip().upper()
        if text:
            sections.append(f"{label}: {text}" if label else text)
    named = root.find("uId")
    identifier = named.get("id", "").strip() if named is not None else ""
    where = f"{source.name}, {identifier}" if identifier else source.name
    origin = Origin(message=identifier)
    yield base.report(identifier or source.report_id, "\n".join(sections), where, origin=origin)


def _sought(head: bytes) -> bool:
    return _BEGINS.search(head) is not None


READER: Final = base.Reader(
    "openi", (".xml",), open_source, lambda source: _sought(source.head), _sought
)

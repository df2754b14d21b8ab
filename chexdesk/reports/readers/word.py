"""Word (.docx): one file, one report.

The document part of ECMA-376, read element by element: paragraphs, tables, text boxes, content
controls and what reviewers inserted; not headers, footers, hidden text and what reviewers deleted.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final
from zipfile import ZipFile

from chexdesk.reports.readers import archives, base, parsing
from chexdesk.reports.report import Report

_WHAT: Final = "a Word file"
_ADVICE: Final = "Open it in Word and save it again, as .docx or as plain text."
#: All parts of one package together, unpacked, in bytes.
UNPACKED_AT_MOST: Final = 256 << 20
#: The document part alone, unpacked, in bytes.
LARGEST_BODY: Final = 64 << 20

_MAIN: Final = frozenset((
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
))  # fmt: skip
_OFFICE_DOCUMENT: Final = "/officeDocument"
_DEFAULT_PART: Final = "word/document.xml"
#: Deleted text, the old place of moved text, and the older copy of a drawing.
_LEFT_OUT: Final = frozenset(("del", "moveFrom", "Fallback", "rubyPr", "rt"))
_SIGNS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011", "ptab": "\t"}
_FALSE: Final = frozenset(("0", "false", "off"))
_PIECE: Final = 1 << 16


class _Body:
    """Takes the document's elements as they are parsed, gives its text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._left_out = 0
        self._in_text = False
        #: For each open run: where its text begins, and whether it is hidden.
        self._runs: list[tuple[int, bool]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if self._left_out or name in _LEFT_OUT:
            self._left_out += 1
        elif not _is_main(tag):
            return
        elif name == "r":
            self._runs.append((len(self.pieces), False))
        elif name == "t":
            self._in_text = True
        elif name == "vanish" and self._runs:
            if not any(value in _FALSE for value in attributes.values()):
                self._runs[-1] = (self._runs[-1][0], True)
        elif name in _SIGNS and self._runs:
            self.pieces.append(_SIGNS[name])
        elif name == "txbxContent":
            self.pieces.append("\n")

    def data(self, text: str) -> None:
        if self._in_text and not self._left_out:
            self.pieces.append(text)

    def end(self, tag: str) -> None:
        name = _local(tag)
        if self._left_out:
            self._left_out -= 1
        elif not _is_main(tag):
            return
        elif name == "t":
            self._in_text = False
        elif name == "r" and self._runs:
            begin, hidden = self._runs.pop()
            if hidden:
                del self.pieces[begin:]
        elif name == "p":
            self.pieces.append("\n")
        elif name in ("tc", "tr"):
            # A cell's last paragraph ends the cell, and a row's last cell the row.
            if self.pieces and self.pieces[-1] in ("\n", "\t"):
                self.pieces.pop()
            self.pieces.append("\t" if name == "tc" else "\n")

    def close(self) -> str:
        return "".join(self.pieces).strip("\n")


def text_of(data: bytes, name: str) -> str:
    """The text of a Word document.

    Args:
        name: of the file it is or is in, for messages.

    Raises:
        ReadError: it is no Word document, is damaged, or unpacks to more than the limits above.
    """
    with parsing.parsing(name, _WHAT, _ADVICE):
        from defusedxml.ElementTree import XMLParser

        with archives.open_package(io.BytesIO(data), name, _WHAT, UNPACKED_AT_MOST) as package:
            part = _document_part(package)
            if part not in package.namelist():
                raise base.ReadError(name, f"is damaged or not {_WHAT}: no {part} in it. {_ADVICE}")
            if package.getinfo(part).file_size > LARGEST_BODY:
                raise base.ReadError(
                    name,
                    f"is {_WHAT} of more than {parsing.megabytes(LARGEST_BODY)} of text. Split it.",
                )
            parser = XMLParser(target=_Body(), forbid_dtd=True)
            with package.open(part) as body:
                while piece := body.read(_PIECE):
                    parser.feed(piece)
            return str(parser.close())


def _document_part(package: ZipFile) -> str:
    """The part that the package's relations call its document."""
    from defusedxml.ElementTree import fromstring

    try:
        relations = package.read("_rels/.rels")
    except KeyError:
        return _DEFAULT_PART
    for relation in fromstring(relations, forbid_dtd=True):
        if relation.get("Type", "").endswith(_OFFICE_DOCUMENT):
            return str(relation.get("Target", _DEFAULT_PART)).removeprefix("/")
    return _DEFAULT_PART


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _is_main(tag: str) -> bool:
    return tag.rpartition("}")[0].removeprefix("{") in _MAIN


def _claims(source: base.Source) -> bool:
    return source.head.startswith(archives.ZIP_MAGIC) and b"word/" in source.head


def open_source(source: base.Source) -> base.Opened:
    """The file as one report, its id the file's name.

    Raises:
        ReadError: as `text_of`.
    """

    def reports() -> Iterator[Report]:
        text = text_of(parsing.whole(source, _WHAT), source.name)
        yield base.report(source.report_id, text, source.name)

    return base.Opened(base.DEFAULT_ID_HEADER, reports())


READER: Final = base.Reader("docx", (".docx", ".docm"), open_source, _claims)

"""Documents that lie inside other things (HL7, FHIR, DICOM): bytes and a media type to text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final

from chexdesk.reports.readers import decoding, markup, parsing, pdf, rtf, word
from chexdesk.reports.readers.base import ReadError

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_KINDS: Final[dict[str, Callable[[bytes, str], str]]] = {
    "application/pdf": pdf.text_of,
    "application/rtf": rtf.text_of,
    "text/rtf": rtf.text_of,
    "text/richtext": rtf.text_of,
    _WORD: word.text_of,
}
_MARKUP: Final = frozenset(("text/html", "application/xhtml+xml"))
_MAGIC: Final = ((b"%PDF-", "application/pdf"), (b"{\\rtf", "application/rtf"), (b"PK", _WORD))


def text_of(data: bytes, media_type: str, name: str) -> str:
    """The text of a document.

    Args:
        media_type: with parameters, as "text/plain; charset=utf-8"; "" goes by the content.
        name: where it lies, for messages.

    Raises:
        ReadError: it is of a kind that cannot be read, or is damaged.
    """
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    for magic, meant in _MAGIC:
        if data.startswith(magic):
            kind = meant
    if kind in _KINDS:
        return _KINDS[kind](data, name)
    if kind in _MARKUP:
        return markup.plain_text(_decoded(data, parameters, name))
    if not kind or kind == "text/plain":
        text = _decoded(data, parameters, name)
        if "\0" not in text:
            return text
    shown = kind if len(kind) <= 80 and kind.isprintable() else ""
    raise ReadError(
        name,
        f"holds a document that cannot be read ({shown or 'of unknown kind'}). Give its text, a "
        "PDF, RTF or Word file.",
    )


def from_base64(encoded: str, name: str) -> bytes:
    """The bytes that base64 stands for; white space in it does not matter.

    Raises:
        ReadError: it is not base64, or holds more than `parsing.LARGEST_DOCUMENT` bytes.
    """
    if len(encoded) > parsing.LARGEST_DOCUMENT * 3 // 2:
        size = parsing.megabytes(parsing.LARGEST_DOCUMENT)
        raise ReadError(name, f"holds a document of more than {size}. Give it as a file.")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ReadError(name, "holds a document whose base64 is damaged. Send it again.") from error


def _decoded(data: bytes, parameters: str, name: str) -> str:
    """Text in the charset that the media type names, else in UTF-8 or Windows-1252."""
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            text = decoding.decoded_as(data, value.strip().strip("\"'"))
            if text is None:
                raise ReadError(
                    name,
                    "holds a text that is not in the character set it names. Send it as UTF-8.",
                )
            return text
    return decoding.decoded(data.removeprefix(b"\xef\xbb\xbf"))

"""Bytes to text: which encoding an input is in, and whether it is text at all."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from chexdesk.reports.readers.base import ReadError, Source

#: How many bytes of an input are looked at before it is read.
HEAD_BYTES: Final = 1 << 16

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip, Word or Excel file"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "a gzip file"),
    (b"GGUF", "a model file"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "a rich text file"),
)
_BOMS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")
_FALLBACK: Final = "chexdesk-windows-1252"


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """What is not UTF-8 is Windows-1252, else Latin-1: no byte is lost."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    text = "".join(
        bytes([byte]).decode("cp1252" if byte not in _UNDEFINED else "latin-1") for byte in wrong
    )
    return text, error.end


#: Codecs of Python that are no character sets.
_NO_CHARSETS: Final = frozenset(
    ("idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "undefined")
)
_UNDEFINED: Final = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))
codecs.register_error(_FALLBACK, _windows_1252)


@contextmanager
def open_file(path: Path) -> Iterator[Source]:
    """A file as a source, for readers of other things than reports.

    Raises:
        ReadError: it cannot be opened or read.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ReadError(str(path), f"cannot be opened ({error.strerror}).") from error
    with stream:
        source = Source(str(path), path.name, stream, stream.read(HEAD_BYTES), None)
        stream.seek(0)
        yield source


def encoding_of(source: Source) -> str:
    """The encoding of a source, from its head.

    Raises:
        ReadError: it is not text.
    """
    head = source.head
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise ReadError(
                source.name, f"is {what}, not text. Save it as text, CSV or JSON first."
            )
    guess = _utf_16_without_bom(head)
    if guess is not None:
        return guess
    # A stray control character costs one row at most; it does not make a file binary.
    if sum(byte in _CONTROLS for byte in head) * 20 <= len(head):
        return "utf-8"
    raise ReadError(
        source.name, "is binary data, not text. Give a text, CSV, TSV, JSON or JSONL file."
    )


def open_text(source: Source) -> TextIO:
    """The source as text, decoded as it is read, line ends as they are.

    Raises:
        ReadError: it is not text.
    """
    encoding = encoding_of(source)
    errors = _FALLBACK if encoding.startswith("utf-8") else "strict"
    return io.TextIOWrapper(source.stream, encoding=encoding, errors=errors, newline="")


def decoded(data: bytes) -> str:
    """Bytes that say nothing of their encoding: UTF-8, else Windows-1252; no byte is lost."""
    return data.decode("utf-8", _FALLBACK)


def decoded_as(data: bytes, charset: str) -> str | None:
    """Bytes in the encoding of that name, or None where there is none or they are not in it.

    UTF-8 and ASCII are taken as `decoded` takes them, Latin-1 as Windows-1252: both are often named
    by senders who write the larger set.
    """
    try:
        name = codecs.lookup(charset).name
        if name in ("utf-8", "ascii"):
            return decoded(data)
        if name == "iso8859-1":
            return data.decode("ascii", _FALLBACK)
        return None if name in _NO_CHARSETS else data.decode(name)
    except (LookupError, ValueError):
        return None


@contextmanager
def failures(source: Source) -> Iterator[None]:
    """Turn what can go wrong while bytes are read and decoded into `ReadError`."""
    try:
        yield
    except UnicodeError as error:
        raise ReadError(
            source.name, "breaks off or is damaged: not all of it is text. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ReadError(source.name, f"cannot be read ({error.strerror or error}).") from error


def _utf_16_without_bom(head: bytes) -> str | None:
    """Latin letters in UTF-16 leave every other byte zero, always on the same side."""
    pairs = len(head) // 2
    if pairs == 0:
        return None
    first, second = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    for zeros, others, encoding in ((second, first, "utf-16-le"), (first, second, "utf-16-be")):
        if zeros * 10 >= pairs * 6 and others * 50 <= pairs:
            return encoding
    return None

"""What the readers of documents share: limits, whole files in memory, other people's parsers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from chexdesk.reports.readers.base import ReadError, Source

#: The largest file that holds one report, in bytes, and the largest document inside another file.
LARGEST_DOCUMENT: Final = 64 << 20
#: The largest file that has to be held whole, in bytes, where it comes through a pipe.
LARGEST_PIPED: Final = 512 << 20
#: The longest text of one document, in characters. A labeler takes less; this bounds the work.
LONGEST_TEXT: Final = 1 << 24


def megabytes(size: int) -> str:
    """A limit in words, for messages."""
    return f"{size >> 20:,} MB"


def whole(source: Source, what: str, most: int = LARGEST_DOCUMENT) -> bytes:
    """All bytes of a source.

    Args:
        what: the format, for the message ("a PDF").
        most: the largest size, in bytes.

    Raises:
        ReadError: it is larger, or cannot be read.
    """
    try:
        data = source.stream.read(most + 1)
    except OSError as error:
        raise ReadError(source.name, f"cannot be read ({error.strerror or error}).") from error
    if len(data) > most:
        raise ReadError(
            source.name, f"is {what} of more than {megabytes(most)}. Split it into smaller files."
        )
    return data


def seekable(source: Source, what: str) -> BinaryIO:
    """The source as a stream that can go back; one that cannot is taken into memory.

    Raises:
        ReadError: it cannot go back and is larger than `LARGEST_PIPED`, or cannot be read.
    """
    if source.stream.seekable():
        return source.stream
    return io.BytesIO(whole(source, what, LARGEST_PIPED))


@contextmanager
def parsing(name: str, what: str, advice: str) -> Iterator[None]:
    """Turn whatever a library's parser raises into `ReadError`.

    Parsers of hostile files raise anything, and their messages may quote the file: only the
    exception's kind is told.

    Args:
        name: the input as the user named it.
        what: the format ("a PDF").
        advice: what to do, as a sentence.
    """
    try:
        yield
    except ReadError:
        raise
    except MemoryError as error:
        raise ReadError(name, f"is {what} too large for this machine's memory.") from error
    except Exception as error:
        kind = type(error).__name__
        raise ReadError(name, f"is {what} that cannot be read ({kind}). {advice}") from error

"""HL7 version 2 messages: bytes to segments and fields.

As HL7 v2.5.1 chapter 2 has it: delimiters from MSH-1 and MSH-2, the character set from MSH-18, the
escape sequences of 2.7; batches (FHS, BHS), MLLP frames and several messages one after another.
Files are read message by message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from chexdesk.reports.readers import base, decoding, parsing

#: The largest message, in bytes.
LARGEST_MESSAGE: Final = 64 << 20
#: The most segments of one message.
MOST_SEGMENTS: Final = 200_000

_CHUNK: Final = 1 << 16
#: MLLP's start and end of a block; here they end lines.
FRAME_START: Final = b"\x0b"
FRAME_END: Final = b"\x1c"
_SEGMENT: Final = re.compile(rb"([A-Z][A-Z0-9]{2})([^A-Za-z0-9\s.,:;()-])")
_MESSAGE: Final = b"MSH"
#: Wrapped around messages, and not part of them.
_BATCH: Final = frozenset((b"FHS", b"BHS", b"BTS", b"FTS"))
_UTF_8_MARK: Final = b"\xef\xbb\xbf"

#: HL7 table 0211, as Python names them.
_CHARSETS: Final = {
    "ASCII": "ascii", "8859/1": "iso8859-1", "8859/2": "iso8859-2", "8859/3": "iso8859-3",
    "8859/4": "iso8859-4", "8859/5": "iso8859-5", "8859/6": "iso8859-6", "8859/7": "iso8859-7",
    "8859/8": "iso8859-8", "8859/9": "iso8859-9", "8859/15": "iso8859-15",
    "ISO IR6": "ascii", "ISO IR14": "shift_jis", "ISO IR87": "iso2022_jp_2",
    "ISO IR159": "iso2022_jp_2", "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr",
    "BIG-5": "big5hkscs", "UNICODE": "utf-8", "UNICODE UTF-8": "utf-8",
}  # fmt: skip
_CHARSET_FIELD: Final = 18
_FORMATTING: Final = re.compile(r"\.(br|ce|sp|in|ti|fi|nf|sk)([+-]?\d{0,3})\Z")
_MOST_LINES: Final = 99


class MessageError(ValueError):
    """A message that cannot be read; says why, without quoting it."""


@dataclass(frozen=True)
class Delimiters:
    """The signs of MSH-1 and MSH-2; "" where a message does without one."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


class Segment:
    """One segment.

    Attributes:
        name: its three letters.
    """

    def __init__(self, line: str, delimiters: Delimiters) -> None:
        self._parts = line.split(delimiters.field)
        self._delimiters = delimiters
        self.name = self._parts[0]
        # The field separator itself is MSH-1, so what follows it is MSH-2.
        self._shift = 1 if self.name == "MSH" else 0

    def raw(self, number: int) -> str:
        """A field as it stands, escapes and delimiters included; "" where there is none."""
        place = number - self._shift
        return self._parts[place] if 0 < place < len(self._parts) else ""

    def stray(self, after: int) -> list[str]:
        """Lines that follow the first one of fields behind a number: text cut off from its own."""
        behind = self._parts[after - self._shift + 1 :]
        return [line for part in behind for line in part.split("\n")[1:]]

    def component(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """One component of a field's first repetition, without escapes; "" where there is none."""
        marks = self._delimiters
        part = self.raw(number)
        for mark, place in (
            (marks.repetition, 1),
            (marks.component, component),
            (marks.subcomponent, subcomponent),
        ):
            parts = part.split(mark) if mark else [part]
            part = parts[place - 1] if place <= len(parts) else ""
        return unescaped(part, marks).strip()


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        segments: in order, MSH first.
    """

    segments: tuple[Segment, ...]
    delimiters: Delimiters

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]


def raw_messages(stream: BinaryIO) -> Iterator[list[bytes] | MessageError]:
    """The segments of one message after another, as bytes; or why one cannot be taken.

    A line that begins no segment goes on with the one before it: senders put line ends into text.
    """
    lines: list[bytes] = []
    size = 0
    for line in _lines(stream):
        line = line.removeprefix(_UTF_8_MARK)
        begins = _SEGMENT.match(line)
        name, separator = begins.groups() if begins else (b"", b"")
        if name in _BATCH:
            continue
        if name == _MESSAGE:
            if lines:
                yield _closed(lines, size)
            lines, size = [line], len(line)
        elif lines:
            size += len(line) + 1
            # Past the limit nothing is kept, but the message is still read to its end.
            if size <= LARGEST_MESSAGE and len(lines) <= MOST_SEGMENTS:
                if separator and separator == lines[0][3:4]:
                    lines.append(line)
                else:
                    lines[-1] += b"\n" + line
    if lines:
        yield _closed(lines, size)


def _closed(lines: list[bytes], size: int) -> list[bytes] | MessageError:
    if size > LARGEST_MESSAGE or len(lines) > MOST_SEGMENTS:
        most = parsing.megabytes(LARGEST_MESSAGE)
        return MessageError(f"has more than {most} or {MOST_SEGMENTS:,} segments; leave it out")
    return [line.rstrip(b"\n") for line in lines]


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines without their ends, whatever ends them."""
    rest = b""
    while chunk := stream.read(max(_CHUNK, len(rest))):
        data = rest + chunk.replace(FRAME_START, b"\r").replace(FRAME_END, b"\r")
        # A carriage return at the end may be half of a line's end.
        *lines, rest = data[:-1].splitlines() or [b""]
        if data[-2:-1] in (b"\r", b"\n"):
            lines.append(rest)
            rest = b""
        rest = (rest + data[-1:])[: LARGEST_MESSAGE + 1]
        yield from lines
    yield from rest.splitlines()


def parse(lines: list[bytes], encoding: str | None = None) -> Message:
    """A message of its segments.

    Args:
        encoding: what it is in, whatever MSH-18 says; None goes by MSH-18.

    Raises:
        MessageError: the header is damaged or names a character set that is not known, or the
            bytes are not in it.
    """
    header = lines[0].decode("latin-1")
    marks = _delimiters(header)
    if encoding is None:
        charset = Segment(header, marks).component(_CHARSET_FIELD)
        encoding = _CHARSETS.get(charset.upper() or "UNICODE UTF-8")
        if encoding is None:
            raise MessageError("MSH-18 names a character set that is not known; use UNICODE UTF-8")
    segments = []
    for line in lines:
        text = decoding.decoded_as(line, encoding)
        if text is None:
            raise MessageError("is not in the character set that MSH-18 names; mend MSH-18")
        segments.append(Segment(text, marks))
    return Message(tuple(segments), marks)


def _delimiters(header: str) -> Delimiters:
    if len(header) < 5:
        raise MessageError("its header MSH breaks off; send it again")
    field = header[3]
    signs = header[4:].partition(field)[0]
    if not signs or len(set(signs) | {field}) <= len(signs) or any(s.isalnum() for s in signs):
        raise MessageError("its header MSH names no usable delimiters; mend MSH-1 and MSH-2")
    return Delimiters(field, *(signs[place : place + 1] for place in range(4)))


def unescaped(text: str, marks: Delimiters) -> str:
    """Text with its escape sequences replaced; one that is not known stays as it is."""
    if not marks.escape or marks.escape not in text:
        return text
    signs = {
        "F": marks.field, "S": marks.component, "R": marks.repetition, "T": marks.subcomponent,
        "E": marks.escape, "H": "", "N": "", "P": "",
    }  # fmt: skip
    first, *parts = text.split(marks.escape)
    pieces = [first]
    place = 0
    while place < len(parts):
        code = parts[place]
        replaced = signs.get(code)
        if replaced is None:
            replaced = _formatted(code)
        if replaced is None or place + 1 == len(parts):
            # No sequence: the escape sign is part of the text.
            pieces.append(marks.escape + code)
            place += 1
        else:
            pieces.append(replaced + parts[place + 1])
            place += 2
    return "".join(pieces)


def _formatted(code: str) -> str | None:
    """What a formatting or hexadecimal sequence stands for, or None where it is neither."""
    if code[:1] == "X" and len(code) > 1:
        try:
            return (
                decoding.decoded(bytes.fromhex(code[1:])).replace("\r\n", "\n").replace("\r", "\n")
            )
        except ValueError:
            return None
    command = _FORMATTING.match(code)
    if command is None:
        return None
    word, number = command.groups()
    if word in ("sp", "br", "ce"):
        return "\n" * min(max(1, int(number or 1)), _MOST_LINES)
    if word == "sk":
        return " " * min(max(1, int(number or 1)), _MOST_LINES)
    return ""


def starts_like_a_message(source: base.Source) -> bool:
    """Whether a source begins with MSH, FHS or BHS and two delimiters."""
    head = source.head.removeprefix(_UTF_8_MARK).lstrip(FRAME_START + b"\r\n \t")
    begins = _SEGMENT.match(head)
    if begins is None or begins.group(1) not in (_MESSAGE, b"FHS", b"BHS"):
        return False
    following = head[begins.end() : begins.end() + 1]
    return bool(following) and not following.isalnum() and not following.isspace()

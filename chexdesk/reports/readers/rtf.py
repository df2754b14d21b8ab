"""Rich Text Format: one file, one report.

As Microsoft's specification 1.9.1 has it, as far as text goes: groups, destinations, code pages,
`\\u` with its replacement, `\\bin`. Headers, footers, pictures, hidden and deleted text stay out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from chexdesk.reports.readers import base, parsing
from chexdesk.reports.report import Report

_WHAT: Final = "a rich text file"
_ADVICE: Final = "Open it in a word processor and save it again, as RTF or as plain text."
_MAGIC: Final = b"{\\rtf"

_TOKEN: Final = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|[\r\n]+|"
    rb"([^\\{}\r\n]+)"
)
#: Groups that hold no text of the document.
_DESTINATIONS: Final = frozenset(
    b"fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl "
    b"footerr footerf fldinst listtable listoverridetable revtbl rsidtbl generator themedata "
    b"colorschememapping datastore latentstyles xmlnstbl filetbl nonshppict bkmkstart bkmkend "
    b"annotation atnid atnauthor atndate atnref comment datafield pntext pntxta pntxtb tc xe "
    b"private template title author ftnsep ftnsepc aftnsep aftnsepc".split()
)
#: Groups with `\*` before them that hold text all the same.
_SHOWN: Final = frozenset((b"shppict", b"shptxt", b"shpinst", b"fldrslt"))
_WORDS: Final = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"nestrow": "\n",
    b"tab": "\t", b"cell": "\t", b"nestcell": "\t", b"emdash": "—", b"endash": "–",
    b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”",
    b"emspace": "\u2003", b"enspace": "\u2002", b"qmspace": "\u2005", b"zwj": "\u200d",
    b"zwnj": "\u200c", b"ltrmark": "\u200e", b"rtlmark": "\u200f",
}  # fmt: skip
_SIGNS: Final = {b"~": "\xa0", b"_": "\u2011", b"{": "{", b"}": "}", b"\\": "\\",
                 b"\n": "\n", b"\r": "\n", b"\t": "\t"}  # fmt: skip
#: `\fcharset` of a font: the code page of the bytes set in it.
_CHARSETS: Final = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "cp936",
    136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_HALVES: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


@dataclass(frozen=True)
class _State:
    """What a group inherits and may change.

    Attributes:
        hidden: nothing of the group is text of the document.
        veiled: it is text, but marked as hidden or deleted.
        replaced: how many characters after a `\\u` stand for it in readers without Unicode.
        font: the number of the current font.
    """

    hidden: bool = False
    veiled: bool = False
    replaced: int = 1
    font: int | None = None


class _Parser:
    """Takes tokens, gives text."""

    def __init__(self) -> None:
        self._state = _State()
        self._outer: list[_State] = []
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._bytes = bytearray()
        self._skip = 0
        self._starred = False
        self._in_fonts = 0
        self.pieces: list[str] = []

    @property
    def depth(self) -> int:
        return len(self._outer)

    def group(self, brace: bytes) -> None:
        self._flush()
        self._skip = 0
        self._starred = False
        if brace == b"{":
            self._outer.append(self._state)
        elif self._outer:
            self._state = self._outer.pop()
            if len(self._outer) < self._in_fonts:
                self._in_fonts = 0

    def raw(self, data: bytes) -> None:
        """Bytes of text, in the code page of the current font."""
        if self._skip:
            taken = min(self._skip, len(data))
            self._skip -= taken
            data = data[taken:]
        if not (self._state.hidden or self._state.veiled):
            self._bytes += data

    def sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._starred = True
        else:
            self._say(_SIGNS.get(sign, ""))

    def word(self, name: bytes, number: int | None) -> None:
        starred, self._starred = self._starred, False
        if name in _DESTINATIONS or (starred and name not in _SHOWN):
            if name == b"fonttbl":
                self._in_fonts = len(self._outer)
            self._flush()
            self._state = replace(self._state, hidden=True)
        elif name == b"u" and number is not None:
            self._say(chr(number % 0x10000))
            self._skip = self._state.replaced
        elif name == b"uc":
            self._state = replace(self._state, replaced=max(0, number or 0))
        elif name == b"ansicpg" and number is not None:
            self._encoding = _known(f"cp{number}") or self._encoding
        elif name in (b"mac", b"pc", b"pca"):
            self._encoding = {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}[name]
        elif name in (b"f", b"deff"):
            self._flush()
            self._state = replace(self._state, font=number)
        elif name == b"fcharset" and self._in_fonts and self._state.font is not None:
            self._fonts[self._state.font] = _CHARSETS.get(number or 0, "")
        elif name in (b"v", b"deleted"):
            self._flush()
            self._state = replace(self._state, veiled=number != 0)
        elif name == b"plain":
            self._flush()
            self._state = replace(self._state, veiled=False)
        else:
            self._say(_WORDS.get(name, ""))

    def text(self) -> str:
        self._flush()
        # What lies beyond the first plane comes as two halves.
        return _HALVES.sub(_joined, "".join(self.pieces))

    def _say(self, text: str) -> None:
        self._flush()
        self._skip = 0
        if not (self._state.hidden or self._state.veiled):
            self.pieces.append(text)

    def _flush(self) -> None:
        if self._bytes:
            encoding = self._fonts.get(self._state.font or 0) or self._encoding
            self.pieces.append(self._bytes.decode(encoding, "replace"))
            self._bytes.clear()


def _joined(halves: re.Match[str]) -> str:
    return halves.group().encode("utf-16", "surrogatepass").decode("utf-16")


def _known(encoding: str) -> str | None:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None


def text_of(data: bytes, name: str) -> str:
    """The text of a rich text document.

    Args:
        name: of the file it is or is in, for messages.

    Raises:
        ReadError: it is not RTF, or breaks off.
    """
    if not data.startswith(_MAGIC):
        raise base.ReadError(name, f"is not {_WHAT}. {_ADVICE}")
    parser = _Parser()
    at = 0
    while at < len(data):
        token = _TOKEN.match(data, at)
        if token is None:
            # A backslash at the very end.
            break
        at = token.end()
        word, number, byte, sign, brace, plain = token.groups()
        if word == b"bin":
            at += max(0, int(number or 0))
        elif word is not None:
            parser.word(word, int(number) if number else None)
        elif byte is not None:
            parser.raw(bytes.fromhex(byte.decode()))
        elif sign is not None:
            parser.sign(sign)
        elif brace is not None:
            parser.group(brace)
            if not parser.depth:
                break
        elif plain is not None:
            parser.raw(plain)
    if parser.depth:
        raise base.ReadError(
            name,
            f"is {_WHAT} that breaks off before its end ({parser.depth} groups open). {_ADVICE}",
        )
    return parser.text().strip("\n")


def open_source(source: base.Source) -> base.Opened:
    """The file as one report, its id the file's name.

    Raises:
        ReadError: it is too large, not RTF, or breaks off.
    """

    def reports() -> Iterator[Report]:
        text = text_of(parsing.whole(source, _WHAT), source.name)
        yield base.report(source.report_id, text, source.name)

    return base.Opened(base.DEFAULT_ID_HEADER, reports())


READER: Final = base.Reader(
    "rtf", (".rtf",), open_source, lambda source: source.head.startswith(_MAGIC)
)

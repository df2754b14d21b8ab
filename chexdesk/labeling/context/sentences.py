"""Cut a text into sentences of words, each word with its place in the whole text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chexdesk.labeling.context.phrases import TOKEN

_MARK: Final = re.compile(r"[.!?;]|\n")
# A new item or paragraph: an empty line, or a number or bullet at the line's start.
_NEW_ITEM: Final = re.compile(r"\n[ \t\r]*(?:\n|(?:\d{1,2}[.)]|[-*•>])[ \t]*\S)")
_TITLE: Final = re.compile(r"\b(?:dr|mr|mrs|ms|vs|st|approx|assoc|incl|v)\Z")
_STOP: Final = re.compile(r"[.!?;]\s")
_LINE: Final = re.compile(r"\r\n|\n|\r")
# Text that was wrapped leaves no room for the next word; this much slack still counts as full.
_SLACK: Final = 12
# Narrower lines than this were not wrapped by a typist's column but are items of their own.
_NARROWEST_WRAP: Final = 40
_UNFINISHED: Final = re.compile(
    r"(?:[,/-]|\b(?:an?|and|are|as|at|be|but|by|for|from|has|have|in|is|may|no|not|of|on|or|the|to|"
    r"was|were|which|with|without))\Z"
)


@dataclass(frozen=True)
class Sentence:
    """The words of one sentence, in lower case.

    Attributes:
        starts, ends: of each word, in code points of the whole text.
    """

    words: list[str]
    starts: list[int]
    ends: list[int]


def lowered(text: str) -> str:
    """The text in lower case with every code point in its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def sentences(lower: str, start: int, end: int) -> Iterator[Sentence]:
    """The sentences of a stretch of a text that is in lower case already."""
    breaks = [m.start() for m in _MARK.finditer(lower, start, end) if _parts(lower, m.start(), end)]
    breaks += _item_ends(lower, start, end)
    at = start
    for stop in [*sorted(breaks), end]:
        if stop > at:
            # A question mark is a word of its sentence: it casts doubt on it.
            last = stop + 1 if stop < end and lower[stop] == "?" else stop
            tokens = list(TOKEN.finditer(lower, at, last))
            if tokens:
                yield Sentence(
                    [t.group() for t in tokens],
                    [t.start() for t in tokens],
                    [t.end() for t in tokens],
                )
            at = stop + 1


def _parts(lower: str, at: int, end: int) -> bool:
    """Whether the mark at a place ends a sentence.

    A full stop does so before white space, and between two whole words or after a list number
    ("effusion.no", "2.right"); not after a title or "vs".
    """
    mark, after = lower[at], lower[at + 1 : min(at + 3, end)]
    if mark == ";":
        return True
    if mark == "\n":
        return _NEW_ITEM.match(lower, at, end) is not None
    ends = not after or after[0].isspace() or after[0] in ".!"
    if mark == "?":
        return ends and at > 0 and not lower[at - 1].isspace()
    if ends:
        return mark == "!" or _TITLE.search(lower, max(0, at - 8), at) is None
    before = lower[max(0, at - 2) : at]
    whole = len(after) == 2 and after.isalpha()
    return mark == "." and whole and ((len(before) == 2 and before.isalpha()) or before.isdigit())


def _item_ends(lower: str, start: int, end: int) -> list[int]:
    """Line ends that part items: the next line's first word would have fitted on the line.

    None where full stops part sentences already: such text may be wrapped anywhere.
    """
    if _STOP.search(lower, start, start + len(lower[start:end].rstrip()) - 1):
        return []
    marks = [m.start() for m in _LINE.finditer(lower, start, end)]
    if not marks:
        return []
    lines = [lower[a:b].strip() for a, b in itertools.pairwise([start, *marks, end])]
    widest = max(map(len, lines))
    # Full stops at the end mark prose, which has no need of line ends.
    listed = widest < _NARROWEST_WRAP and not lines[-1].endswith(".")
    found = []
    for mark, (line, following) in zip(marks, itertools.pairwise(lines), strict=True):
        first = following.split(maxsplit=1)[0] if following else ""
        room = widest - len(line) - 1 - len(first)
        if (listed or room > _SLACK) and not _UNFINISHED.search(line):
            found.append(mark)
    return found

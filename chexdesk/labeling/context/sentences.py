"""Cut a text into sentences of words, each word with its place in the whole text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chexdesk.labeling.context.phrases import TOKEN

# A full stop ends a sentence before white space or when it stands between two whole words
# ("effusion.no"); not after a title or "vs". Semicolons, blank lines and list marks end one too.
_BREAK: Final = re.compile(
    r"(?<!\bdr)(?<!\bmr)(?<!\bmrs)(?<!\bms)(?<!\bvs)(?<!\bst)(?<!\bapprox)[.!]+(?=\s|$)"
    r"|(?<=[a-z]{2})\.(?=[a-z]{2})|(?<=\d)\.(?=[a-z]{2})|(?<=[^\s]\?)(?=\s)|;"
    r"|\n[ \t\r]*\n|\n\s*(?=(?:\d{1,2}[.)]|[-*•>])[ \t]*\S)"
)
_LINE: Final = re.compile(r"\r\n|\n|\r")
# Text that was wrapped leaves no room for the next word; this much slack still counts as full.
_SLACK: Final = 12
# Narrower lines than this were not wrapped by a typist's column but are items of their own.
_NARROWEST_WRAP: Final = 40


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
    breaks = [(m.start(), m.end()) for m in _BREAK.finditer(lower, start, end)]
    breaks += [(at, at) for at in _item_ends(lower, start, end)]
    breaks.sort()
    at = start
    for stop, resume in [*breaks, (end, end)]:
        if stop > at:
            tokens = list(TOKEN.finditer(lower, at, stop))
            if tokens:
                yield Sentence(
                    [t.group() for t in tokens],
                    [t.start() for t in tokens],
                    [t.end() for t in tokens],
                )
        at = max(at, resume)


def _item_ends(lower: str, start: int, end: int) -> list[int]:
    """Line ends that part items: the next line's first word would have fitted on the line."""
    marks = [m.start() for m in _LINE.finditer(lower, start, end)]
    if not marks:
        return []
    edges = [start, *marks, end]
    lines = [lower[a:b].strip() for a, b in itertools.pairwise(edges)]
    widest = max(map(len, lines))
    found = []
    for place, mark in enumerate(marks):
        line, following = lines[place], lines[place + 1]
        first = following.split(maxsplit=1)[0] if following else ""
        room = widest - len(line) - 1 - len(first)
        if line.endswith((",", "-", "/")):
            continue
        if widest < _NARROWEST_WRAP or room > _SLACK:
            found.append(mark)
    return found

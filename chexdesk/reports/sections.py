"""Find a report's sections and choose the text a labeler may read.

History, indication, technique and comparison say what was asked or seen before, not what the
image shows; they are never shown to a model as findings. Where a report has no heading over its
findings, they begin where the left-out section can be seen to end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from chexdesk.reports.headings import KEPT, Heading, SectionKind, find_headings

__all__ = [
    "KEPT",
    "Section",
    "SectionChoice",
    "SectionKind",
    "choose_sections",
    "parse_sections",
]


class SectionChoice(Enum):
    """The command line's `--sections`.

    DEFAULT leaves out what is not a finding. MIMIC takes what the labels of MIMIC-CXR-JPG were made
    from (its `create_section_files.py`): the last impression, else the last findings, else the last
    paragraph.
    """

    DEFAULT = "default"
    ALL = "all"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    MIMIC = "mimic"


@dataclass(frozen=True)
class Section:
    """A stretch of the text under one heading.

    Attributes:
        heading: the heading's words as written, "" where there is none.
        start, end: the body without its heading and outer white space, in code points of the text.
    """

    kind: SectionKind
    heading: str
    start: int
    end: int


_LONGEST_TITLE: Final = 160
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n|\r[ \t]*\r")
_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")
#: A line shorter than this was ended by its writer, not by the margin.
_SHORT_LINE: Final = 60
_SENTENCE_END: Final = re.compile(r"[.?!][\"')\]]*(?=\s)")
_ASKED: Final = frozenset({SectionKind.HISTORY, SectionKind.INDICATION})
# Sentences that go on with the question or the history.
_ASKING: Final = re.compile(
    r"\s*(?:\?|r/o\b|rule\s+out|eval|assess|please|check|status\s+post|s/p\b|history|h/o\b|hx\b|"
    r"follow[- ]?up|concern|known|patient|pt\b)",
    re.IGNORECASE,
)
_EXAM_TITLE: Final = re.compile(
    r"(?:\w+[ ,]+){0,6}?(?:chest|cxr|radiographs?|x-?rays?|views?)\b[\w ,/:\[\].()&-]*\Z",
    re.IGNORECASE,
)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|no|not|without|normal|clear|stable|unchanged|shows?|"
    r"demonstrates?|seen|noted|opacit\w+|effusions?|edema|pneumo\w+|atelecta\w+|consolidat\w+)\b",
    re.IGNORECASE,
)


def parse_sections(text: str) -> list[Section]:
    """The sections in text order, covering all of it but headings and white space.

    A text without headings is one BODY section. Where no findings heading exists, a left-out
    section ends with its paragraph (the last one before the impression or the end: with its line),
    and what follows is BODY: many reports give their findings there without a heading. Where even
    so nothing would be kept, it ends with its first sentence.
    """
    headings = find_headings(text)
    has_findings = any(heading.kind is SectionKind.FINDINGS for heading in headings)
    headings = _settled(headings, has_findings)
    sections: list[Section] = []
    if not headings:
        _add(sections, text, SectionKind.BODY, "", 0, len(text))
        return sections
    preamble = text[: headings[0].start]
    _add(sections, text, _preamble_kind(preamble, has_findings), "", 0, len(preamble))
    ends = [heading.start for heading in headings[1:]] + [len(text)]
    for place, (heading, end) in enumerate(zip(headings, ends, strict=True)):
        last = place + 1 == len(headings) or headings[place + 1].kind in KEPT
        split = end
        if heading.kind not in KEPT and not has_findings:
            split = _where_findings_begin(text, heading, end, last)
        _add(sections, text, heading.kind, heading.words, heading.body, split)
        _add(sections, text, SectionKind.BODY, "", split, end)
    if not any(section.kind in KEPT for section in sections):
        return _with_body(text, sections)
    return sections


def choose_sections(text: str, choice: SectionChoice = SectionChoice.DEFAULT) -> list[Section]:
    """The sections a labeler reads.

    An explicit choice of a section that the report does not have falls back to DEFAULT: a reader
    who asks for impressions still wants a report without headings labelled. A report with nothing
    but left-out sections yields no section.
    """
    if choice is SectionChoice.ALL:
        whole: list[Section] = []
        _add(whole, text, SectionKind.BODY, "", 0, len(text))
        return whole
    sections = parse_sections(text)
    if choice is SectionChoice.MIMIC:
        return _of_mimic(text, sections)
    if choice is not SectionChoice.DEFAULT:
        wanted = [s for s in sections if s.kind.value == choice.value]
        if wanted:
            return wanted
    return [s for s in sections if s.kind in KEPT]


def _of_mimic(text: str, sections: list[Section]) -> list[Section]:
    """The one section that MIMIC-CXR-JPG's labels come from; none where all are left out."""
    for kind in (SectionKind.IMPRESSION, SectionKind.FINDINGS):
        wanted = [section for section in sections if section.kind is kind]
        if wanted:
            return wanted[-1:]
    kept = [section for section in sections if section.kind in KEPT][-1:]
    if not kept:
        return []
    last: list[Section] = []
    breaks = list(_BLANK_LINE.finditer(text, kept[0].start, kept[0].end))
    start = breaks[-1].end() if breaks else kept[0].start
    _add(last, text, kept[0].kind, "", start, kept[0].end)
    return last


def _settled(headings: list[Heading], has_findings: bool) -> list[Heading]:
    """What "chest:" heads depends on the rest: findings, a title, or a line among the findings."""
    settled: list[Heading] = []
    kept = False
    for heading in headings:
        if not heading.title:
            settled.append(heading)
            kept = kept or heading.kind in KEPT
        elif not kept:
            kind = SectionKind.EXAM if has_findings else SectionKind.BODY
            settled.append(replace(heading, kind=kind))
    return settled


def _where_findings_begin(text: str, heading: Heading, end: int, last: bool) -> int:
    """Where a left-out section ends and text without a heading begins; `end` where it does not."""
    content = heading.body
    while content < end and text[content].isspace():
        content += 1
    blank = _BLANK_LINE.search(text, content, end)
    if blank:
        return blank.end()
    asks = heading.kind in _ASKED
    if last:
        for line_break in _LINE_BREAK.finditer(text, content, end):
            line, following = text[content : line_break.start()].rstrip(), line_break.end()
            content = following
            if _goes_on(line, text[following : following + 1]):
                continue
            if not (asks and _ASKING.match(text, following, end)):
                return following
    return end


def _goes_on(line: str, following: str) -> bool:
    """Whether a line's sentence goes on in the next line, which begins with `following`."""
    if line.endswith((".", "?", "!", ":", ")", "]")):
        return False
    wrapped = len(line) >= _SHORT_LINE or line.endswith((",", ";", "-", "/"))
    return wrapped or (following.islower() and not line.islower())


def _with_body(text: str, sections: list[Section]) -> list[Section]:
    """The last left-out section that goes on after its first sentence, split there."""
    for place in range(len(sections) - 1, -1, -1):
        section = sections[place]
        if section.kind is SectionKind.ADMINISTRATIVE:
            continue
        asks = section.kind in _ASKED
        for sentence in _SENTENCE_END.finditer(text, section.start, section.end):
            if asks and _ASKING.match(text, sentence.end(), section.end):
                continue
            parts: list[Section] = []
            _add(parts, text, section.kind, section.heading, section.start, sentence.end())
            _add(parts, text, SectionKind.BODY, "", sentence.end(), section.end)
            if len(parts) == 2:
                return [*sections[:place], *parts, *sections[place + 1 :]]
            break
    return sections


def _preamble_kind(preamble: str, has_findings: bool) -> SectionKind:
    """Text before the first heading: a title where the findings come later, else findings."""
    if has_findings or len(preamble.strip()) > _LONGEST_TITLE:
        return SectionKind.EXAM if has_findings else SectionKind.BODY
    title = _EXAM_TITLE.match(preamble.strip()) and not _VERB.search(preamble)
    return SectionKind.EXAM if title else SectionKind.BODY


def _add(
    into: list[Section], text: str, kind: SectionKind, heading: str, start: int, end: int
) -> None:
    stretch = text[start:end]
    bare = stretch.lstrip()
    start += len(stretch) - len(bare)
    if bare:
        into.append(Section(kind, heading, start, start + len(bare.rstrip())))

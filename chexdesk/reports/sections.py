"""Find a report's sections and choose the text a labeler may read.

History, indication, technique and comparison say what was asked or seen before, not what the
image shows; they are never shown to a model as findings. Headings come in many shapes (upper
case, "CLINICAL HISTORY:", run into the line, alone on a line, none at all), so a heading is a
known phrase in a place where a heading can stand. The phrases follow MIMIC-CXR's and OpenI's
published section names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class SectionKind(Enum):
    """What a section is for."""

    FINDINGS = "findings"
    IMPRESSION = "impression"
    BODY = "body"
    HISTORY = "history"
    INDICATION = "indication"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    EXAM = "exam"
    ADMINISTRATIVE = "administrative"


KEPT: Final = frozenset({SectionKind.FINDINGS, SectionKind.IMPRESSION, SectionKind.BODY})


class SectionChoice(Enum):
    """The command line's `--sections`; DEFAULT leaves out what is not a finding."""

    DEFAULT = "default"
    ALL = "all"
    FINDINGS = "findings"
    IMPRESSION = "impression"


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


_PHRASES: Final[dict[SectionKind, tuple[str, ...]]] = {
    SectionKind.FINDINGS: (
        r"findings(?:\s*/\s*|\s+and\s+)impressions?",
        r"(?:chest|radiographic|pertinent|x-?ray|cxr)?\s*findings?",
        r"(?:description|observations?|report|result|narrative|body of report)",
    ),
    SectionKind.IMPRESSION: (
        r"(?:final\s+|overall\s+)?impressions?",
        r"conclusions?",
        r"(?:in\s+)?summary",
        r"opinion",
        r"(?:final\s+|radiographic\s+|radiological\s+)?diagnos[ie]s",
        r"interpretation",
        r"assessment",
    ),
    SectionKind.HISTORY: (
        r"(?:(?:relevant|brief|past|pertinent)\s+)?(?:clinical|medical|patient)?\s*history"
        r"(?:\s*(?:/|and|&)\s*(?:indications?|reason))?",
        r"h/?x",
        r"clinical\s+(?:information|info|data|details|background|statement|context|notes?|summary)",
        r"clinical",
    ),
    SectionKind.INDICATION: (
        r"(?:clinical\s+)?indications?(?:\s+for\s+(?:study|exam(?:ination)?|procedure))?"
        r"(?:\s*/\s*(?:history|clinical\s+history))?",
        r"reasons?\s+for\s+(?:the\s+|this\s+)?(?:exam(?:ination)?|study|visit|request|imaging|x-?ray|"
        r"cxr|order|referral)",
        r"clinical\s+(?:question|concern|problem)",
        r"(?:request|question|symptoms?|presenting\s+complaint|complaint)",
        r"(?:pre-?op(?:erative)?|admitting|working)\s+diagnosis",
    ),
    SectionKind.TECHNIQUE: (
        r"techni(?:que|cal\s+factors|cal\s+note|cal)",
        r"(?:views?|projections?|method|protocol|procedure\s+description)",
    ),
    SectionKind.COMPARISON: (
        r"comparisons?(?:\s+(?:studies|study|films?|exams?|is\s+made|date))?",
        r"compared?(?:\s+(?:to|with))?",
        r"(?:prior|previous|correlative)\s+(?:studies|study|films?|exams?(?:inations?)?|imaging|"
        r"radiographs?)",
        r"priors?",
    ),
    SectionKind.EXAM: (
        r"exam(?:ination)?(?:\s+(?:type|performed|description|title|name))?",
        r"(?:type\s+of\s+)?(?:study|procedure|modality)(?:\s+(?:type|performed|name|description))?",
        r"(?:(?:chest\s+)?(?:x-?ray|radiographs?|cxr)|xr\s+chest|chest)"
        r"(?:,?\s*(?:portable|single|one|two|[12]|frontal|ap|pa|and|&|lateral|views?|upright|supine|"
        r"radiographs?|x-?ray|/))*",
        r"(?:portable\s+|ap\s+|pa\s+|frontal\s+)*chest(?:\s+(?:x-?ray|radiographs?|film))?",
        r"(?:date|time)\s+of\s+(?:study|exam(?:ination)?|service|procedure)",
        r"(?:study|exam)\s+(?:date|time)",
    ),
    SectionKind.ADMINISTRATIVE: (
        r"(?:report(?:ed)?\s+(?:to|by)|dictated(?:\s+by)?|transcribed(?:\s+by)?|signed(?:\s+by)?)",
        r"(?:electronically\s+signed(?:\s+by)?|attending|radiologist|resident|read\s+by)",
        r"(?:accession(?:\s+(?:number|no\.?|\#))?|mrn|patient(?:\s+(?:name|id))?|name|dob|"
        r"date\s+of\s+birth|ordering\s+(?:physician|provider)|referring\s+(?:physician|doctor))",
    ),
}

_BY_KIND: Final = "|".join(
    f"(?P<{kind.value}>{'|'.join(phrases)})" for kind, phrases in _PHRASES.items()
)
# A heading with a colon may start a line or follow a sentence's end ("… cough. FINDINGS: …").
_WITH_COLON: Final = re.compile(
    rf"(?:^|(?<=\n)|(?<=[.;?!\])][ \t])|(?<=[.;?!\])][ \t][ \t])|(?<=[ \t][ \t]))"
    rf"[ \t>*#_]*(?:\d+[.)][ \t]*)?(?:{_BY_KIND})[ \t*_]*(?::|\s-{{1,2}}\s)[*_]*",
    re.IGNORECASE,
)
# A heading without one must have the line to itself.
_ALONE: Final = re.compile(
    rf"(?:^|(?<=\n))[ \t>*#_=]*(?:{_BY_KIND})[ \t*_#=.]*(?=\r?\n|\r|$)", re.IGNORECASE
)
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_EXAM_TITLE: Final = re.compile(
    r"\s*(?:\w+[ ,]+){0,6}?(?:chest|cxr|radiographs?|x-?rays?|views?)\b[\w ,/:\[\].()&-]*\Z", re.IGNORECASE
)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|no|not|without|normal|clear|stable|unchanged|shows?|"
    r"demonstrates?|seen|noted|opacit\w+|effusions?|edema|pneumo\w+|atelecta\w+|consolidat\w+)\b",
    re.IGNORECASE,
)


def parse_sections(text: str) -> list[Section]:
    """The sections in text order, covering all of it but headings and white space.

    A text without headings is one BODY section. Where no findings heading exists, the paragraph
    after a history, indication, technique or comparison paragraph is BODY again: many reports give
    their findings there without a heading.
    """
    headings = _headings(text)
    kinds = {kind for _, _, kind in headings}
    sections: list[Section] = []
    first = headings[0][0] if headings else len(text)
    _add(sections, text, _preamble_kind(text[:first], kinds), "", 0, first)
    for place, (start, body, kind) in enumerate(headings):
        end = headings[place + 1][0] if place + 1 < len(headings) else len(text)
        heading = text[start:body].strip(" \t\r\n:>*#_=-.")
        if kind not in KEPT and SectionKind.FINDINGS not in kinds:
            content = body + len(text[body:end]) - len(text[body:end].lstrip())
            blank = _BLANK_LINE.search(text, content, end)
            if blank:
                _add(sections, text, kind, heading, body, blank.start())
                _add(sections, text, SectionKind.BODY, "", blank.end(), end)
                continue
        _add(sections, text, kind, heading, body, end)
    return sections


def choose_sections(text: str, choice: SectionChoice = SectionChoice.DEFAULT) -> list[Section]:
    """The sections a labeler reads.

    An explicit choice of a section that the report does not have falls back to DEFAULT: a reader
    who asks for impressions still wants a report without headings labelled. A report with nothing
    but left-out sections yields no section.
    """
    sections = parse_sections(text)
    if choice is SectionChoice.ALL:
        start, end = _trim(text, 0, len(text))
        return [Section(SectionKind.BODY, "", start, end)] if end > start else []
    if choice is not SectionChoice.DEFAULT:
        wanted = [s for s in sections if s.kind.value == choice.value]
        if wanted:
            return wanted
    return [s for s in sections if s.kind in KEPT]


def _headings(text: str) -> list[tuple[int, int, SectionKind]]:
    found: dict[int, tuple[int, SectionKind]] = {}
    for pattern in (_ALONE, _WITH_COLON):
        for match in pattern.finditer(text):
            name = match.lastgroup
            if name is not None:
                start = match.start() + len(match.group()) - len(match.group().lstrip(" \t"))
                found[start] = (match.end(), SectionKind(name))
    ordered = sorted((start, end, kind) for start, (end, kind) in found.items())
    kept: list[tuple[int, int, SectionKind]] = []
    for start, end, kind in ordered:
        if kept and start < kept[-1][1]:
            continue
        kept.append((start, end, kind))
    return kept


def _preamble_kind(preamble: str, kinds: set[SectionKind]) -> SectionKind:
    """Text before the first heading: a title where the findings come later, else findings."""
    if not kinds:
        return SectionKind.BODY
    title = _EXAM_TITLE.match(preamble.strip()) and not _VERB.search(preamble)
    return SectionKind.EXAM if title or SectionKind.FINDINGS in kinds else SectionKind.BODY


def _add(
    into: list[Section], text: str, kind: SectionKind, heading: str, start: int, end: int
) -> None:
    start, end = _trim(text, start, end)
    if end > start:
        into.append(Section(kind, heading, start, end))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    stretch = text[start:end]
    left = len(stretch) - len(stretch.lstrip())
    return (start + left, start + len(stretch.rstrip())) if stretch.strip() else (start, start)

"""Find the headings in a report.

Headings come in many shapes: upper case, "CLINICAL HISTORY:", run into the line, alone on a line,
"exam - …", without any mark at all. So a heading is a known phrase in a place where a heading can
stand, and the less a writer marks it, the more is asked of the place. The phrases are those that
MIMIC-CXR, OpenI and radiology handbooks use. Work is linear in the text's length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import product
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


@dataclass(frozen=True)
class Heading:
    """A heading's place.

    Attributes:
        start: of its first letter, in code points of the text.
        body: where what it heads begins, after its mark.
        words: as written, without mark and decoration.
        title: it names the study itself ("chest:"), so what follows may be its findings.
    """

    start: int
    body: int
    kind: SectionKind
    words: str
    title: bool = False


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# `{a|b}` stands for each of its alternatives.
_PHRASES: Final[dict[SectionKind, tuple[str, ...]]] = {
    SectionKind.FINDINGS: (
        "{|chest |radiographic |pertinent |xray |cxr |imaging }{finding|findings}",
        "{description|observation|observations|report|report body|result|results|narrative}",
        "body of report",
    ),
    SectionKind.IMPRESSION: (
        "{|final |overall |radiographic |radiologic |radiological |clinical }"
        "{impression|impressions|opinion|conclusion|conclusions}",
        "{imp|impr|summary|in summary|interpretation|assessment|conclusion and recommendation}",
        "{|final |radiographic |radiologic |radiological |imaging }{diagnosis|diagnoses}",
    ),
    SectionKind.BODY: (
        "{addendum|addenda|wet read|comment|comments|recommendation|recommendations}",
        "{final|preliminary|radiology|official} report",
    ),
    SectionKind.HISTORY: (
        "{|relevant |brief |past |pertinent |patient |clinical |past medical }history",
        "{medical history|hx|clin hx|clinical hx|pmh|hpi|history of present illness}",
        "{clinical|clin} {information|info|data|detail|details|background|statement|context|note}",
        "{clinical notes|clinical summary|clinical|background|patient information}",
    ),
    SectionKind.INDICATION: (
        "{|clinical |study }{indication|indications}{| for study| for exam| for examination}",
        "{|clinical }{indication|indications} for procedure",
        "{reason|reasons}{| for exam| for examination| for study| for visit| for request}",
        "{reason|reasons} for {imaging|xray|cxr|order|referral|test|procedure|film|radiograph}",
        "clinical {question|concern|problem|reason|diagnosis}",
        "{request|question|symptom|symptoms|complaint|presenting complaint|chief complaint|dx}",
        "{preop|preoperative|admitting|working|provisional} diagnosis",
    ),
    SectionKind.TECHNIQUE: (
        "{technique|technical|technical factors|technical note|imaging technique|procedure notes}",
        "{view|views|projection|projections|method|protocol|procedure description}",
    ),
    SectionKind.COMPARISON: (
        "{comp|comparison|comparisons}{| study| studies| film| films| exam| exams| date| is made}",
        "{compare|compared|compared to|compared with|prior|priors}",
        "{prior|previous|correlative} {study|studies|film|films|exam|exams|imaging|radiograph}",
        "{prior|previous|correlative} {radiographs|examination|examinations}",
    ),
    SectionKind.EXAM: (
        "{exam|examination|study|procedure|modality}{| type| performed| description| title| name}",
        "{type of exam|type of study|type of examination|date of study|date of exam|study date}",
        "{date of examination|date of service|time of study|exam date|exam time|study time}",
    ),
    SectionKind.ADMINISTRATIVE: (
        "{reported|dictated|transcribed|signed|electronically signed|read|interpreted}{| by}",
        "{report to|attending|radiologist|resident|accession|accession number|accession no|mrn}",
        "{patient|patient name|patient id|name|dob|date of birth|ordering physician|location}",
        "{ordering provider|referring physician|referring doctor|requesting physician|age|sex}",
    ),
}
_TITLE_ANCHORS: Final = _set("chest cxr radiograph radiographs xray xrays")
_TITLE_WORDS: Final = _TITLE_ANCHORS | _set(
    "portable single one two three 1 2 3 frontal ap pa and lateral lat view views upright supine "
    "semiupright erect semierect film films xr 1v 2v adult plain of"
)
#: These are also plain words at the end of a wrapped line, so they are not believed as easily.
_PLAIN_KINDS: Final = frozenset(
    {SectionKind.EXAM, SectionKind.ADMINISTRATIVE, SectionKind.TECHNIQUE}
)
#: What follows a heading's word where it is just a word of a sentence.
_PROSE: Final = _set(
    "is are was were be of to with in on at from for by and or than has have had may might could "
    "can should suggest suggests suggesting suggestive consistent compatible concerning made shows "
    "showed which that these those remain remains correlation"
)

_ARTICLES: Final = _set("the this")

_LONGEST: Final = 64
_MOST_WORDS: Final = 6
_DECORATION: Final = " \t\xa0>*#_=-"
_WORD: Final = re.compile(r"[A-Za-z]+(?:/[A-Za-z]+)?")
_MARK: Final = re.compile(r"[ \t*_]*(?::[ \t]*[*_]*|[ \t]-{1,2}(?=[ \t])|[ \t]=(?=[ \t]))")
_LINE_WORDS: Final = re.compile(r"[A-Za-z.]+(?:[/-][A-Za-z]+)*")
_NUMBER: Final = re.compile(r"(?:^|[\r\n])[ \t]*\(?\d{1,2}[.)][ \t]*\Z")
_ASIDE: Final = re.compile(r"\([^)]*\)")
_JOINT: Final = re.compile(r"\s*[/&,]\s*|\s+and\s+")


def _expanded() -> dict[str, SectionKind]:
    kinds: dict[str, SectionKind] = {}
    for kind, patterns in _PHRASES.items():
        for pattern in patterns:
            parts = re.split(r"[{}]", pattern)
            choices = [part.split("|") if n % 2 else [part] for n, part in enumerate(parts)]
            for chosen in product(*choices):
                kinds[" ".join("".join(chosen).split())] = kind
    return kinds


_KINDS: Final = _expanded()
_FIRST_WORDS: Final = (
    frozenset(phrase.split()[0] for phrase in _KINDS) | _TITLE_WORDS | {"h/x", "x", "the"}
)


class _Belief(Enum):
    """How sure a heading without a mark is."""

    ALONE = auto()
    SHOUTED = auto()
    PERHAPS = auto()


class _Place(Enum):
    """Where a phrase stands, from the most to the least likely place of a heading."""

    LINE = auto()
    NUMBERED = auto()
    STOP = auto()
    INLINE = auto()
    NONE = auto()


def find_headings(text: str) -> list[Heading]:
    """The headings in text order; none overlaps another."""
    found: list[Heading] = []
    run_in: list[Heading] = []
    after = 0
    for word in _WORD.finditer(text):
        start = word.start()
        if start < after or word.end() - start > _LONGEST:
            continue
        if word.group().lower() not in _FIRST_WORDS:
            continue
        place = _place(text, start)
        if place is _Place.NONE:
            continue
        heading = _marked(text, start, place, found)
        if heading is None and place is _Place.LINE:
            unmarked = _unmarked(text, start)
            if unmarked is not None:
                if unmarked[1] is not _Belief.ALONE:
                    run_in.append(unmarked[0])
                if unmarked[1] is not _Belief.PERHAPS:
                    heading = unmarked[0]
        if heading is not None:
            found.append(heading)
            after = heading.body
    return _merged(found, run_in) if _is_a_style(run_in) else found


def kind_of(words: str) -> SectionKind | None:
    """What a heading's words announce, or None; of two joined headings one that is kept counts."""
    plain = _ASIDE.sub(" ", words).lower().replace("h/x", "hx").replace("x-ray", "xray")
    kinds: list[SectionKind] = []
    for part in _JOINT.split(plain):
        bare = part.replace("-", "").replace(".", " ").strip(" \t*_#()")
        phrase = " ".join(w for w in bare.split() if w not in _ARTICLES)
        kind = _KINDS.get(phrase)
        if kind is None:
            return None
        kinds.append(kind)
    return next((kind for kind in kinds if kind in KEPT), kinds[0])


def is_title(words: str) -> bool:
    """Whether words name a chest film and say nothing else."""
    plain = re.sub(r"\bx-?\s?ray", "xray", words.lower())
    parts = re.findall(r"[a-z0-9]+", plain)
    return bool(parts) and set(parts) <= _TITLE_WORDS and bool(_TITLE_ANCHORS & set(parts))


def _place(text: str, start: int) -> _Place:
    before = text[max(0, start - 24) : start]
    bare = before.rstrip(_DECORATION)
    if not bare or bare[-1] in "\r\n":
        return _Place.LINE
    if _NUMBER.search(before):
        return _Place.NUMBERED
    if before[-1] not in " \t\xa0*_":
        return _Place.NONE
    if bare[-1] in ".;?!])" or before.endswith("  "):
        return _Place.STOP
    return _Place.INLINE


def _marked(text: str, start: int, place: _Place, found: list[Heading]) -> Heading | None:
    """The heading with a colon, dash or equals sign that starts here, if one does."""
    region = text[start : start + _LONGEST + 4].partition("\n")[0].partition("\r")[0]
    mark = _MARK.search(region)
    if mark is None or mark.start() > _LONGEST:
        return None
    words = region[: mark.start()]
    colon = ":" in mark.group()
    kind = kind_of(words)
    body = start + mark.end()
    if kind is None:
        if colon and place is _Place.LINE and is_title(words):
            return Heading(start, body, SectionKind.EXAM, words, title=True)
        return None
    inside = found[-1].kind if found else None
    if colon:
        allowed = {
            _Place.LINE: True,
            _Place.NUMBERED: kind not in _PLAIN_KINDS,
            _Place.STOP: kind is not SectionKind.ADMINISTRATIVE,
            _Place.INLINE: kind is not SectionKind.ADMINISTRATIVE
            and (
                words[0].isupper() or (kind in KEPT and inside is not None and inside not in KEPT)
            ),
        }[place]
    else:
        allowed = place is _Place.LINE and kind is not SectionKind.ADMINISTRATIVE
    return Heading(start, body, kind, words.strip(" \t*_")) if allowed else None


def _unmarked(text: str, start: int) -> tuple[Heading, _Belief] | None:
    """The heading without a mark that starts this line, if one does."""
    line = text[start : start + 2 * _LONGEST].partition("\n")[0].partition("\r")[0]
    words = list(_LINE_WORDS.finditer(line[:_LONGEST]))[:_MOST_WORDS]
    shouted = bool(words) and words[0].group().isupper() and not line.isupper()
    for last in reversed(words):
        phrase = line[: last.end()]
        kind = kind_of(phrase)
        if kind is None or last.group().lower() in _ARTICLES or (shouted and not phrase.isupper()):
            continue
        rest = line[last.end() :]
        heading = Heading(start, start + last.end(), kind, phrase)
        if not rest.strip(_DECORATION):
            if phrase.endswith("."):
                return None
            alone = _stands_alone(text, start, phrase, kind)
            return heading, _Belief.ALONE if alone else _Belief.PERHAPS
        following = rest.split(maxsplit=1)[0] if rest[0] in " \t\xa0" else ""
        if not following or kind is SectionKind.ADMINISTRATIVE:
            return None
        if shouted and not following.isupper():
            return heading, _Belief.SHOUTED
        return None if following.lower() in _PROSE else (heading, _Belief.PERHAPS)
    return None


def _stands_alone(text: str, start: int, phrase: str, kind: SectionKind) -> bool:
    """Whether a phrase that has its line to itself is more than the rest of a wrapped sentence."""
    before = text[max(0, start - 80) : start].rstrip(_DECORATION)
    line_before = before[:-1].removesuffix("\r").rpartition("\n")[2].strip()
    begins = not line_before or line_before[-1] in ".?!:;])"
    sure = kind not in _PLAIN_KINDS and kind is not SectionKind.COMPARISON
    return (
        begins
        or (phrase[0].isupper() and (sure or kind_of(line_before) is not None))
        or (phrase.lower() in {"comparison", "technique"} and phrase[0].isupper())
    )


def _is_a_style(run_in: list[Heading]) -> bool:
    """Whether lines that begin with a heading's word do so as the report's way of writing."""
    kinds = {heading.kind for heading in run_in}
    return bool(kinds & KEPT) and len(kinds) >= 2


def _merged(found: list[Heading], more: list[Heading]) -> list[Heading]:
    merged: list[Heading] = []
    for heading in sorted([*found, *more], key=lambda h: h.start):
        if not merged or heading.start >= merged[-1].body:
            merged.append(heading)
    return merged

"""Other ways to write the same report: what it says of every finding stays as it is.

Hospitals differ in case, line breaks, headings, numbering and marks of de-identification, and
people mistype. Each kind takes a raw report and gives another; chance is drawn from a hash of kind
and text, so the same report always gives the same text. A kind that has no hold on a report (no
numbered items to shuffle) gives it back as it is.
"""

from __future__ import annotations

import hashlib
import random
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chexdesk.reports.sections import SectionKind, choose_sections, parse_sections

_NUMBER: Final = re.compile(r"(?<![^\s.;])(\d{1,2})[.)]\s*(?=[^\W\d]|\[)")
#: A line end that is not just the margin: an item, a heading or a blank line comes next.
_PARAGRAPH: Final = re.compile(r"(\s*\n(?=\s*\n)\s*|\s*\n\s*(?=\(?\d{1,2}[.)]|-|[A-Za-z ]{3,40}:))")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")
_SENTENCE_END: Final = re.compile(r"(?<=[A-Za-z]{3}\.)\s+(?=[A-Za-z])")
#: A word that may lean on another item, or weigh otherwise after it (labelling guide, "No definite
#: X"); its report's items keep their order.
_LEANS: Final = re.compile(
    r"\b(?:this|these|those|(?:above|below)(?!\s+the)|latter|former|same|such|other|otherwise|remainder|rest|"
    r"remaining|also|however|additional|described|mentioned|findings?|definite)\b",
    re.IGNORECASE,
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Words that carry a certainty; a mistyped one may say something else, so they are left alone.
_DECIDING: Final = _set(
    """absence absent acute again appear appears borderline cannot clear cleared clearing compatible
    concerning confirmed consider considered consistent could decreased definite definitely
    difficult differential enlarged enlargement equivocal evidence evident exclude excluded favor
    favored free increased indicating interval known likely limits longer might negative normal
    normally positive possible possibly presence present probable probably prominent question
    questionable reflect reflects remain remains removal removed represent represents residual
    resolution resolved resolving stable suggest suggesting suggestive suggests suspect suspected
    suspicious unchanged unlikely unremarkable upper versus visible visualized widened widening
    within without worrisome"""
)
_SHORTEST: Final = 5
_WORDS_A_TYPO: Final = 12
#: Not the words of marks ("[date]", "XXXX") nor of headings.
_TYPO_WORD: Final = re.compile(rf"(?<![\[\w])[A-Za-z]{{{_SHORTEST},}}(?![\w\]]|[ \w]*:)")

_ASKED: Final = (
    "INDICATION: {}\n",
    "HISTORY: {}\n",
    "CLINICAL HISTORY:\n{}\n",
    "REASON FOR EXAM: {}\n",
)
_QUESTIONS: Final = (
    "Fever and cough, evaluate for pneumonia.",
    "Short of breath. Rule out pulmonary edema and pleural effusion.",
    "Motor vehicle crash, rib fractures suspected.",
    "Lung cancer with metastases, here for a nodule.",
    "Known pneumothorax, follow-up after chest tube placement.",
    "Enlarged heart and congestive heart failure.",
    "Postoperative fever, question of atelectasis or consolidation.",
    "Pleural plaques and a widened mediastinum on an outside film.",
)
_BEFORE: Final = (
    "COMPARISON: Film of the day before, which showed a left pneumothorax.\n",
    "COMPARISON: Outside study with a right lower lobe opacity and a small effusion.\n",
    "TECHNIQUE: Portable AP view after intubation and central line placement.\n",
    "TECHNIQUE: Two views, ordered for edema.\n",
    "",
)
_HEADS: Final = ("FINDINGS:\n", "IMPRESSION:\n", "IMPRESSION: ", "FINDINGS: ")

_MARK: Final = re.compile(r"\[[A-Za-z *]{2,20}\]|\bX{3,}\b|_{2,}")
_MARKS: Final = ("XXXX", "___", "[**Date range**]", "<REMOVED>", "[redacted]")
_MARKED_STARTS: Final = ("One view of the chest dated {}.", "Study of {}, read at {} hours.")
_MARKED_ENDS: Final = (
    "Discussed with Dr. {} by telephone on {}.",
    "Dictated by: {}, M.D.",
    "Report number {}.",
)


@dataclass(frozen=True)
class _Items:
    """Numbered items of a text: what stands before, the items' words, what stands after."""

    before: str
    bodies: tuple[str, ...]
    after: str

    def written(self, bodies: Sequence[str], style: str) -> str:
        lines = (f"{style.format(n)}{body}" for n, body in enumerate(bodies, 1))
        return self.before + "\n".join(lines) + self.after


def perturb(kind: str, text: str) -> str:
    """The report in other words of one kind (see `KINDS`), always the same for the same text.

    Raises:
        KeyError: there is no such kind.
    """
    seed = hashlib.sha256(f"{kind}\0{text}".encode()).digest()
    return _KINDS[kind](text, random.Random(seed))


def _upper(text: str, _rng: random.Random) -> str:
    return text.upper()


def _lower(text: str, _rng: random.Random) -> str:
    return text.lower()


def _spaces(text: str, rng: random.Random) -> str:
    """Another margin; spaces are doubled or tabs; line ends may be those of Windows."""
    width = rng.randrange(36, 110)
    parts = _PARAGRAPH.split(text.strip())
    lines = [part if n % 2 else textwrap.fill(part, width) for n, part in enumerate(parts)]

    def other(_space: re.Match[str]) -> str:
        return rng.choices((" ", "  ", "\t"), (12, 3, 1))[0]

    spaced = re.sub(r"(?<=\S) (?=\S)", other, "".join(lines))
    return spaced.replace("\n", "\r\n") if rng.random() < 0.3 else spaced


def _ragged(text: str, rng: random.Random) -> str:
    """Lines break anywhere, as in a text that was wrapped twice or copied out of a table."""
    return re.sub(r"(?<=\S) (?=\S)", lambda _space: rng.choices((" ", "\n"), (8, 1))[0], text)


def _headings(text: str, rng: random.Random) -> str:
    """Headings over a report that has none; findings and impression change places."""
    sections = choose_sections(text)
    if not any(section.heading for section in parse_sections(text)):
        items = _items(text)
        if items is None or rng.random() < 0.5:
            return rng.choice(_HEADS) + text.lstrip()
        cut = rng.randrange(1, len(items.bodies))
        first = items.written(items.bodies[:cut], "").strip()
        rest = _Items("", items.bodies[cut:], items.after).written(items.bodies[cut:], "{}. ")
        return f"FINDINGS:\n{first}\n\nIMPRESSION:\n{rest}"
    if [section.kind for section in sections] != [SectionKind.FINDINGS, SectionKind.IMPRESSION]:
        return text
    starts = [text.rindex(s.heading, 0, s.start) for s in sections]
    end = sections[1].end
    findings, impression = text[starts[0] : starts[1]].strip(), text[starts[1] : end]
    return f"{text[: starts[0]]}{impression}\n\n{findings}{text[end:]}"


def _numbers(text: str, rng: random.Random) -> str:
    """Items are numbered otherwise, or not at all; sentences without numbers get them."""
    items = _items(text)
    if items is not None:
        return items.written(items.bodies, rng.choice(("{})  ", "({}) ", "- ", "", "{}.")))
    sections = choose_sections(text)
    if len(sections) != 1:
        return text
    start, end = sections[0].start, sections[0].end
    sentences = tuple(" ".join(s.split()) for s in _SENTENCE_END.split(text[start:end]))
    if len(sentences) < 2 or _NUMBER.match(text, start):
        return text
    return _Items(text[:start], sentences, text[end:]).written(sentences, "{}. ")


def _order(text: str, rng: random.Random) -> str:
    """Numbered items in another order, where none leans on another."""
    items = _items(text)
    if items is None or any(_LEANS.search(body) for body in items.bodies):
        return text
    shuffled = list(items.bodies)
    rng.shuffle(shuffled)
    if tuple(shuffled) == items.bodies:
        shuffled = [*shuffled[1:], shuffled[0]]
    return items.written(shuffled, "{}. ")


def _typos(text: str, rng: random.Random) -> str:
    """Inside one word in twelve two letters change places or one is lost."""
    words = [
        m
        for m in _TYPO_WORD.finditer(text)
        if m[0].lower() not in _DECIDING and not _MARK.fullmatch(m[0])
    ]
    count = max(1, round(len(re.findall(r"[A-Za-z]+", text)) / _WORDS_A_TYPO))
    chosen = rng.sample(words, min(count, len(words)))
    for word in sorted(chosen, key=lambda m: m.start(), reverse=True):
        text = text[: word.start()] + _mistyped(word[0], rng) + text[word.end() :]
    return text


def _mistyped(word: str, rng: random.Random) -> str:
    """The first and the last letter stay, as they mostly do in print."""
    at = rng.randrange(1, len(word) - 2)
    if word[at] != word[at + 1] and rng.random() < 0.5:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :]


def _history(text: str, rng: random.Random) -> str:
    """What was asked and seen before stands over the report, and names diseases."""
    asked = rng.choice(_ASKED).format(" ".join(rng.sample(_QUESTIONS, rng.choice((1, 2)))))
    sections = parse_sections(text)
    headed = bool(sections and sections[0].heading)
    head = "" if headed or rng.random() < 0.3 else rng.choice(_HEADS)
    return f"{asked}{rng.choice(_BEFORE)}\n{head}{text.lstrip()}"


def _marks(text: str, rng: random.Random) -> str:
    """Marks of de-identification in another style, and a sentence more that holds some."""
    mark = rng.choice(_MARKS)
    text = _MARK.sub(mark, text)
    if rng.random() < 0.5:
        return f"{rng.choice(_MARKED_STARTS).format(mark, mark)}\n{text.lstrip()}"
    return f"{text.rstrip()}\n{rng.choice(_MARKED_ENDS).format(mark, mark)}"


def _items(text: str) -> _Items | None:
    """The items of the first chosen section that counts from 1; None where there are not two."""
    for section in choose_sections(text):
        numbers: list[re.Match[str]] = []
        for number in _NUMBER.finditer(text, section.start, section.end):
            if int(number[1]) == len(numbers) + 1:
                numbers.append(number)
        if len(numbers) < 2:
            continue
        tail = _BLANK_LINE.search(text, numbers[-1].end(), section.end)
        end = tail.start() if tail else section.end
        ends = [number.start() for number in numbers[1:]] + [end]
        bodies = tuple(
            text[number.end() : stop].strip() for number, stop in zip(numbers, ends, strict=True)
        )
        return _Items(text[: numbers[0].start()], bodies, text[end:])
    return None


_KINDS: Final[dict[str, Callable[[str, random.Random], str]]] = {
    "upper case": _upper,
    "lower case": _lower,
    "white space": _spaces,
    "ragged lines": _ragged,
    "headings": _headings,
    "numbering": _numbers,
    "order": _order,
    "typos": _typos,
    "indication": _history,
    "marks": _marks,
}
KINDS: Final = tuple(_KINDS)

"""The wire format: the one place that turns a report into the model's tokens.

Training, export and inference all build their tokens here, so that the model is asked exactly
what it was taught. The slot format asks all findings at once:

    [instruction with legend] [report] [close] [marker of finding 1 … marker of finding 14]

The instruction and the report are ordinary causal text. Every marker stands at the same position,
sees the instruction, the report and itself, but no other marker, and the token that follows it is
the finding's certainty: one decision each, none depending on another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.reports.sections import Section, SectionKind

#: Changes whenever the tokens of any report of visible characters could change; a pack names the
#: version it was taught.
PROMPT_VERSION: Final = 1

Tokenize = Callable[[str], list[int]]

_SPACE: Final = re.compile(r"\s+")
#: A terminal's control sequence (ECMA-48, 5.4): none of its characters is seen, not just the first.
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_HEADED: Final = {SectionKind.FINDINGS: "findings: ", SectionKind.IMPRESSION: "impression: "}


class WireError(ValueError):
    """A tokenizer cannot carry the wire format, for example since a marker is two tokens in it."""


def instruction(label_set: LabelSet) -> str:
    """The fixed text before every report: the task, the answers and the legend of the markers."""
    answers = ", ".join(
        f"{word.strip()} = {certainty.title}"
        for word, certainty in zip(label_set.words, CERTAINTIES, strict=True)
    )
    legend = "\n".join(f"{f.marker.strip()} {f.name.lower()}" for f in label_set.findings)
    return f"Label the chest report: {answers}.\n{legend}\nReport: "


def close() -> str:
    """The fixed text between the report and the markers."""
    return "\nLabels:"


def normalize(text: str) -> str:
    """The form in which a report is shown to the model: lower case, white space folded.

    Case and line breaks carry nothing in these reports, and hospitals differ in both. Characters
    that cannot be seen (controls, marks of direction, zero width, private use) are left out: no
    report says anything by them, and what a reader does not see should not move a label.
    """
    return _SPACE.sub(" ", printable(text)).strip().lower()


def printable(text: str) -> str:
    """A text without characters that nobody sees; white space stays as it is."""
    if text.isprintable():
        return text
    text = _CONTROL_SEQUENCE.sub("", text)
    return "".join(c for c in text if c.isprintable() or c.isspace())


def report_text(text: str, sections: Sequence[Section]) -> str:
    """What the model reads of a report: the chosen sections, each under its plain heading."""
    parts = []
    for section in sections:
        head = _HEADED.get(section.kind, "") if section.heading else ""
        parts.append(head + normalize(text[section.start : section.end]))
    return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Wire:
    """The wire format in one model's tokens.

    Attributes:
        prefix: the instruction, with the model's begin-of-text token where it wants one.
        close: the tokens after the report.
        markers: one token for each finding, in label order.
        answers: one token for each certainty, in `CERTAINTIES` order.
    """

    label_set: LabelSet
    prefix: tuple[int, ...]
    close: tuple[int, ...]
    markers: tuple[int, ...]
    answers: tuple[int, ...]
    tokenize: Tokenize

    def report(self, text: str) -> list[int]:
        """The tokens of one report's text, as `report_text` gives it, with the closing text."""
        return [*self.tokenize(text), *self.close]


def build(label_set: LabelSet, tokenize: Tokenize, bos: int | None = None) -> Wire:
    """The wire format for a tokenizer.

    Args:
        tokenize: text to token ids, adding no special tokens.
        bos: the begin-of-text token, for models that want one.

    Raises:
        WireError: a marker or an answer is not a single token of its own.
    """
    markers = [_single(tokenize, finding.marker) for finding in label_set.findings]
    answers = [_single(tokenize, word) for word in label_set.words]
    if len({*markers, *answers}) != len(markers) + len(answers):
        raise WireError("two markers or answers share a token in this model's vocabulary")
    start = [] if bos is None else [bos]
    return Wire(
        label_set=label_set,
        prefix=(*start, *tokenize(instruction(label_set))),
        close=tuple(tokenize(close())),
        markers=tuple(markers),
        answers=tuple(answers),
        tokenize=tokenize,
    )


def _single(tokenize: Tokenize, word: str) -> int:
    # SentencePiece vocabularies put the leading space in themselves; asking without it gives the
    # same piece there, and a different one nowhere that the first try succeeds.
    for form in (word, word.strip()):
        tokens = tokenize(form)
        if len(tokens) == 1:
            return tokens[0]
    raise WireError(
        f"{word.strip()!r} is {len(tokenize(word))} tokens in this model; it must be one"
    )

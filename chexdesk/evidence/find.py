"""The words of a report that carry its labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chexdesk.evidence.span import Span
from chexdesk.labeling.context import ContextEngine, default_engine
from chexdesk.labeling.context.sentences import lowered
from chexdesk.labeling.rules import aggregate
from chexdesk.labels import Certainty, LabelSet
from chexdesk.reports.sections import Section, SectionChoice, choose_sections


@dataclass(frozen=True)
class Evidence:
    """What the text has to say for, or against, one report's labels.

    Attributes:
        spans: sorted by start; each carries the certainty of its own words.
        disagreements: indices of findings that the rules read otherwise than the labels say. The
            overall "nothing found" is never among them: it follows from the other findings.
        reading: what the rules read for each finding, in label order.
    """

    spans: tuple[Span, ...]
    disagreements: tuple[int, ...]
    reading: tuple[Certainty, ...]


def find_evidence(
    text: str,
    certainties: Sequence[Certainty],
    label_set: LabelSet,
    choice: SectionChoice = SectionChoice.DEFAULT,
) -> Evidence:
    """The spans behind each label that is not "not mentioned".

    A label is carried by the mentions of its finding with the same certainty. Where the words only
    say otherwise, their spans come with the certainty of the words, and the finding counts as a
    disagreement. Where no rule sees a mention, the finding's best keyword stands in, with the
    label's certainty and no cue; without one the label has no span.

    Args:
        text: the whole report; offsets of the spans count its code points.
        certainties: the labels, one for each finding of the label set.

    Raises:
        ValueError: the number of certainties is not that of the label set, or the label set is not
            the one the lexicon was made for.
    """
    engine = default_engine()
    if len(certainties) != len(label_set) or label_set.names != engine.label_set.names:
        raise ValueError(
            f"{len(certainties)} labels of {label_set.name} do not fit {engine.lexicon.name}"
        )
    sections = choose_sections(text, choice)
    read = engine.read(text, sections)
    reading = aggregate(read, label_set, engine.lexicon.aside)
    spans: list[Span] = []
    disagreements: list[int] = []
    for index, (finding, label) in enumerate(zip(label_set.names, certainties, strict=True)):
        if finding != label_set.no_finding and reading[index] is not label:
            disagreements.append(index)
        if label is Certainty.NOT_MENTIONED:
            continue
        mentions = [mention for mention in read.mentions if mention.finding == finding]
        agreeing = [mention for mention in mentions if mention.certainty is label]
        spans += agreeing or mentions or _keyword(engine, text, sections, finding, label)
    spans.sort(key=lambda span: (span.start, span.end))
    return Evidence(tuple(spans), tuple(disagreements), reading)


def _keyword(
    engine: ContextEngine, text: str, sections: Sequence[Section], finding: str, label: Certainty
) -> list[Span]:
    """A span over the finding's most telling keyword, in the order of the lexicon."""
    lower = lowered(text)
    for word in engine.lexicon.keywords.get(finding, ()):
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)".replace(r"\ ", r"\s+"))
        for section in sections:
            match = pattern.search(lower, section.start, section.end)
            if match:
                return [Span(finding, label, match.start(), match.end(), "")]
    return []

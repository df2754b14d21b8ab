"""The engine: a report's mentions, from its words and a lexicon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from chexdesk import paths
from chexdesk.evidence.span import Span
from chexdesk.labeling.context import lexicon as lexicons
from chexdesk.labeling.context.lexicon import Kind, Lexicon, Role, Sense
from chexdesk.labeling.context.organs import read_organs
from chexdesk.labeling.context.scope import Hit, find_hits, rulings
from chexdesk.labeling.context.sentences import Sentence, lowered, sentences
from chexdesk.labels import LabelSet, chexpert14
from chexdesk.reports.sections import Section, SectionKind


@dataclass(frozen=True)
class Mention(Span):
    """A span with what the aggregation needs to know of it.

    Attributes:
        settles: False where the words leave normality open ("stable", "no new"): such a mention
            is uncertain and yields to any other mention of its finding.
        section: the kind of section it stands in.
    """

    settles: bool
    section: SectionKind


@dataclass(frozen=True)
class Reading:
    """All that the engine reads in a report.

    Attributes:
        mentions: in text order; the verdict on the whole chest is a positive mention of the
            label set's `no_finding`.
        diseases: stretches (start, end) naming disease that no finding of the label set names.
        incidental: the same for items that the verdict "nothing acute" may pass over.
    """

    mentions: tuple[Mention, ...]
    diseases: tuple[tuple[int, int], ...]
    incidental: tuple[tuple[int, int], ...]


class ContextEngine:
    """Finds mentions by a lexicon. Immutable, and safe to use from several threads."""

    def __init__(self, lexicon: Lexicon, label_set: LabelSet) -> None:
        self.lexicon = lexicon
        self.label_set = label_set

    def find_mentions(self, text: str, sections: Sequence[Section]) -> list[Span]:
        """All mention spans inside the sections, in text order.

        A span is the shortest stretch with the mention and the cue that decides it; offsets are
        code points of the whole text.
        """
        return list(self.read(text, sections).mentions)

    def read(self, text: str, sections: Sequence[Section]) -> Reading:
        """The mentions inside the sections, and the disease that has no finding of its own."""
        lower = lowered(text)
        mentions: list[Mention] = []
        weights: dict[str, list[tuple[int, int]]] = {"disease": [], "incidental": []}
        for section in sections:
            for sentence in sentences(lower, section.start, section.end):
                hits = find_hits(sentence.words, self.lexicon.trie)
                if not hits:
                    continue
                ruled = rulings(sentence.words, hits)
                place = _Place(text, sentence, section.kind)
                for hit, cue in zip(hits, ruled, strict=True):
                    if hit.entry.role is Role.MENTION:
                        sense = _sense(hit, cue)
                        weighs = _weighs(hit, sense)
                        if weighs:
                            weights[weighs].append(place.stretch(hit, None))
                        mentions += _mentions(place, hit, cue, sense)
                for organ in read_organs(sentence.words, hits, ruled):
                    hit, state = hits[organ.organ], hits[organ.state]
                    extra = ruled[organ.state]
                    for finding in hit.entry.findings:
                        mentions.append(place.mention(finding, organ.sense, hit, state, extra))
        mentions.sort(key=lambda mention: (mention.start, mention.end))
        return Reading(tuple(mentions), tuple(weights["disease"]), tuple(weights["incidental"]))


@cache
def default_engine() -> ContextEngine:
    """The engine with the default label set's lexicon, loaded once.

    Raises:
        ValueError: the lexicon file is damaged.
    """
    label_set = chexpert14()
    path = paths.resources() / "lexicon" / f"{label_set.name}.yaml"
    return ContextEngine(lexicons.load(path, label_set), label_set)


@dataclass(frozen=True)
class _Place:
    """A sentence in its report, to turn hits into spans."""

    text: str
    sentence: Sentence
    section: SectionKind

    def stretch(self, hit: Hit, *cues: Hit | None) -> tuple[int, int]:
        first, stop = hit.first, hit.stop
        for cue in cues:
            if cue is not None:
                first, stop = min(first, cue.first), max(stop, cue.stop)
        return self.sentence.starts[first], self.sentence.ends[stop - 1]

    def mention(self, finding: str, sense: Sense, hit: Hit, *cues: Hit | None) -> Mention:
        start, end = self.stretch(hit, *cues)
        cue = next((cue for cue in cues if cue is not None), None)
        words = "" if cue is None else slice(*self.stretch(cue))
        return Mention(
            finding=finding,
            certainty=sense.certainty,
            start=start,
            end=end,
            cue="" if isinstance(words, str) else self.text[words],
            settles=sense is not Sense.OPEN,
            section=self.section,
        )


def _sense(hit: Hit, cue: Hit | None) -> Sense:
    entry = hit.entry
    if entry.fixed or cue is None:
        return entry.sense
    if cue.entry.sense is Sense.POSITIVE:
        return entry.sense
    return cue.entry.sense


def _weighs(hit: Hit, sense: Sense) -> str:
    if sense not in (Sense.POSITIVE, Sense.UNCERTAIN):
        return ""
    return "disease" if hit.entry.kind is Kind.DENIED_VERDICT else hit.entry.weighs


def _mentions(place: _Place, hit: Hit, cue: Hit | None, sense: Sense) -> Iterator[Mention]:
    if sense is Sense.IGNORED:
        return
    kind = hit.entry.kind
    if kind is Kind.DENIED_VERDICT or kind is Kind.STATED_VERDICT:
        wanted = Sense.NEGATIVE if kind is Kind.DENIED_VERDICT else Sense.POSITIVE
        if sense is not wanted:
            return
        sense = Sense.POSITIVE
    for finding in hit.entry.findings:
        yield place.mention(finding, sense, hit, cue)

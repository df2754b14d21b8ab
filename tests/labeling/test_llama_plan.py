"""Batches and the merging of parts: nothing lost, nothing reordered, one stated rule."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexdesk.labeling import wire
from chexdesk.labeling.llama import plan
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14

LABELS = chexpert14()


def characters(text: str) -> list[int]:
    """A toy tokenizer, one token a character, with the wire's single words kept single."""
    single = [f.marker for f in LABELS.findings] + list(LABELS.words)
    return [1000 + single.index(text)] if text in single else [ord(c) for c in text]


WIRE = wire.build(LABELS, characters)


@given(st.lists(st.integers(20, 700), max_size=80))
def test_every_item_is_in_one_batch_that_fits(lengths: list[int]) -> None:
    groups = plan.batches(lengths, 768, 18)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert sum(lengths[i] for i in group) <= 768
        assert len(group) <= 18


def test_a_short_text_is_one_part() -> None:
    assert plan.parts(WIRE, "no edema.") == [WIRE.report("no edema.")]


@given(st.text(alphabet="ab. ", max_size=4000))
def test_parts_fit_and_lose_no_letter(text: str) -> None:
    found = plan.parts(WIRE, wire.normalize(text))
    closing = len(WIRE.close)
    assert all(len(part) <= plan.PART_TOKENS for part in found)
    letters = [chr(token) for part in found for token in part[: len(part) - closing]]
    assert [c for c in letters if c != " "] == [c for c in wire.normalize(text) if c != " "]


def test_a_long_text_is_cut_between_sentences() -> None:
    sentences = [f"{letter * 150}." for letter in "abcdef"]
    found = plan.parts(WIRE, " ".join(sentences))
    texts = ["".join(map(chr, part[: len(part) - len(WIRE.close)])) for part in found]
    assert texts == [" ".join(sentences[:3]), " ".join(sentences[3:])]


def sure(decisions: dict[str, Certainty], confidence: float = 0.9) -> plan.Probabilities:
    """One part's probabilities: not mentioned, but for the given decisions."""
    rest = (1 - confidence) / 3
    rows = np.full((len(LABELS), 4), rest)
    for place, name in enumerate(LABELS.names):
        certainty = decisions.get(name, Certainty.NOT_MENTIONED)
        rows[place, CERTAINTIES.index(certainty)] = confidence
    return rows


def merged(*parts: plan.Probabilities) -> dict[str, Certainty]:
    result = plan.merge_parts(LABELS, np.stack(parts))
    assert result == pytest.approx(result / result.sum(axis=-1, keepdims=True))
    chosen = [CERTAINTIES[i] for i in result.argmax(-1)]
    return dict(zip(LABELS.names, chosen, strict=True))


def test_positive_beats_uncertain_beats_negative_beats_silence() -> None:
    name = LABELS.names[7]
    order = [
        Certainty.NOT_MENTIONED,
        Certainty.NEGATIVE,
        Certainty.UNCERTAIN,
        Certainty.POSITIVE,
    ]
    for weaker, stronger in itertools.pairwise(order):
        for pair in ((weaker, stronger), (stronger, weaker)):
            assert merged(*(sure({name: c}) for c in pair))[name] is stronger


def test_a_normal_part_does_not_make_a_diseased_report_normal() -> None:
    nothing = LABELS.no_finding
    assert nothing is not None
    other = next(n for n in LABELS.names if n != nothing and n not in LABELS.beside_no_finding)
    device = next(iter(LABELS.beside_no_finding))
    normal = sure({nothing: Certainty.POSITIVE})
    assert merged(normal, sure({other: Certainty.UNCERTAIN}))[nothing] is Certainty.NOT_MENTIONED
    assert merged(normal, sure({other: Certainty.NEGATIVE}))[nothing] is Certainty.POSITIVE
    assert merged(normal, sure({device: Certainty.POSITIVE}))[nothing] is Certainty.POSITIVE

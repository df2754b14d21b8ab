"""Minimal pairs for training."""

from __future__ import annotations

import random
from difflib import SequenceMatcher
from pathlib import Path

import torch

from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from training import data, pairs, recombine, slots, written

LABELS = chexpert14()


def _parts() -> list[recombine.Parts]:
    reports = written.read(Path("training/written/ward.txt"), LABELS)
    return [p for r in reports if (p := recombine.from_written(r, LABELS)) is not None]


def test_the_two_of_a_pair_differ_in_words_and_in_what_they_say() -> None:
    rng = random.Random(4)
    for _ in range(2000):
        one, other = pairs.sentences(rng, LABELS)
        assert one.text != other.text
        assert one.says != other.says
        assert one.says.keys() == other.says.keys()
        assert not set("{}*") & set(one.text + other.text)


def test_reports_differ_only_in_the_deciding_sentence() -> None:
    made = pairs.make(_parts(), 200, 7, LABELS, "bank")
    assert len(made) == 200
    for one, other in zip(made[::2], made[1::2], strict=True):
        changed = [
            LABELS.names[i]
            for i, (a, b) in enumerate(zip(one.answers, other.answers, strict=True))
            if a != b
        ]
        assert changed
        lines = SequenceMatcher(None, one.text.split("\n"), other.text.split("\n"))
        assert sum(block.size for block in lines.get_matching_blocks()) >= (
            len(one.text.split("\n")) - 1
        )


def test_the_same_seed_gives_the_same_reports_and_another_does_not() -> None:
    assert pairs.make(_parts(), 40, 7, LABELS, "b") == pairs.make(_parts(), 40, 7, LABELS, "b")
    first = [e.text for e in pairs.make(_parts(), 40, 7, LABELS, "b")]
    assert first != [e.text for e in pairs.make(_parts(), 40, 8, LABELS, "b")]


def test_a_report_is_never_called_normal_by_guesswork() -> None:
    nothing = LABELS.index(LABELS.no_finding or "")
    unsaid = CERTAINTIES.index(Certainty.NOT_MENTIONED)
    for example in pairs.make(_parts(), 300, 1, LABELS, "bank"):
        aside = {LABELS.no_finding, *LABELS.beside_no_finding}
        present = any(
            CERTAINTIES[a] in (Certainty.POSITIVE, Certainty.UNCERTAIN)
            for name, a in zip(LABELS.names, example.answers, strict=True)
            if name not in aside
        )
        assert example.answers[nothing] == (unsaid if present else data.UNKNOWN)


def test_an_unknown_answer_is_trained_on_in_neither_way() -> None:
    class Four:
        answers = (11, 12, 13, 14)

    found = slots.targets(Four(), torch.tensor([[0, 3], [data.UNKNOWN, 1]]))  # type: ignore[arg-type]
    assert found.tolist() == [[11, 14], [data.UNKNOWN, 12]]

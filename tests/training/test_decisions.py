"""Decisions files: what is written is read, and what is none is refused."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest

from chexdesk.labels import CERTAINTIES, chexpert14
from training import decisions
from training.decisions import Decisions, DecisionsError

LABELS = chexpert14()


def some(n: int = 3, *, probabilities: bool = True) -> Decisions:
    rng = np.random.default_rng(4)
    four = rng.dirichlet(np.ones(len(CERTAINTIES)), size=(n, len(LABELS)))
    return Decisions(
        system="toy",
        gold="feedback",
        ids=tuple(f"r{i}" for i in range(n)),
        certainties=four.argmax(-1).astype(np.int8),
        probabilities=four if probabilities else None,
        command="python -m toy",
        date=datetime.date(2026, 11, 25),
        notes="seed 4",
    )


@pytest.mark.parametrize("probabilities", [True, False])
def test_what_is_written_is_read(tmp_path: Path, probabilities: bool) -> None:
    given = some(probabilities=probabilities)
    path = decisions.path("toy", "feedback", tmp_path / "decisions")
    decisions.write(path, given)
    found = decisions.read(path, LABELS)
    assert path.name == "toy.feedback.jsonl"
    assert (found.system, found.gold, found.ids) == (given.system, given.gold, given.ids)
    assert (found.command, found.date, found.notes) == (given.command, given.date, given.notes)
    assert (found.certainties == given.certainties).all()
    if given.probabilities is None:
        assert found.probabilities is None
    else:
        assert found.probabilities is not None
        assert np.abs(found.probabilities - given.probabilities).max() <= 0.5e-4 + 1e-12


def test_a_line_holds_chexpert_numbers_in_label_order(tmp_path: Path) -> None:
    given = some(1, probabilities=False)
    path = tmp_path / "toy.jsonl"
    decisions.write(path, given)
    row = json.loads(path.read_text().splitlines()[1])
    assert row["id"] == "r0"
    assert row["decisions"] == [CERTAINTIES[i].value_number for i in given.certainties[0]]
    assert set(row) == {"id", "decisions"}


def test_ids_without_decisions_are_not_written(tmp_path: Path) -> None:
    given = some()
    short = Decisions("toy", "feedback", given.ids[:2], given.certainties)
    with pytest.raises(ValueError, match="toy"):
        decisions.write(tmp_path / "toy.jsonl", short)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "r9", "decisions": [1, 0]}', r":5: 2 decisions"),
        ('{"id": "r9", "decisions": [7, null]}', r":5: holds no decisions"),
        ('{"id": "r9"}', r":5: holds no decisions"),
        ("[]", r":5: holds no decisions"),
        (json.dumps({"id": "r0", "decisions": [None] * 14}), "comes twice"),
        (json.dumps({"id": "r9", "decisions": [None] * 14}), "probabilities of shape"),
        ("nonsense", "is no decisions file"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "toy.jsonl"
    decisions.write(path, some())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DecisionsError, match=message) as caught:
        decisions.read(path, LABELS)
    assert str(path) in str(caught.value)


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl"
    path.write_text('{"id": 4, "labels": []}\n')
    with pytest.raises(DecisionsError, match="no decisions file"):
        decisions.read(path, LABELS)

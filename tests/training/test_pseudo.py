"""Pseudo-labels: what the rule engine says of unlabelled reports, and none that is kept out."""

from __future__ import annotations

from pathlib import Path

from chexdesk.labels import CERTAINTIES, chexpert14
from training import data
from training.baselines import predict, pseudo
from training.evaluation.systems import GOLD

LABELS = chexpert14()


def test_reports_kept_out_of_training_are_not_learnt_from(eval_folder: Path) -> None:
    held = set((eval_folder / pseudo.HELD_OUT).read_text(encoding="utf-8").split())
    found = pseudo.reports()
    assert len(found) > 2500
    assert not held & {report.id for report in found}


def test_a_frontier_answer_is_read_for_each_report_of_dev(eval_folder: Path) -> None:
    ids = list(data.raw_texts(GOLD["dev"]))
    found = predict._frontier(list(reversed(ids)), LABELS)
    again = predict._frontier(ids, LABELS)
    assert found.shape == (200, len(LABELS))
    assert found.max() < len(CERTAINTIES)
    assert (found[::-1] == again).all()

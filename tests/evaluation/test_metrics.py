"""The figures, against small cases worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexdesk.evaluation.metrics import (
    NEGATIVE,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    Decisions,
    Scores,
    bootstrap,
    score,
)
from chexdesk.labels import chexpert14

LABELS = chexpert14()
P, N, U, B = POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED


def decisions(**columns: list[int]) -> Decisions:
    """Decisions with the given columns (`f2` is finding 2) and nothing mentioned elsewhere."""
    (length,) = {len(column) for column in columns.values()}
    array = np.full((length, len(LABELS)), B, dtype=np.int8)
    for name, column in columns.items():
        array[:, int(name[1:])] = column
    return array


def figures(scores: Scores) -> dict[str, float]:
    named = {f.name: getattr(scores, f.name) for f in dataclasses.fields(scores)}
    return {name: value for name, value in named.items() if name != "finding_f1"}


def test_one_finding_by_hand() -> None:
    gold = decisions(f2=[P, P, P, N, U, B])
    predicted = decisions(f2=[P, P, N, N, B, U])
    scores = score(LABELS, gold, predicted)
    positive, negative, uncertain = 2 * 2 / (3 + 2), 2 * 1 / (1 + 2), 0.0
    expected = (3 * positive + 1 * negative + 1 * uncertain) / 5
    assert scores.finding_f1[2] == pytest.approx(expected)
    assert np.isnan(np.delete(scores.finding_f1, 2)).all()
    assert scores.macro_f1_paper == pytest.approx(expected)
    assert scores.mention_f1 == pytest.approx(2 * 4 / (5 + 5))
    assert scores.positive_f1 == pytest.approx(positive)
    assert scores.negative_f1 == pytest.approx(negative)
    assert scores.uncertain_f1 == 0
    assert scores.errors_a_report == pytest.approx(3 / 6)
    assert scores.perfect == pytest.approx(3 / 6)


def test_support_devices_count_only_in_the_average_over_all() -> None:
    left_out = LABELS.index(next(iter(LABELS.not_in_paper_average)))
    gold = decisions(**{"f2": [P, P], f"f{left_out}": [P, P]})
    predicted = decisions(**{"f2": [P, P], f"f{left_out}": [B, B]})
    scores = score(LABELS, gold, predicted)
    assert scores.macro_f1_paper == 1
    assert scores.macro_f1_all == 0.5
    assert scores.mention_f1 == 1
    assert scores.perfect == 0


def test_a_figure_without_support_is_unknown() -> None:
    scores = score(LABELS, decisions(f2=[P]), decisions(f2=[P]))
    assert math.isnan(scores.uncertain_f1)
    assert scores.positive_f1 == 1
    nothing = score(LABELS, decisions(f2=[B]), decisions(f2=[P]))
    assert math.isnan(nothing.macro_f1_paper)
    assert nothing.errors_a_report == 1


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="shapes do not fit"):
        score(LABELS, decisions(f2=[P]), decisions(f2=[P, P]))


ARRAYS = st.integers(1, 12).flatmap(
    lambda rows: st.lists(
        st.lists(st.integers(0, 3), min_size=14, max_size=14), min_size=rows, max_size=rows
    )
)


@given(ARRAYS, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_order_of_reports_changes_nothing(rows: list[list[int]], random: Random) -> None:
    gold = np.array(rows, dtype=np.int8)
    predicted = np.roll(gold, 1, axis=1)
    order = list(range(len(gold)))
    random.shuffle(order)
    before, after = score(LABELS, gold, predicted), score(LABELS, gold[order], predicted[order])
    assert figures(before) == pytest.approx(figures(after), nan_ok=True)
    np.testing.assert_allclose(before.finding_f1, after.finding_f1)


@given(ARRAYS)
@settings(max_examples=25, deadline=None)
def test_the_gold_itself_is_perfect(rows: list[list[int]]) -> None:
    gold = np.array(rows, dtype=np.int8)
    scores = score(LABELS, gold, gold)
    for name, value in figures(scores).items():
        assert math.isnan(value) or value == (0 if name == "errors_a_report" else 1)


def test_intervals_hold_the_figure_and_repeat() -> None:
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, (80, len(LABELS))).astype(np.int8)
    predicted = np.where(rng.random(gold.shape) < 0.8, gold, 3).astype(np.int8)
    scores = figures(score(LABELS, gold, predicted))
    intervals = bootstrap(LABELS, gold, predicted, rounds=100)
    assert set(intervals) == set(scores)
    for name, (low, high) in intervals.items():
        assert low < scores[name] < high
    assert intervals == bootstrap(LABELS, gold, predicted, rounds=100)

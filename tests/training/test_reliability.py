"""Calibration error, doubt and selective labelling in cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chexdesk.labeling.calibration import Calibration
from training.evaluation import reliability, trust
from training.evaluation.systems import System


def two_way(first: list[float]) -> np.ndarray:
    """Probabilities (reports, 1, 4) of the first certainty, the rest being the second's."""
    sure = np.array(first)
    return np.stack([sure, 1 - sure, 0 * sure, 0 * sure], axis=-1)[:, None]


def test_calibration_error_of_a_known_case() -> None:
    probabilities = two_way([0.9] * 10 + [0.6] * 10)
    predicted = np.zeros((20, 1), dtype=np.int8)
    gold = predicted.copy()
    # 8 of the sure ten are right, and 3 of the doubtful ten.
    gold[:2] = gold[10:17] = 1
    table = reliability.bins(probabilities, gold, predicted, 2)
    assert table == pytest.approx(np.array([[0.6, 0.3, 10], [0.9, 0.8, 10]]))
    assert reliability.calibration_error(table) == pytest.approx(0.5 * 0.3 + 0.5 * 0.1)


def test_what_neither_mentions_is_not_counted() -> None:
    silent = np.full((4, 1), 3, dtype=np.int8)
    probabilities = np.full((4, 1, 4), 0.25)
    assert np.isnan(reliability.calibration_error(reliability.bins(probabilities, silent, silent)))
    gold, predicted = silent.copy(), silent.copy()
    gold[0], predicted[1] = 0, 1
    assert reliability.bins(probabilities, gold, predicted, 15)[:, 2].sum() == 2


def test_bins_are_of_equal_mass() -> None:
    rng = np.random.default_rng(0)
    predicted = np.zeros((75, 2), dtype=np.int8)
    sure = two_way(rng.random(150).tolist()).reshape(75, 2, 4)
    table = reliability.bins(sure, predicted, predicted)
    assert table[:, 2].tolist() == [10] * 15
    assert (np.diff(table[:, 0]) > 0).all()


def test_doubts_order_reports_each_in_its_way() -> None:
    # One decision in great doubt, against several in some.
    sure = np.array([[0.5, 1.0, 1.0], [0.7, 0.6, 0.7], [1.0, 1.0, 1.0]])
    probabilities = np.stack([sure, 1 - sure, 0 * sure, 0 * sure], axis=-1)
    decisions = np.zeros(sure.shape, dtype=np.int8)
    first = {
        how: int(reliability.doubt(probabilities, decisions, how).argmax())
        for how in reliability.DOUBTS
    }
    assert first == {"product": 1, "least": 0, "expected": 1}
    product = reliability.doubt(probabilities, decisions, "product")
    assert np.exp(-product) == pytest.approx(sure.prod(axis=1))


def test_errors_held_by_the_most_doubtful() -> None:
    wrong = np.array([3, 0, 0, 1, 0, 0, 0, 0, 0, 1])
    doubts = np.array([0.9, 0.8, 0.1, 0.2, 0, 0, 0, 0, 0, 0.3])
    assert reliability.errors_held(wrong, doubts, 0.2) == pytest.approx(3 / 5)
    assert reliability.errors_held(wrong, doubts, 0.3) == pytest.approx(4 / 5)
    assert np.isnan(reliability.errors_held(0 * wrong, doubts, 0.2))


def test_the_selective_curve_drops_the_most_doubtful_first() -> None:
    curve = reliability.selective(np.array([0, 2, 0, 1]), np.array([0.1, 0.9, 0.5, 0.2]))
    assert curve == pytest.approx(
        np.array([[0, 3 / 4, 2 / 4], [1 / 4, 1 / 3, 2 / 3], [2 / 4, 1 / 2, 1 / 2], [3 / 4, 0, 1]])
    )


def test_raw_probabilities_follow_from_the_calibration_that_was_applied() -> None:
    raw = two_way([0.9, 0.7])
    hot = Calibration.uniform(2.0, 1)
    calibrated = hot.apply(Calibration.none(1).undo(raw))
    decisions = np.zeros((2, 1), dtype=np.int8)
    assert trust.states(System("x", decisions), hot) == []
    assert [state for state, _ in trust.states(System("x", decisions, raw), None)] == [trust.GIVEN]
    found = dict(trust.states(System("x", decisions, calibrated), hot))
    assert found[trust.RAW] == pytest.approx(raw, abs=1e-3)
    assert found[trust.CALIBRATED] == pytest.approx(calibrated)

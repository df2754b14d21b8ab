"""Logits to probabilities: what each number of a pack's calibration does, and bad ones refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chexdesk.labeling.calibration import Calibration

LOGITS = np.array([[3.0, 1.0, 0.0, -1.0]], dtype=np.float32)


def test_a_plain_calibration_is_a_softmax_that_flattens_with_temperature() -> None:
    sharp = Calibration.none(1).apply(LOGITS)
    flat = Calibration.uniform(2.0, 1).apply(LOGITS)
    assert sharp.sum() == pytest.approx(1.0)
    assert sharp[0, 0] == pytest.approx(np.exp(3) / np.exp([3, 1, 0, -1]).sum())
    assert flat.max() < sharp.max()


def test_factors_hold_for_their_finding_and_leading_certainty() -> None:
    calibration = Calibration(2.0, (3.0, 1.0, 1.0, 1.0), (1.0, 0.5), (0.0,) * 4)
    logits = np.array([[6.0, 0.0, 0.0, 0.0], [0.0, 6.0, 0.0, 0.0]])
    found = calibration.apply(logits)
    assert found[0, 0] == pytest.approx(np.exp(1) / (np.exp(1) + 3))
    assert found[1, 1] == pytest.approx(np.exp(6) / (np.exp(6) + 3))


def test_a_bias_can_change_which_certainty_leads() -> None:
    logits = np.array([[1.0, 0.0, 0.8, 0.0]])
    plain = Calibration.none(1)
    biased = Calibration(1.0, (1.0,) * 4, (1.0,), (0.0, 0.0, 0.5, 0.0))
    assert plain.apply(logits).argmax() == 0
    assert biased.apply(logits).argmax() == 2


@given(
    arrays(np.int64, (3, 2, 4), elements=st.integers(-8, 8)),
    st.floats(0.5, 2.0),
    st.lists(st.floats(0.6, 1.6), min_size=2, max_size=2),
)
def test_without_bias_decisions_stay_and_the_logits_come_back(
    whole: Any, temperature: float, by_finding: list[float]
) -> None:
    logits = whole + np.array([0.0, 0.1, 0.2, 0.3])  # no ties: a rounding may settle them anyhow
    calibration = Calibration(temperature, (1.1, 0.9, 1.2, 1.0), tuple(by_finding), (0.0,) * 4)
    found = calibration.apply(logits)
    leading = np.take_along_axis(logits, found.argmax(-1)[..., None], -1)[..., 0]
    np.testing.assert_allclose(leading, logits.max(-1), atol=1e-9)
    again = Calibration.from_dict(calibration.as_dict(), 2)
    assert again == calibration
    back = calibration.undo(found)
    wanted = logits - logits.max(-1, keepdims=True)
    likely = found > 1e-5
    np.testing.assert_allclose(
        (back - back.max(-1, keepdims=True))[likely], wanted[likely], atol=1e-3
    )


def test_an_old_manifest_with_one_temperature_is_read() -> None:
    assert Calibration.from_dict({"temperature": 1.3}, 2) == Calibration.uniform(1.3, 2)
    assert Calibration.from_dict({}, 2) == Calibration.none(2)


@pytest.mark.parametrize(
    "data",
    [
        {"temperature": 0},
        {"temperature": "warm"},
        {"temperature": float("nan")},
        {"by_finding": [1.0]},
        {"by_certainty": [1.0, 1.0, 1.0, -1.0]},
        {"bias": [0.0, 0.0, 0.0, float("inf")]},
        {"bias": 3},
    ],
)
def test_a_calibration_that_is_none_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"calibration|convert"):
        Calibration.from_dict(data, 2)


def test_a_witness_raises_the_odds_of_what_it_reads_and_can_be_taken_back() -> None:
    calibration = Calibration(1.0, (1.0,) * 4, (1.0,), (0.0,) * 4, (0.0, 0.0, np.log(3.0), 0.0))
    alone = np.array([[0.5, 0.2, 0.2, 0.1]])
    assert calibration.has_witness
    assert not Calibration.none(1).has_witness
    np.testing.assert_allclose(calibration.hear(alone, np.array([0])), alone)
    heard = calibration.hear(alone, np.array([2]))
    assert heard[0, 2] / heard[0, 0] == pytest.approx(3 * 0.2 / 0.5)
    assert heard.argmax() == 2
    assert heard.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(calibration.unhear(heard, np.array([2])), alone)
    assert Calibration.from_dict(calibration.as_dict(), 1) == calibration
    assert calibration.alone() == Calibration.none(1)

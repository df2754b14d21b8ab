"""Calibration finds what was put in, and its choice is honest about the folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labeling.calibration import Calibration
from chexdesk.labels import chexpert14
from training.calibrate import Folds, calibrate, choose, cross_validate
from training.calibration import METHODS, Method, fit, log_likelihoods

LABELS = chexpert14()
FINDINGS = len(LABELS)
EVEN = (1.0,) * 4
PLAIN = (1.0,) * FINDINGS
NONE = (0.0,) * 4


def drawn(true: Calibration, reports: int, seed: int = 0) -> tuple[NDArray[np.float64], Decisions]:
    """Logits, and gold drawn from the probabilities that they have under a calibration."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (reports, FINDINGS, 4))
    chances = true.apply(logits).cumsum(-1)
    gold = (rng.random((reports, FINDINGS, 1)) > chances).sum(-1).clip(0, 3)
    return logits, gold.astype(np.int8)


@pytest.mark.parametrize("true", [0.7, 1.0, 2.0])
def test_a_temperature_is_found(true: float) -> None:
    found = fit(*drawn(Calibration.uniform(true, FINDINGS), 500), Method())
    assert found.temperature == pytest.approx(true, rel=0.08)
    assert (found.by_certainty, found.by_finding, found.bias) == (EVEN, PLAIN, NONE)


def test_factors_of_leading_certainties_are_found() -> None:
    true = Calibration(1.5, (1.0, 0.7, 1.6, 1.0), PLAIN, NONE)
    found = fit(*drawn(true, 600), Method(certainty=0.5))
    temperatures = found.temperature * np.array(found.by_certainty)
    assert temperatures == pytest.approx([1.5, 1.05, 2.4, 1.5], rel=0.15)


def test_factors_of_findings_are_drawn_towards_one() -> None:
    factors = (2.0, *PLAIN[1:])
    logits, gold = drawn(Calibration(1.0, EVEN, factors, NONE), 200)
    loose, tight = (fit(logits, gold, Method(finding=f)).by_finding[0] for f in (1.0, 0.05))
    assert loose == pytest.approx(2.0, rel=0.3)
    assert 1.0 < tight < loose


def test_a_bias_is_found_and_only_a_bias_changes_decisions() -> None:
    logits, gold = drawn(Calibration(1.5, EVEN, PLAIN, (0.0, -1.0, 2.0, 0.0)), 500)
    found = fit(logits, gold, Method(bias=True))
    assert found.bias == pytest.approx((0.0, -1.0, 2.0, 0.0), abs=0.3)
    assert found.temperature == pytest.approx(1.5, rel=0.1)
    for method in METHODS:
        if not method.witness:
            decided = fit(logits, gold, method).apply(logits).argmax(-1)
            assert (decided == logits.argmax(-1)).all() == (not method.bias)


def test_perfectly_separated_decisions_give_no_absurd_temperature() -> None:
    gold = np.random.default_rng(0).integers(0, 4, (20, FINDINGS)).astype(np.int8)
    found = fit(5 * np.eye(4)[gold], gold, Method(certainty=0.5, finding=0.4))
    assert 0.05 < found.temperature < 1
    assert np.isfinite(found.apply(np.eye(4)[gold])).all()


def folds(true: Calibration, reports: int = 150) -> Folds:
    """The rules read at random here: a witness that knows nothing."""
    logits, gold = drawn(true, reports)
    reading = np.random.default_rng(1).integers(0, 4, gold.shape)
    return Folds(logits, gold, np.arange(reports) % 3, reading)


def test_a_fold_is_calibrated_without_its_own_labels() -> None:
    seen = folds(Calibration.uniform(1.0, FINDINGS), 30)
    fitted: list[Folds] = []

    def remember(part: Folds) -> Calibration:
        fitted.append(part)
        return Calibration.uniform(1.0 + len(fitted), FINDINGS)

    found = cross_validate(seen, remember)
    assert [sorted(set(part.fold.tolist())) for part in fitted] == [[1, 2], [0, 2], [0, 1]]
    expected = Calibration.uniform(3.0, FINDINGS).apply(seen.logits[seen.fold == 1])
    np.testing.assert_allclose(found[seen.fold == 1], expected)


def test_the_form_that_is_true_is_chosen() -> None:
    true = Calibration(1.5, (0.5, 1.0, 3.0, 1.0), PLAIN, NONE)
    forms = (Method(), Method(certainty=0.5))
    assert choose(folds(true), forms) == forms[1]


def test_the_record_holds_a_calibration_and_says_how_it_was_chosen() -> None:
    data = folds(Calibration.uniform(2.5, FINDINGS), 90)
    record = calibrate(LABELS, data)
    found = Calibration.from_dict(record, FINDINGS)
    assert found.temperature == pytest.approx(2.5, rel=0.2)
    assert (found.bias, found.has_witness) == (NONE, False)
    rows = {row["form"]: row for row in record["cross_validation"]}
    assert set(rows) >= {"raw softmax", "chosen, nested", *(m.name for m in METHODS)}
    assert rows["chosen, nested"]["log-loss"] < rows["raw softmax"]["log-loss"]
    assert record["doubt"] in record["doubtful_share_of_errors"]
    assert record["fitted_on"] == "90 reports in 3 folds"


def test_log_likelihoods_are_of_the_gold_answers() -> None:
    probabilities = np.array([[[0.5, 0.25, 0.25, 0.0], [0.1, 0.2, 0.3, 0.4]]])
    found = log_likelihoods(probabilities, np.array([[1, 3]], dtype=np.int8))
    assert np.exp(found) == pytest.approx(np.array([[0.25, 0.4]]))


@pytest.mark.parametrize(
    "change",
    [
        {"logits": np.zeros((6, FINDINGS, 3))},
        {"fold": np.array([0, 1] * 3)},
        {"gold": None},
        {"reading": None},
    ],
)
def test_a_file_that_is_no_cross_validation_is_named(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    arrays: dict[str, Any] = {
        "logits": np.zeros((6, FINDINGS, 4)),
        "gold": np.zeros((6, FINDINGS), dtype=np.int8),
        "fold": np.arange(6) % 3,
        "reading": np.zeros((6, FINDINGS), dtype=np.int8),
    } | change
    path = tmp_path / "folds.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match=r"folds\.npz"):
        Folds.load(path, LABELS)


def test_a_second_witness_is_weighed_by_what_it_is_worth() -> None:
    rng = np.random.default_rng(3)
    logits, gold = drawn(Calibration.uniform(1.0, FINDINGS), 400)
    reading = np.where(rng.random(gold.shape) < 0.8, gold, rng.integers(0, 4, gold.shape))
    guesses = rng.integers(0, 4, gold.shape)
    good = fit(logits, gold, Method(witness=True), reading)
    useless = fit(logits, gold, Method(witness=True), guesses)
    assert min(good.witness) > 1.5
    assert np.abs(useless.witness).max() < 0.2
    heard = good.hear(good.apply(logits), reading).argmax(-1)
    assert (heard == gold).mean() > (logits.argmax(-1) == gold).mean() + 0.05
    with pytest.raises(ValueError, match="not given"):
        fit(logits, gold, Method(witness=True))

"""Figures, intervals and tests of the comparison against closed forms and the app's own scores."""

from __future__ import annotations

import numpy as np
import pytest

from chexdesk.evaluation.metrics import Decisions, score
from chexdesk.labels import chexpert14
from training.evaluation import errors, significance
from training.evaluation.comparison import Comparison
from training.evaluation.figures import counts, figures
from training.evaluation.systems import About, Gold, System

LABELS = chexpert14()
MODEL = {"model": About("the model", ours=True)}


def decisions(reports: int, seed: int) -> Decisions:
    rng = np.random.default_rng(seed)
    return rng.choice(4, (reports, len(LABELS)), p=[0.2, 0.15, 0.1, 0.55]).astype(np.int8)


def spoilt(gold: Decisions, share: float, seed: int) -> Decisions:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(gold.shape) < share, decisions(len(gold), seed), gold)


def gold_set(reports: int = 60, seed: int = 0) -> Gold:
    ids = tuple(f"r{number}" for number in range(reports))
    return Gold("made up", ids, decisions(reports, seed), np.arange(reports) + 1)


def comparison(gold: Gold, predicted: dict[str, Decisions], rounds: int = 400) -> Comparison:
    systems = [System(name, each) for name, each in predicted.items()]
    return Comparison(LABELS, [gold], [systems], MODEL, rounds)


def test_figures_from_sums_are_the_scores_of_the_app() -> None:
    gold = decisions(80, 1)
    # One finding without any mention, so that missing support is compared too.
    gold[:, 3] = 3
    predicted = spoilt(gold, 0.3, 2)
    found = figures(LABELS, counts(LABELS, gold, predicted).sum(axis=0))
    wanted = score(LABELS, gold, predicted)
    np.testing.assert_allclose(found.finding_f1, wanted.finding_f1)
    assert float(found.macro_f1) == pytest.approx(wanted.macro_f1_paper)
    assert found.certainty_f1.tolist() == pytest.approx(
        [wanted.positive_f1, wanted.negative_f1, wanted.uncertain_f1]
    )
    assert float(found.errors_all) == pytest.approx(wanted.errors_a_report)
    assert float(found.perfect_all) == pytest.approx(wanted.perfect)


def test_a_weighted_sum_is_the_resample_with_reports_repeated() -> None:
    gold = decisions(30, 3)
    predicted = spoilt(gold, 0.3, 4)
    weights = significance.resamples([30], rounds=5, seed=9)
    many = figures(LABELS, weights @ counts(LABELS, gold, predicted))
    for drawn, weight in enumerate(weights):
        rows = np.repeat(np.arange(30), weight.astype(int))
        assert len(rows) == 30
        one = score(LABELS, gold[rows], predicted[rows])
        assert many.macro_f1[drawn] == pytest.approx(one.macro_f1_paper)


def test_errors_leave_out_what_the_paper_leaves_out() -> None:
    gold = decisions(4, 5)
    predicted = gold.copy()
    (left_out,) = (LABELS.index(name) for name in LABELS.not_in_paper_average)
    predicted[0, left_out] = (gold[0, left_out] + 1) % 4
    predicted[1, :2] = (gold[1, :2] + 1) % 4
    found = figures(LABELS, counts(LABELS, gold, predicted).sum(axis=0))
    assert (float(found.errors), float(found.errors_all)) == (0.5, 0.75)
    assert (float(found.perfect), float(found.perfect_all)) == (0.75, 0.5)


def test_micro_f1_takes_all_uncertain_decisions_together() -> None:
    gold = np.full((2, len(LABELS)), 3, dtype=np.int8)
    predicted = gold.copy()
    gold[0, :3] = 2
    predicted[0, :2] = 2
    predicted[1, 5] = 2
    found = figures(LABELS, counts(LABELS, gold, predicted).sum(axis=0))
    assert float(found.uncertainty_micro) == pytest.approx(2 * 2 / (3 + 3))
    assert float(found.uncertainty) == pytest.approx((1 + 1 + 0) / 3)


def test_strata_keep_their_sizes() -> None:
    weights = significance.resamples([5, 12], rounds=50)
    assert (weights[:, :5].sum(axis=1) == 5).all()
    assert (weights[:, 5:].sum(axis=1) == 12).all()


def test_holm_by_hand() -> None:
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([0.9, 0.8]) == [1.0, 1.0]
    assert significance.holm([]) == []


def test_identical_systems_do_not_differ() -> None:
    gold = gold_set()
    same = spoilt(gold.decisions, 0.1, 7)
    found = comparison(gold, {"model": same, "twin": same.copy()}).differences("macro_f1")
    difference = found["macro_f1"]["twin"]
    assert (difference.value, difference.p, difference.corrected) == (0, 1, 1)
    assert difference.interval == (0, 0)


def test_a_clear_difference_is_found_and_the_sign_is_the_models() -> None:
    gold = gold_set()
    systems = {"model": gold.decisions, "worse": spoilt(gold.decisions, 0.3, 8)}
    found = comparison(gold, systems).differences("macro_f1", "errors")
    assert found["macro_f1"]["worse"].value > 0 > found["errors"]["worse"].value
    assert found["errors"]["worse"].p == pytest.approx(1 / 401)
    assert found["macro_f1"]["worse"].interval[0] > 0


def test_exchanges_of_two_reports_are_counted() -> None:
    """Errors of 1 and 0 on two reports: all exchanges give a difference of ±1 or 0 in all."""
    gold = np.full((2, len(LABELS)), 3, dtype=np.int8)
    wrong = gold.copy()
    wrong[:, 0] = 0
    pair = significance.swapped(
        LABELS, counts(LABELS, gold, wrong), counts(LABELS, gold, gold), 4000
    )
    gaps = pair[0].errors - pair[1].errors
    assert set(gaps.tolist()) == {-1.0, 0.0, 1.0}
    # The two outermost of four equally likely exchanges are as far as what was seen.
    assert significance.p_value(1.0, gaps) == pytest.approx(0.5, abs=0.03)


def test_only_systems_with_decisions_on_every_set_are_pooled() -> None:
    first, second = gold_set(20, 1), gold_set(30, 2)
    systems = [
        [System("model", first.decisions), System("one", first.decisions)],
        [System("model", second.decisions)],
    ]
    both = Comparison(LABELS, [first, second], systems, MODEL, 10)
    assert [scored.name for scored in both.scored] == ["model"]
    assert both.reports == 50
    with pytest.raises(ValueError, match="no system"):
        Comparison(LABELS, [first, second], [systems[0][1:], systems[1]], MODEL, 10)


def test_thirds_go_by_length() -> None:
    gold = gold_set(30)
    predicted = gold.decisions.copy()
    predicted[20:] = (predicted[20:] + 1) % 4
    thirds = comparison(gold, {"model": predicted}, 10).by_length()
    assert [title for title, _ in thirds] == ["1–10 words", "11–20 words", "21–30 words"]
    assert [found["model"] for _, found in thirds] == [1, 1, 0]


def test_the_worst_kinds_of_errors_come_first() -> None:
    gold = gold_set(6)
    gold.decisions[:] = 3
    gold.decisions[:4, 2] = 2
    predicted = gold.decisions.copy()
    predicted[:3, 2] = 0
    predicted[5, 1] = 1
    system = System("model", predicted)
    first, second = errors.worst_kinds(LABELS, gold, system)
    assert (first.key, first.ids, first.support) == (
        f"{LABELS.names[2]}: uncertain -> positive",
        ("r0", "r1", "r2"),
        4,
    )
    assert second.key == f"{LABELS.names[1]}: not mentioned -> negative"

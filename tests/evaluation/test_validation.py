"""Figures of a validation study against published and hand-worked values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexdesk.evaluation.validation import Target, f1_score, kappa, validate, wilson
from chexdesk.labels import chexpert14

LABELS = chexpert14()


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_those_of_newcombe_1998(
    hits: int, total: int, low: float, high: float
) -> None:
    assert wilson(hits, total) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_holds_the_share_and_mirrors_its_complement(hits: int, more: int) -> None:
    total = hits + more
    low, high = wilson(hits, total)
    assert 0 <= low <= hits / total <= high <= 1
    other_low, other_high = wilson(more, total)
    assert (1 - other_high, 1 - other_low) == (pytest.approx(low), pytest.approx(high))


def test_kappa_of_a_table_worked_by_hand() -> None:
    one = np.repeat(np.array([0, 0, 1, 1], dtype=np.int8), [20, 5, 10, 15])
    other = np.repeat(np.array([0, 1, 0, 1], dtype=np.int8), [20, 5, 10, 15])
    found = kappa(one, other, np.random.default_rng(0), 4000)
    assert found.value == pytest.approx(0.4)
    # The asymptotic standard error (Fleiss, Cohen and Everitt 1969) is 0.127.
    assert found.low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.03)
    assert found.high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.03)


def test_kappa_is_not_defined_where_both_say_one_thing_throughout() -> None:
    same = np.full(9, 3, dtype=np.int8)
    assert not kappa(same, same, np.random.default_rng(0), 10).known


def test_kappa_of_complete_agreement_has_no_interval() -> None:
    same = np.array([0, 0, 1, 3], dtype=np.int8)
    found = kappa(same, same, np.random.default_rng(0), 10)
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()


def test_the_four_cells_and_all_figures_of_a_finding() -> None:
    gold = np.full((10, 14), 3, dtype=np.int8)
    said = gold.copy()
    gold[:, 2] = [0, 0, 0, 0, 2, 1, 1, 3, 3, 3]
    said[:, 2] = [0, 0, 0, 2, 0, 1, 0, 3, 3, 1]
    found = validate(LABELS, gold, said)
    finding = found.findings[2]
    assert (finding.tp, finding.fp, finding.fn, finding.tn) == (3, 2, 1, 4)
    assert finding.sensitivity.value == pytest.approx(3 / 4)
    assert finding.specificity.value == pytest.approx(4 / 6)
    assert finding.ppv.value == pytest.approx(3 / 5)
    assert finding.npv.value == pytest.approx(4 / 5)
    assert finding.f1.value == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert found.exact.value == pytest.approx(6 / 10)
    assert found.agreement.total == 140
    wider = validate(LABELS, gold, said, Target.POSITIVE_OR_UNCERTAIN).findings[2]
    assert (wider.tp, wider.fp, wider.fn, wider.tn) == (5, 1, 0, 4)
    mentioned = validate(LABELS, gold, said, Target.MENTIONED).findings[2]
    assert (mentioned.tp, mentioned.fp, mentioned.fn, mentioned.tn) == (7, 1, 0, 2)


def test_figures_without_cases_are_unknown() -> None:
    nothing = np.full((5, 14), 3, dtype=np.int8)
    finding = validate(LABELS, nothing, nothing).findings[0]
    assert not finding.sensitivity.known
    assert not finding.ppv.known
    assert not finding.f1.known
    assert finding.specificity.value == 1


def test_the_interval_of_f1_holds_it() -> None:
    found = f1_score(30, 5, 10)
    assert found.low < found.value < found.high
    low, high = wilson(30, 45)
    assert (found.low, found.high) == (
        pytest.approx(2 * low / (1 + low)),
        pytest.approx(2 * high / (1 + high)),
    )


def test_the_same_seed_gives_the_same_intervals() -> None:
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, (40, 14)).astype(np.int8)
    said = rng.integers(0, 4, (40, 14)).astype(np.int8)
    assert validate(LABELS, gold, said, seed=3) == validate(LABELS, gold, said, seed=3)
    assert validate(LABELS, gold, said, seed=3) != validate(LABELS, gold, said, seed=4)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        validate(LABELS, np.zeros((2, 14), np.int8), np.zeros((3, 14), np.int8))

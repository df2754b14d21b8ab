"""All figures of a comparison as functions of sums over reports.

Every figure here depends on the reports only through counts that add up. A resample is then one row
of weights, and thousands of resamples of a system are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import (
    NEGATIVE,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    Decisions,
)
from chexdesk.labels import LabelSet

Counts = NDArray[np.float64]
Figure = NDArray[np.float64]

#: The one-against-the-rest tasks whose counts are kept, in this order.
_MENTION: Final = 3
_TASKS: Final = 4
#: Places in the last axis of the counts.
_HIT, _GOLD, _PREDICTED = range(3)


@dataclass(frozen=True)
class Figures:
    """The figures of the paper and of Irvin et al. (2019), for one or for many resamples.

    Every array has the resamples' shape first; a figure without support is NaN. "Paper" averages
    leave out the label set's `not_in_paper_average`.

    Attributes:
        finding_f1: (…, findings), F1 over positive, negative and uncertain weighted by gold
            support (Table 3 of the paper).
        macro_f1: mean of it over the paper's findings (Table 1).
        certainty_f1: (…, 3) F1 of positive, negative, uncertain against the rest, averaged over
            the paper's findings (Table 4).
        errors: decisions that differ from the gold, a report, over the paper's findings; perfect:
            share of reports without any (Table 2).
        errors_all, perfect_all: the same over all findings.
        mention, negation, uncertainty: extraction F1 averaged over all findings.
        uncertainty_micro: F1 of all uncertain decisions taken together.
    """

    finding_f1: Figure
    macro_f1: Figure
    certainty_f1: Figure
    errors: Figure
    perfect: Figure
    errors_all: Figure
    perfect_all: Figure
    mention: Figure
    negation: Figure
    uncertainty: Figure
    uncertainty_micro: Figure


def counts(label_set: LabelSet, gold: Decisions, predicted: Decisions) -> Counts:
    """What each report adds: (reports, k), to be summed over any choice of reports.

    Args:
        gold, predicted: (reports, findings).

    Raises:
        ValueError: the shapes differ or do not fit the label set.
    """
    if gold.shape != predicted.shape or gold.ndim != 2 or gold.shape[1] != len(label_set):
        raise ValueError(f"shapes do not fit: gold {gold.shape}, predicted {predicted.shape}")
    tasks = np.empty((len(gold), len(label_set), _TASKS, 3))
    for task, certainty in enumerate((POSITIVE, NEGATIVE, UNCERTAIN)):
        is_gold, is_predicted = gold == certainty, predicted == certainty
        tasks[:, :, task] = np.stack([is_gold & is_predicted, is_gold, is_predicted], axis=-1)
    is_gold, is_predicted = gold != NOT_MENTIONED, predicted != NOT_MENTIONED
    tasks[:, :, _MENTION] = np.stack([is_gold & is_predicted, is_gold, is_predicted], axis=-1)
    wrong = gold != predicted
    paper = wrong[:, in_paper_average(label_set)].sum(axis=1)
    every = wrong.sum(axis=1)
    whole = np.stack(
        [np.ones(len(gold)), paper, paper == 0, every, every == 0], axis=1, dtype=np.float64
    )
    return np.concatenate([whole, tasks.reshape(len(gold), -1)], axis=1)


def figures(label_set: LabelSet, sums: Counts) -> Figures:
    """Figures from sums of `counts`: (…, k), one for each resample."""
    reports = sums[..., 0]
    tasks = sums[..., 5:].reshape(*sums.shape[:-1], len(label_set), _TASKS, 3)
    f1 = _f1(tasks)
    certain = tasks[..., :_MENTION, :]
    support = certain[..., _GOLD]
    weight = support.sum(axis=-1)
    total = (np.nan_to_num(f1[..., :_MENTION]) * support).sum(axis=-1)
    finding_f1 = np.divide(total, weight, out=np.full(weight.shape, np.nan), where=weight > 0)
    paper = in_paper_average(label_set)
    return Figures(
        finding_f1=finding_f1,
        macro_f1=_mean(finding_f1[..., paper], -1),
        certainty_f1=_mean(f1[..., paper, :_MENTION], -2),
        errors=sums[..., 1] / reports,
        perfect=sums[..., 2] / reports,
        errors_all=sums[..., 3] / reports,
        perfect_all=sums[..., 4] / reports,
        mention=_mean(f1[..., _MENTION], -1),
        negation=_mean(f1[..., 1], -1),
        uncertainty=_mean(f1[..., 2], -1),
        uncertainty_micro=_f1(tasks[..., 2, :].sum(axis=-2)),
    )


def in_paper_average(label_set: LabelSet) -> NDArray[np.bool_]:
    """Which findings the paper's averages hold: (findings,)."""
    return np.array([name not in label_set.not_in_paper_average for name in label_set.names])


def _f1(tasks: Counts) -> Figure:
    """Binary F1 over the last axis; NaN where the gold has none."""
    total = tasks[..., _GOLD] + tasks[..., _PREDICTED]
    f1 = np.divide(2 * tasks[..., _HIT], total, out=np.zeros(total.shape), where=total > 0)
    return np.where(tasks[..., _GOLD] > 0, f1, np.nan)


def _mean(values: Figure, axis: int) -> Figure:
    """The mean of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    number = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean = np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0)
    return np.asarray(mean)

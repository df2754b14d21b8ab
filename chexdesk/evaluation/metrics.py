"""The paper's figures, from two arrays of decisions.

Decisions are int8 arrays of shape (reports, findings); each entry is an index into
`chexdesk.labels.CERTAINTIES` (0 positive, 1 negative, 2 uncertain, 3 not mentioned).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.labels import CERTAINTIES, Certainty, LabelSet

Decisions = NDArray[np.int8]
Figure = NDArray[np.float64]

POSITIVE: Final = CERTAINTIES.index(Certainty.POSITIVE)
NEGATIVE: Final = CERTAINTIES.index(Certainty.NEGATIVE)
UNCERTAIN: Final = CERTAINTIES.index(Certainty.UNCERTAIN)
NOT_MENTIONED: Final = CERTAINTIES.index(Certainty.NOT_MENTIONED)


@dataclass(frozen=True)
class Scores:
    """Figures of one system on one set of reports. A figure without support is NaN.

    Attributes:
        finding_f1: for each finding, F1 over positive, negative and uncertain weighted by their
            gold support (the CheX-LLM paper's Table 3 measure).
        macro_f1_paper: mean of `finding_f1` without the label set's `not_in_paper_average`.
        macro_f1_all: the same over all findings.
        mention_f1, positive_f1, negative_f1, uncertain_f1: one certainty against the rest, for each
            finding with support, averaged over the paper's findings (Irvin et al. 2019).
        errors_a_report: decisions that differ from the gold, over all findings.
        perfect: share of reports without any difference.
    """

    finding_f1: Figure
    macro_f1_paper: float
    macro_f1_all: float
    mention_f1: float
    positive_f1: float
    negative_f1: float
    uncertain_f1: float
    errors_a_report: float
    perfect: float


def score(label_set: LabelSet, gold: Decisions, predicted: Decisions) -> Scores:
    """Compare decisions of shape (reports, findings) with the gold of the same shape.

    Raises:
        ValueError: the shapes differ or do not fit the label set.
    """
    if gold.shape != predicted.shape or gold.ndim != 2 or gold.shape[1] != len(label_set):
        raise ValueError(f"shapes do not fit: gold {gold.shape}, predicted {predicted.shape}")
    one_certainty = {c: _f1(gold == c, predicted == c) for c in (POSITIVE, NEGATIVE, UNCERTAIN)}
    support = {c: (gold == c).sum(axis=0) for c in one_certainty}
    weight = np.sum(list(support.values()), axis=0).astype(np.float64)
    total = np.sum([np.nan_to_num(one_certainty[c]) * support[c] for c in one_certainty], axis=0)
    finding_f1 = np.divide(total, weight, out=np.full(len(label_set), np.nan), where=weight > 0)
    paper = np.array([name not in label_set.not_in_paper_average for name in label_set.names])
    mention = _f1(gold != NOT_MENTIONED, predicted != NOT_MENTIONED)
    wrong = (gold != predicted).sum(axis=1)
    return Scores(
        finding_f1=finding_f1,
        macro_f1_paper=_mean(finding_f1[paper]),
        macro_f1_all=_mean(finding_f1),
        mention_f1=_mean(mention[paper]),
        positive_f1=_mean(one_certainty[POSITIVE][paper]),
        negative_f1=_mean(one_certainty[NEGATIVE][paper]),
        uncertain_f1=_mean(one_certainty[UNCERTAIN][paper]),
        errors_a_report=_mean(wrong.astype(np.float64)),
        perfect=_mean((wrong == 0).astype(np.float64)),
    )


def bootstrap(
    label_set: LabelSet,
    gold: Decisions,
    predicted: Decisions,
    *,
    rounds: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals over reports drawn with replacement, for each single figure of `Scores`.

    Args:
        rounds: resamples; seed: of numpy's default generator, so that intervals are reproducible.
        level: coverage, 0.95 for a 95 % interval.
    """
    names = [n for n in Scores.__dataclass_fields__ if n != "finding_f1"]
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        rows = rng.integers(0, len(gold), len(gold))
        scores = score(label_set, gold[rows], predicted[rows])
        for name in names:
            drawn[name].append(getattr(scores, name))
    tail = (1 - level) / 2
    return {
        name: (float(np.nanquantile(v, tail)), float(np.nanquantile(v, 1 - tail)))
        for name, v in drawn.items()
        if not np.all(np.isnan(v))
    }


def _f1(gold: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Figure:
    """Binary F1 of each column; NaN where the gold has no positive in it."""
    hit = (gold & predicted).sum(axis=0).astype(np.float64)
    total = gold.sum(axis=0) + predicted.sum(axis=0)
    f1 = np.divide(2 * hit, total, out=np.zeros(gold.shape[1]), where=total > 0)
    return np.where(gold.any(axis=0), f1, np.nan)


def _mean(values: Figure) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")

"""Figures of a validation study: one target condition for each finding, with 95 % intervals.

Intervals of proportions are Wilson's score intervals (Wilson 1927). F1 is 2J / (1 + J) where J =
TP / (TP + FP + FN) is a proportion too, so its interval is Wilson's interval of J, carried over.
Kappa is Cohen's, over the four certainties and unweighted (Cohen 1960), with a percentile
bootstrap interval over reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import NEGATIVE, POSITIVE, UNCERTAIN, Decisions
from chexdesk.labels import CERTAINTIES, LabelSet

#: The standard normal quantile of a two-sided 95 % interval.
Z95: Final = 1.959963984540054

_NAN: Final = float("nan")


class Target(Enum):
    """What counts as the condition that is looked for."""

    POSITIVE = "positive"
    POSITIVE_OR_UNCERTAIN = "positive or uncertain"
    MENTIONED = "mentioned"


_CERTAINTIES_OF: Final = {
    Target.POSITIVE: (POSITIVE,),
    Target.POSITIVE_OR_UNCERTAIN: (POSITIVE, UNCERTAIN),
    Target.MENTIONED: (POSITIVE, NEGATIVE, UNCERTAIN),
}


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; all NaN where it is not defined.

    Attributes:
        hits, total: the counts of a proportion; 0 and 0 where the figure is none.
    """

    value: float
    low: float
    high: float
    hits: int = 0
    total: int = 0

    @property
    def known(self) -> bool:
        """Whether it is defined."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class FindingFigures:
    """One finding.

    Attributes:
        tp, fp, fn, tn: reports by reference and model, for the target.
        kappa: over the four certainties, whatever the target.
    """

    name: str
    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    f1: Estimate
    kappa: Estimate


@dataclass(frozen=True)
class Validation:
    """All figures of one model against one reference.

    Attributes:
        findings: in label order.
        agreement: all decisions alike, over all findings and the four certainties; its interval
            takes decisions for independent, which those of one report are not.
        exact: reports in which every decision is alike.
        rounds, seed: of the bootstrap behind kappa's intervals.
    """

    target: Target
    reports: int
    findings: tuple[FindingFigures, ...]
    agreement: Estimate
    exact: Estimate
    rounds: int
    seed: int


def validate(
    label_set: LabelSet,
    reference: Decisions,
    predicted: Decisions,
    target: Target = Target.POSITIVE,
    *,
    rounds: int = 2000,
    seed: int = 0,
) -> Validation:
    """Hold decisions of shape (reports, findings) against a reference of the same shape.

    Args:
        rounds: bootstrap resamples for kappa. seed: of numpy's default generator.

    Raises:
        ValueError: the shapes differ or do not fit the label set.
    """
    shape = reference.shape
    if shape != predicted.shape or reference.ndim != 2 or shape[1] != len(label_set):
        raise ValueError(f"shapes do not fit: reference {shape}, predicted {predicted.shape}")
    rng = np.random.default_rng(seed)
    wanted = _CERTAINTIES_OF[target]
    truth, said = np.isin(reference, wanted), np.isin(predicted, wanted)
    findings = []
    for place, name in enumerate(label_set.names):
        t, s = truth[:, place], said[:, place]
        tp, fp = int((t & s).sum()), int((~t & s).sum())
        fn, tn = int((t & ~s).sum()), int((~t & ~s).sum())
        findings.append(
            FindingFigures(
                name=name,
                tp=tp,
                fp=fp,
                fn=fn,
                tn=tn,
                sensitivity=proportion(tp, tp + fn),
                specificity=proportion(tn, tn + fp),
                ppv=proportion(tp, tp + fp),
                npv=proportion(tn, tn + fn),
                f1=f1_score(tp, fp, fn),
                kappa=kappa(reference[:, place], predicted[:, place], rng, rounds),
            )
        )
    alike = reference == predicted
    return Validation(
        target=target,
        reports=len(reference),
        findings=tuple(findings),
        agreement=proportion(int(alike.sum()), alike.size),
        exact=proportion(int(alike.all(axis=1).sum()), len(alike)),
        rounds=rounds,
        seed=seed,
    )


def wilson(hits: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, within 0 and 1; NaN where `total` is 0."""
    if not total:
        return _NAN, _NAN
    share, z2 = hits / total, z * z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    # At the ends the interval reaches 0 or 1 exactly; rounding must not push it beyond.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == total else min(1.0, middle + half)
    return low, high


def proportion(hits: int, total: int) -> Estimate:
    """A share with Wilson's interval."""
    if not total:
        return Estimate(_NAN, _NAN, _NAN)
    return Estimate(hits / total, *wilson(hits, total), hits, total)


def f1_score(tp: int, fp: int, fn: int) -> Estimate:
    """F1 with the interval of TP / (TP + FP + FN) carried over."""
    jaccard = proportion(tp, tp + fp + fn)
    if not jaccard.known:
        return Estimate(_NAN, _NAN, _NAN)
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value, low, high)


def kappa(
    one: NDArray[np.int8], other: NDArray[np.int8], rng: np.random.Generator, rounds: int
) -> Estimate:
    """Cohen's kappa of two columns of decisions, with a percentile bootstrap interval.

    Where all decisions are alike no resample could differ, so there is no interval. Resampling
    reports is drawing a new 4 × 4 table from the multinomial of the old one. It is not
    defined where both use one and the same certainty throughout.
    """
    size = len(CERTAINTIES)
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (one, other), 1)
    value = float(_kappas(table[None])[0])
    if math.isnan(value):
        return Estimate(_NAN, _NAN, _NAN)
    total = int(table.sum())
    if int(np.trace(table)) == total:
        return Estimate(value, _NAN, _NAN)
    drawn = rng.multinomial(total, table.ravel() / total, size=rounds).reshape(-1, size, size)
    values = _kappas(drawn)
    values = values[~np.isnan(values)]
    if not values.size:
        return Estimate(value, _NAN, _NAN)
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def _kappas(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kappa of each of (n, 4, 4) tables; NaN where chance alone would agree in all."""
    totals = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / np.maximum(totals, 1)
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / np.maximum(totals, 1) ** 2
    room = 1 - expected
    out = np.full(len(tables), np.nan)
    np.divide(observed - expected, room, out=out, where=(room > 1e-12) & (totals > 0))
    return out

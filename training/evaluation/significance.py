"""Intervals and paired tests over reports.

Reports are the unit everywhere: the decisions of one report hang together, so single decisions are
never resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.labels import LabelSet
from training.evaluation.figures import Counts, Figure, Figures, figures

#: Resamples of an interval, and exchanges of a test: the least p is 1 in 2,001.
ROUNDS: Final = 2_000
SEED: Final = 0
#: Differences that are equal but for rounding count as equal.
_EQUAL: Final = 1e-12


def resamples(strata: Sequence[int], rounds: int = ROUNDS, seed: int = SEED) -> NDArray[np.float64]:
    """How often each report is drawn: (rounds, reports), with replacement.

    The same matrix serves every system, so that their resamples are paired.

    Args:
        strata: sizes of the gold sets that stand one after another; each keeps its size.
    """
    rng = np.random.default_rng(seed)
    parts = [rng.multinomial(size, np.full(size, 1 / size), rounds) for size in strata]
    return np.concatenate(parts, axis=1).astype(np.float64)


def interval(values: Figure, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of resampled values (rounds,); NaN where none is known."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def swapped(
    label_set: LabelSet, first: Counts, second: Counts, rounds: int = ROUNDS, seed: int = SEED
) -> tuple[Figures, Figures]:
    """Figures of two systems after each report's decisions changed hands with chance 1/2.

    This is the world in which the two are equally good (Noreen 1989, approximate randomization).

    Args:
        first, second: (reports, k) counts of the same reports.
    """
    rng = np.random.default_rng(seed)
    kept = rng.integers(0, 2, (rounds, len(first))).astype(np.float64)
    moved = kept @ (first - second)
    return (
        figures(label_set, second.sum(axis=0) + moved),
        figures(label_set, first.sum(axis=0) - moved),
    )


def p_value(difference: float, chance: Figure) -> float:
    """Two-sided p of a difference among those that chance gives; never 0.

    Args:
        chance: (rounds,) differences in the world where the two systems are equally good.
    """
    as_far = np.abs(chance) >= abs(difference) - _EQUAL
    return float((1 + as_far.sum()) / (1 + len(chance)))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the order given.

    The smallest is multiplied by n, the next by n - 1, and so on; none falls below one before it.
    """
    corrected = [0.0] * len(values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - place) * values[index]))
        corrected[index] = highest
    return corrected

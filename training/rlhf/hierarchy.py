"""Rows of several seeds each, compared over reports and seeds at once.

A method is judged by what it does to reports and seeds that it has not met, so both are resampled
(hierarchical bootstrap; Davison and Hinkley 1997, section 3.8): in each round the reports are drawn
once for all rows, which pairs them, and the seeds for each row by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.labels import LabelSet
from training.evaluation import significance
from training.evaluation.figures import Counts, Figures, figures

#: Figures that are compared, and how each is taken from `Figures`.
FIGURES: Final = ("errors", "macro_f1", "positive_f1", "negative_f1", "uncertain_f1", "perfect")
_CERTAINTIES: Final = {"positive_f1": 0, "negative_f1": 1, "uncertain_f1": 2}


@dataclass(frozen=True)
class Difference:
    """A row less another in one figure.

    Attributes:
        interval: 95 %. p: two-sided; corrected: by Holm, among the rows that are compared with the
            same one in the same figure.
    """

    value: float
    interval: tuple[float, float]
    p: float
    corrected: float


class Hierarchy:
    """Rows on the same reports.

    Args:
        rows: for each row its seeds' counts, (reports, k) each, of the same reports.
        strata: sizes of the gold sets that stand one after another.

    Raises:
        ValueError: the rows are not of the same reports.
    """

    def __init__(
        self,
        label_set: LabelSet,
        rows: Mapping[str, Sequence[Counts]],
        strata: Sequence[int],
        rounds: int = significance.ROUNDS,
        seed: int = significance.SEED,
    ) -> None:
        if any(len(counts) != sum(strata) for seeds in rows.values() for counts in seeds):
            raise ValueError("the rows are not of the same reports")
        drawn = significance.resamples(strata, rounds, seed)
        rng = np.random.default_rng(seed + 1)
        self._point: dict[str, dict[str, float]] = {}
        self._rounds: dict[str, dict[str, NDArray[np.float64]]] = {}
        for name, seeds in rows.items():
            own = [figures(label_set, counts.sum(axis=0)) for counts in seeds]
            resampled = [figures(label_set, drawn @ counts) for counts in seeds]
            weights = rng.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), rounds)
            self._point[name] = {f: float(np.mean([_of(x, f) for x in own])) for f in FIGURES}
            self._rounds[name] = {
                f: _weighted(np.stack([_of(x, f) for x in resampled], axis=1), weights)
                for f in FIGURES
            }

    def value(self, row: str, figure: str) -> float:
        """The mean over seeds of a figure on all reports."""
        return self._point[row][figure]

    def interval(self, row: str, figure: str) -> tuple[float, float]:
        """Its 95 % interval over reports and seeds."""
        return significance.interval(self._rounds[row][figure])

    def differences(self, against: str, figure: str) -> dict[str, Difference]:
        """Every other row less one row."""
        others = [name for name in self._point if name != against]
        gaps = {n: self._rounds[n][figure] - self._rounds[against][figure] for n in others}
        ps = [p_value(gaps[name]) for name in others]
        corrected = significance.holm(ps)
        return {
            name: Difference(
                value=self._point[name][figure] - self._point[against][figure],
                interval=significance.interval(gaps[name]),
                p=p,
                corrected=q,
            )
            for name, p, q in zip(others, ps, corrected, strict=True)
        }


def p_value(gaps: NDArray[np.float64]) -> float:
    """Two-sided bootstrap p of a difference: twice the smaller share on one side of 0; never 0.

    Args:
        gaps: (rounds,) resampled differences; those that are not known are left out.
    """
    known = gaps[~np.isnan(gaps)]
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (1 + beyond) / (1 + len(known))))


def _of(found: Figures, figure: str) -> NDArray[np.float64]:
    if figure in _CERTAINTIES:
        return np.asarray(found.certainty_f1[..., _CERTAINTIES[figure]])
    return np.asarray(getattr(found, figure))


def _weighted(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over the seeds drawn in each round: (rounds, seeds) twice to (rounds,)."""
    return np.asarray((values * weights).sum(axis=1) / weights.sum(axis=1))

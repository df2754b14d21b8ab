"""Several systems on one or more gold sets: figures, paired resamples, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chexdesk.labels import CERTAINTIES, LabelSet
from training.evaluation import significance
from training.evaluation.figures import Counts, Figure, Figures, counts, figures
from training.evaluation.systems import About, Gold, System


@dataclass(frozen=True)
class Scored:
    """One system on the comparison's reports.

    Attributes:
        counts: (reports, k), what each report adds.
        figures: of all reports. resampled: of each resample, paired with the other systems'.
    """

    name: str
    about: About
    counts: Counts
    figures: Figures
    resampled: Figures

    def interval(self, figure: str) -> tuple[float, float]:
        """The 95 % interval of a single figure, by its name in `Figures`."""
        return significance.interval(getattr(self.resampled, figure))


@dataclass(frozen=True)
class Difference:
    """The model minus another system in one figure.

    Attributes:
        interval: 95 %, paired over reports. p: two-sided; corrected: by Holm, among the systems
            compared in the same figure on the same reports.
    """

    value: float
    interval: tuple[float, float]
    p: float
    corrected: float


class Comparison:
    """Systems on the reports of one gold set, or of several taken together.

    Args:
        golds: the sets. systems: for each set, those that are compared; only the ones with
            decisions on every set take part.
        rounds: of resampling, and of each test.

    Raises:
        ValueError: no system has decisions on every set.
    """

    def __init__(
        self,
        label_set: LabelSet,
        golds: Sequence[Gold],
        systems: Sequence[Sequence[System]],
        about: Mapping[str, About],
        rounds: int = significance.ROUNDS,
    ) -> None:
        self.label_set = label_set
        self.golds = tuple(golds)
        self.name = " + ".join(gold.name for gold in golds)
        self.rounds = rounds
        self.reports = sum(len(gold.ids) for gold in golds)
        named = [{system.name: system for system in each} for each in systems]
        shared = [name for name in named[0] if all(name in each for each in named)]
        if not shared:
            raise ValueError(f"no system has decisions on all of {self.name}")
        weights = significance.resamples([len(gold.ids) for gold in golds], rounds)
        self.scored = tuple(
            self._score(name, [each[name] for each in named], about.get(name, About(name)), weights)
            for name in shared
        )

    def _score(
        self, name: str, systems: Sequence[System], about: About, weights: NDArray[np.float64]
    ) -> Scored:
        pairs = zip(self.golds, systems, strict=True)
        each = np.concatenate([counts(self.label_set, g.decisions, s.decisions) for g, s in pairs])
        return Scored(
            name,
            about,
            each,
            figures(self.label_set, each.sum(axis=0)),
            figures(self.label_set, weights @ each),
        )

    @cached_property
    def support(self) -> NDArray[np.int64]:
        """How many gold decisions each finding has of each of `CERTAINTIES`: (findings, 4)."""
        gold = np.concatenate([gold.decisions for gold in self.golds])
        return np.stack([(gold == c).sum(axis=0) for c in range(len(CERTAINTIES))], axis=1)

    @cached_property
    def model(self) -> Scored | None:
        """The system that the others are compared with, where it takes part."""
        return next((scored for scored in self.scored if scored.about.ours), None)

    def differences(self, *names: str) -> dict[str, dict[str, Difference]]:
        """The model against every other system, by figure of `Figures` and by system.

        Empty where the model takes no part.
        """
        model = self.model
        if model is None:
            return {}
        others = [s for s in self.scored if s is not model and not s.about.ablation]
        chance = [
            significance.swapped(self.label_set, model.counts, other.counts, self.rounds)
            for other in others
        ]
        return {name: self._differences(model, others, chance, name) for name in names}

    @staticmethod
    def _differences(
        model: Scored,
        others: Sequence[Scored],
        chance: Sequence[tuple[Figures, Figures]],
        name: str,
    ) -> dict[str, Difference]:
        values = [float(_gap(model.figures, other.figures, name)) for other in others]
        ps = [
            significance.p_value(value, _gap(*pair, name))
            for value, pair in zip(values, chance, strict=True)
        ]
        spans = [
            significance.interval(_gap(model.resampled, other.resampled, name)) for other in others
        ]
        found = map(Difference, values, spans, ps, significance.holm(ps))
        return {other.name: difference for other, difference in zip(others, found, strict=True)}

    def by_length(self) -> list[tuple[str, dict[str, float]]]:
        """Macro F1 by system on the shortest, middle and longest third of the reports (Table 5).

        Returns:
            for each third its range of words and the figures.
        """
        words = np.concatenate([gold.words for gold in self.golds])
        order = np.argsort(words, kind="stable")
        found = []
        for part in np.array_split(order, 3):
            title = f"{words[part].min()}–{words[part].max()} words"
            sums = {s.name: s.counts[part].sum(axis=0) for s in self.scored}
            found.append(
                (title, {n: float(figures(self.label_set, c).macro_f1) for n, c in sums.items()})
            )
        return found


def _gap(first: Figures, second: Figures, figure: str) -> Figure:
    return np.asarray(getattr(first, figure) - getattr(second, figure))

"""Compare labels with gold labels, and show the figures as tables or JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from chexdesk.evaluation.gold import Labels, align
from chexdesk.evaluation.metrics import NEGATIVE, POSITIVE, UNCERTAIN, Scores, bootstrap, score
from chexdesk.labels import CERTAINTIES, LabelSet

#: Places after the point in JSON; tables show three.
_PLACES: Final = 4
#: The figures of `Scores` in the order of the tables, with their names there.
_TITLES: Final = {
    "macro_f1_paper": "macro F1, {paper} findings",
    "macro_f1_all": "macro F1, {all} findings",
    "mention_f1": "mention F1",
    "positive_f1": "positive F1",
    "negative_f1": "negative F1",
    "uncertain_f1": "uncertain F1",
    "errors_a_report": "errors a report",
    "perfect": "reports without error",
}


@dataclass(frozen=True)
class Evaluation:
    """One system against the gold.

    Attributes:
        reports: how many were compared.
        scores: the figures.
        intervals: 95 % bootstrap intervals, by the figures' names in `Scores`.
        support: gold decisions of shape (findings, certainties), in the orders of both.
    """

    label_set: LabelSet
    reports: int
    scores: Scores
    intervals: dict[str, tuple[float, float]]
    support: NDArray[np.int64]

    def as_dict(self) -> dict[str, Any]:
        """All figures by name, ready for JSON; a figure without support is None.

        `macro_f1_13` and `macro_f1_14` carry the numbers of findings that they average.
        """
        counts = _counts(self.label_set)
        names = {
            "macro_f1_paper": f"macro_f1_{counts['paper']}",
            "macro_f1_all": f"macro_f1_{counts['all']}",
        }
        figures = {names.get(n, n): _number(getattr(self.scores, n)) for n in _TITLES}
        intervals = {
            names.get(name, name): [_number(low), _number(high)]
            for name, (low, high) in self.intervals.items()
        }
        findings = {
            name: {
                "f1": _number(float(f1)),
                "support": {
                    certainty.value: int(count)
                    for certainty, count in zip(CERTAINTIES, support, strict=True)
                },
            }
            for name, f1, support in zip(
                self.label_set.names, self.scores.finding_f1, self.support, strict=True
            )
        }
        return {"reports": self.reports, **figures, "intervals": intervals, "findings": findings}


def compare(
    label_set: LabelSet,
    gold: Mapping[str, Labels],
    predicted: Mapping[str, Labels],
    *,
    rounds: int = 1000,
) -> Evaluation:
    """Score predictions against gold, matched by id; predictions for other reports do not count.

    Args:
        rounds: bootstrap resamples.

    Raises:
        LabelsError: a gold report has no prediction.
    """
    truth, answers = align(gold, predicted)
    return Evaluation(
        label_set=label_set,
        reports=len(truth),
        scores=score(label_set, truth, answers),
        intervals=bootstrap(label_set, truth, answers, rounds=rounds),
        support=np.stack([(truth == c).sum(axis=0) for c in range(len(CERTAINTIES))], axis=1),
    )


def print_table(evaluation: Evaluation, console: Console | None = None) -> None:
    """Print two tables: the figures with their intervals, and each finding's F1 with its support.

    Args:
        console: standard output where None.
    """
    out = console or Console()
    figures = Table(title=f"{evaluation.reports} reports", title_justify="left")
    figures.add_column("figure")
    figures.add_column("value", justify="right")
    figures.add_column("95 % interval", justify="right")
    for name, title in _TITLES.items():
        low, high = evaluation.intervals.get(name, (math.nan, math.nan))
        percent = name == "perfect"
        figures.add_row(
            title.format(**_counts(evaluation.label_set)),
            _shown(getattr(evaluation.scores, name), percent),
            "" if math.isnan(low) else f"{_shown(low, percent)} – {_shown(high, percent)}",
        )
    out.print(figures)
    findings = Table(title="each finding", title_justify="left")
    findings.add_column("finding")
    for column in ("F1", "positive", "negative", "uncertain"):
        findings.add_column(column, justify="right")
    for name, f1, support in zip(
        evaluation.label_set.names, evaluation.scores.finding_f1, evaluation.support, strict=True
    ):
        counts = (str(support[c]) for c in (POSITIVE, NEGATIVE, UNCERTAIN))
        findings.add_row(name, _shown(float(f1)), *counts)
    out.print(findings)


def _counts(label_set: LabelSet) -> dict[str, int]:
    left_out = sum(name in label_set.not_in_paper_average for name in label_set.names)
    return {"paper": len(label_set) - left_out, "all": len(label_set)}


def _shown(value: float, percent: bool = False) -> str:
    if math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _PLACES)

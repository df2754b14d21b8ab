"""Whether a new adapter may take the place of the one before: both on the same held-out reports."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from rich.table import Table

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labels import LabelSet
from training.evaluation.figures import Figures, counts, figures
from training.evaluation.significance import interval, resamples

#: How far a 95 % interval reaches, in standard errors.
_REACH: Final = 1.96
#: What a person reads of each of `Figures`, in the table's order.
TITLES: Final = {
    "errors": "errors a report (13)",
    "macro_f1": "macro F1 (13)",
    "uncertainty_micro": "uncertain F1 (14, micro)",
    "perfect": "share without error",
}


@dataclass(frozen=True)
class Change:
    """One figure before and after.

    Attributes:
        interval: 95 % bootstrap interval of after - before, paired over reports; NaN where the
            figure is not known.
    """

    before: float
    after: float
    interval: tuple[float, float]

    @property
    def difference(self) -> float:
        """After - before."""
        return self.after - self.before


@dataclass(frozen=True)
class Comparison:
    """Two adapters on n reports.

    Attributes:
        changes: by the names of `TITLES`.
        turned: mean square of the difference in errors, a report: what a paired interval's width
            hangs on. Where one decision at most changes in a report, it is how many turned right
            or wrong, a report.
    """

    reports: int
    changes: dict[str, Change]
    turned: float

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; a figure that is not known is None."""
        rounded = {
            name: {key: _rounded(value) for key, value in asdict(change).items()}
            for name, change in self.changes.items()
        }
        return {"reports": self.reports, **rounded, "turned": _rounded(self.turned)}


def compare(
    label_set: LabelSet, gold: Decisions, before: Decisions, after: Decisions
) -> Comparison:
    """Figures of two adapters' decisions, each of shape (reports, findings)."""
    first, second = counts(label_set, gold, before), counts(label_set, gold, after)
    weights = resamples([len(gold)])
    whole = figures(label_set, first.sum(axis=0)), figures(label_set, second.sum(axis=0))
    drawn = figures(label_set, weights @ first), figures(label_set, weights @ second)
    return Comparison(
        reports=len(gold),
        changes={name: _change(name, *whole, *drawn) for name in TITLES},
        turned=float(np.mean((_errors(label_set, first) - _errors(label_set, second)) ** 2)),
    )


def refusal(comparison: Comparison, tolerance: float) -> str | None:
    """Why the new adapter must not be promoted; None where it may be.

    Args:
        tolerance: errors a report that the new one may be worse by, at the bad end of the interval.
    """
    errors = comparison.changes["errors"]
    if errors.difference > 0:
        return f"it makes more errors a report: {errors.after:.3f}, before {errors.before:.3f}"
    worst = errors.interval[1]
    if worst > tolerance:
        return (
            f"it may make up to {worst:.3f} errors a report more (95 % interval), and "
            f"{tolerance:g} is tolerated; {reports_needed(comparison.turned, tolerance)} held-out "
            "reports would tell"
        )
    return None


def reports_needed(turned: float, tolerance: float) -> int:
    """How many reports bring half the width of the paired 95 % interval down to the tolerance.

    With n reports that half is about 1.96 * sqrt(turned / n) errors a report.

    Args:
        turned: as in `Comparison`.
    """
    return math.ceil((_REACH / tolerance) ** 2 * turned)


def table(comparison: Comparison) -> Table:
    """Before and after, for a person."""
    found = Table(title=f"{comparison.reports} held-out reports", title_justify="left")
    for column in ("", "before", "after", "difference", "95 %, paired"):
        found.add_column(column)
    for name, title in TITLES.items():
        change = comparison.changes[name]
        low, high = (_figure(bound, "+.3f") for bound in change.interval)
        both = (_figure(change.before, ".3f"), _figure(change.after, ".3f"))
        found.add_row(title, *both, _figure(change.difference, "+.3f"), f"{low} to {high}")
    return found


def _figure(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def _change(
    name: str, before: Figures, after: Figures, drawn_before: Figures, drawn_after: Figures
) -> Change:
    return Change(
        float(getattr(before, name)),
        float(getattr(after, name)),
        interval(np.asarray(getattr(drawn_after, name) - getattr(drawn_before, name))),
    )


def _errors(label_set: LabelSet, each: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    return figures(label_set, each).errors


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(each) for each in value]
    return None if math.isnan(value) else round(value, 4)

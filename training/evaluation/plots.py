"""The plots of `docs/results.md`. The same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from training.evaluation.comparison import Comparison, Scored
from training.evaluation.trust import Trust

mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "chexdesk",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "legend.frameon": False,
    }
)

_INK: Final = "#1f4e79"
_OTHERS: Final = ("#c8782a", "#5a8f5a", "#8a5a8f", "#777777")
_PALE: Final = "#bbbbbb"


def macro_f1(comparison: Comparison, path: Path) -> None:
    """Each system's macro F1 with its 95 % interval; the model darker than the others."""
    scored = comparison.scored[::-1]
    figure, axes = _new(6.4, 0.6 + 0.34 * len(scored))
    for place, s in enumerate(scored):
        colour = _INK if s.about.ours else "#777777"
        axes.plot(s.interval("macro_f1"), [place, place], color=colour, lw=1.6)
        axes.plot(float(s.figures.macro_f1), place, "o", color=colour, ms=5)
    axes.set_yticks(range(len(scored)), [s.about.title for s in scored])
    axes.set_xlabel(f"macro F1 on {comparison.name}, {comparison.reports} reports, 95 % interval")
    axes.grid(axis="x", color="#eeeeee")
    _save(figure, path)


def findings(comparison: Comparison, systems: Sequence[Scored], path: Path) -> None:
    """F1 of each finding for a few systems, ordered by the first one's."""
    first = np.nan_to_num(systems[0].figures.finding_f1)
    order = np.argsort(first, kind="stable")
    figure, axes = _new(6.4, 4.2)
    for s, colour, mark in zip(systems, (_INK, *_OTHERS), "osD^v", strict=False):
        axes.plot(
            s.figures.finding_f1[order],
            range(len(order)),
            mark,
            color=colour,
            ms=5,
            alpha=0.85,
            label=s.about.title,
        )
    axes.set_yticks(range(len(order)), [comparison.label_set.names[i] for i in order])
    axes.set_xlabel(f"F1 on {comparison.name}")
    axes.grid(color="#eeeeee")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    _save(figure, path)


def reliability(found: Sequence[Trust], path: Path) -> None:
    """Share right against confidence, a panel for each state of calibration."""
    figure = Figure(figsize=(3.1 * len(found), 3.1), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, entry in zip(panels, found, strict=True):
        axes.plot([0, 1], [0, 1], color=_PALE, lw=1)
        axes.plot(entry.bins[:, 0], entry.bins[:, 1], "o-", color=_INK, ms=4, lw=1)
        axes.set_title(f"{entry.state}, error {entry.calibration_error:.3f}", fontsize=9)
        axes.set_xlabel("confidence")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
    panels[0].set_ylabel("share right")
    _save(figure, path)


def selective(found: Sequence[Trust], path: Path) -> None:
    """Reports without error among those not reviewed, against the share sent to review."""
    figure, axes = _new(4.6, 3.2)
    for entry, colour in zip(found, (_PALE, _INK)[-len(found) :], strict=True):
        # The last few reports say nothing of a share.
        shown = entry.curve[entry.curve[:, 0] <= 0.9]
        axes.plot(shown[:, 0], shown[:, 2], color=colour, label=entry.state)
    axes.set_xlabel("share of reports sent to review")
    axes.set_ylabel("without error among the rest")
    axes.grid(color="#eeeeee")
    axes.legend()
    _save(figure, path)


def _new(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})

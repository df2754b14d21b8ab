"""The comparison as a JSON record and as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from training.rlhf.hierarchy import FIGURES, Difference, Hierarchy

#: Columns of the table, with the places after the point.
COLUMNS: Final = (
    ("errors", "errors a report", 3),
    ("macro_f1", "macro F1", 4),
    ("negative_f1", "negative F1", 3),
    ("uncertain_f1", "uncertain F1", 3),
    ("perfect", "without error", 3),
)


def record(
    hierarchy: Hierarchy, seeds: Mapping[str, int], against: Sequence[str]
) -> dict[str, Any]:
    """All figures, intervals and differences as plain values."""
    return {
        "rows": {
            row: {
                "seeds": count,
                **{
                    f: {"value": hierarchy.value(row, f), "interval": hierarchy.interval(row, f)}
                    for f in FIGURES
                },
            }
            for row, count in seeds.items()
        },
        "differences": {
            other: {
                f: {row: asdict(d) for row, d in hierarchy.differences(other, f).items()}
                for f in FIGURES
            }
            for other in against
        },
    }


def markdown(
    hierarchy: Hierarchy, seeds: Mapping[str, int], against: Sequence[str], golds: Sequence[str]
) -> str:
    """One table of the figures, then one for each row that the others are tested against."""
    parts = [
        f"On {' + '.join(golds)}. Means over seeds; 95 % intervals and two-sided p (plain / Holm "
        "over the rows of a column) by bootstrap over reports and seeds.\n",
        _table(
            ["row", "seeds", *(title for _, title, _ in COLUMNS)],
            [
                [row, str(count), *(_value(hierarchy, row, f, places) for f, _, places in COLUMNS)]
                for row, count in seeds.items()
            ],
        ),
    ]
    for other in against:
        gaps = {f: hierarchy.differences(other, f) for f, _, _ in COLUMNS}
        base = hierarchy.value(other, "errors")
        rows = [
            [
                row,
                _share(gaps["errors"][row].value, base),
                *(_gap(gaps[f][row], places) for f, _, places in COLUMNS),
            ]
            for row in seeds
            if row != other
        ]
        titles = ["row", "errors removed", *(title for _, title, _ in COLUMNS)]
        parts += [f"### Less {other}\n", _table(titles, rows)]
    return "\n".join(parts)


def _value(hierarchy: Hierarchy, row: str, figure: str, places: int) -> str:
    low, high = hierarchy.interval(row, figure)
    return f"{hierarchy.value(row, figure):.{places}f} ({low:.{places}f} to {high:.{places}f})"


def _gap(gap: Difference, places: int) -> str:
    low, high = gap.interval
    shown = f"{gap.value:+.{places}f} ({low:+.{places}f} to {high:+.{places}f})"
    return f"{shown}, p {gap.p:.3f} / {gap.corrected:.3f}"


def _share(gap: float, base: float) -> str:
    return "–" if not base else f"{-gap / base:.0%}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

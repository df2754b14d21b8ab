"""The screening's results as a Markdown table: `python -m training.formats.table`."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

#: Column titles, the fields they show, and the places after the point.
COLUMNS: Final = (
    ("macro F1 over 13", "macro_f1", 3),
    ("uncertain F1", "uncertain_f1", 3),
    ("errors a report", "errors_a_report", 3),
    ("held-out loss", "held_out_loss", 4),
    ("tokens read", "tokens_read", 0),
    ("training, minutes", "train_minutes", 1),
    ("labelling, s a report", "seconds_a_report", 3),
)


def table(results: Sequence[dict[str, Any]]) -> str:
    """One row a format, best macro F1 first; several seeds as mean ± standard deviation."""
    formats: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        line = {**result, "train_minutes": result["train_seconds"] / 60}
        formats.setdefault(result["format"], []).append(line)
    titles = ["format", "seeds", "steps", *(title for title, _, _ in COLUMNS)]
    rows = [titles, ["---", *["---:"] * (len(titles) - 1)]]
    ordered = sorted(formats.items(), key=lambda item: -_mean(item[1], "macro_f1"))
    for name, lines in ordered:
        steps = "/".join(str(n) for n in sorted({line["steps"] for line in lines}))
        cells = [_cell([line[column] for line in lines], places) for _, column, places in COLUMNS]
        rows.append([name, str(len(lines)), steps, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mean(lines: Sequence[dict[str, Any]], column: str) -> float:
    return statistics.fmean(line[column] for line in lines)


def _cell(given: Sequence[float | None], places: int) -> str:
    values = [value for value in given if value is not None]
    if not values:
        return "–"
    mean = f"{statistics.fmean(values):,.{places}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):,.{places}f}"


def read_results(path: Path) -> list[dict[str, Any]]:
    """The lines of a `results.jsonl`, as `training.formats.screen` writes it."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("training/runs/screen/results.jsonl"))
    print(table(read_results(parser.parse_args().results)))


if __name__ == "__main__":
    main()

"""What a run left of each update: a CSV, TensorBoard's events, and a plot for the docs.

python -m training.rlhf.curves RUN... --out docs/plots/rlhf.svg
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from torch.utils.tensorboard.writer import SummaryWriter

from training.rlhf.watch import parting

Row = dict[str, Any]

CSV: Final = "curves.csv"
#: What each panel of the plot shows, and how it is called there.
PANELS: Final = (
    ("reward", "reward of drawn answers"),
    ("held_reward", "reward, held out"),
    ("held_errors", "errors a report, held out"),
    ("held_macro_f1", "macro F1, held out"),
    ("kl", "KL to SFT, nats a decision"),
    ("value_loss", "value loss"),
    ("clip_fraction", "share clipped"),
    ("entropy", "entropy, nats a decision"),
)
_INK: Final = ("#1f4e79", "#c8782a", "#5a8f5a", "#8a5a8f", "#777777")


def write(folder: Path, rows: Sequence[Row]) -> None:
    """The whole of `curves.csv`; it appears whole or not at all."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    partial = folder / f"{CSV}.partial"
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(folder / CSV)


def read(folder: Path) -> list[dict[str, float | None]]:
    """The rows of a run, numbers all of them; None where a row has no such figure.

    Raises:
        FileNotFoundError: the folder holds no curves.
    """
    with (folder / CSV).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: float(text) if text else None for name, text in row.items()} for row in rows]


class Board:
    """TensorBoard's events of a run; what a killed run wrote after its checkpoint is dropped.

    Args:
        start: the first update that will be shown.
    """

    def __init__(self, folder: Path, start: int) -> None:
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=start)

    def show(self, row: Row) -> None:
        """One update's figures."""
        for name, value in row.items():
            if value is not None and name != "update":
                group = "held out" if name.startswith("held_") else "training"
                self._writer.add_scalar(
                    f"{group}/{name.removeprefix('held_')}", value, int(row["update"])
                )

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()


def plot(runs: Mapping[str, Sequence[dict[str, float | None]]], path: Path) -> None:
    """All runs in the same panels; a line where reward and agreement part. The bytes are stable.

    Args:
        runs: rows by the name that the legend gives.
    """
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "chexdesk", "font.size": 8}):
        figure = Figure(figsize=(9.0, 4.4), layout="constrained")
        panels = figure.subplots(2, len(PANELS) // 2).flat
        for axes, (name, title) in zip(panels, PANELS, strict=True):
            axes.set_title(title, fontsize=8)
            axes.grid(color="#eeeeee")
            axes.spines[["top", "right"]].set_visible(False)
            for colour, (run, rows) in zip(_INK, runs.items(), strict=False):
                points = [(row["update"], row.get(name)) for row in rows]
                known = [(x, y) for x, y in points if y is not None]
                axes.plot(
                    *zip(*known, strict=True), color=colour, lw=1.2, label=run
                ) if known else None
                if name.startswith("held_") and (parted := parted_at(rows)) is not None:
                    axes.axvline(parted, color=colour, ls=":", lw=1)
        figure.legend(
            *figure.axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=5
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def parted_at(rows: Sequence[dict[str, float | None]]) -> int | None:
    """The update at which reward and agreement part on the held-out reports, if they do."""
    looks = [
        (int(row["update"] or 0), reward, errors)
        for row in rows
        if (reward := row.get("held_reward")) is not None
        and (errors := row.get("held_errors")) is not None
    ]
    found = parting([reward for _, reward, _ in looks], [errors for *_, errors in looks])
    return None if found is None else looks[found][0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Plot the curves of runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="folders with curves.csv")
    parser.add_argument("--out", type=Path, default=Path("docs/plots/rlhf.svg"))
    args = parser.parse_args(arguments)
    runs = {run.as_posix().removeprefix("training/runs/"): read(run) for run in args.runs}
    plot(runs, args.out)
    for name, rows in runs.items():
        print(f"{name}: reward and agreement part at update {parted_at(rows)}")


if __name__ == "__main__":
    main()

"""Where to stop, by cross-validation over the reports that radiologists labelled.

    python -m training.rlhf_folds --config training/configs/ppo.yaml [--method M] [--reward R]

Runs a method for each fold, from the fold's own SFT adapter and with a reward that never saw the
fold, and looks at the held-out reports as it goes. `chosen.json` names the update with the least
errors a report over all folds; the rule was there before the runs (`watch.best`). Update 0 is SFT,
so the answer may be that the method is not to be used. Finished folds are not run again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from training import ppo
from training.rlhf import curves, watch
from training.rlhf.settings import Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what folds are not run yet, and choose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/ppo.yaml"))
    for name, kind in (("method", str), ("reward", str), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, help="instead of the configuration's")
    args = vars(parser.parse_args(arguments))
    path = args.pop("config")
    changes = {name: value for name, value in args.items() if value is not None}
    chosen = run(path, changes)
    print(chosen.read_text(encoding="utf-8"))


def run(path: Path, changes: dict[str, Any]) -> Path:
    """Cross-validate a configuration.

    Returns:
        `chosen.json` in the folder of the folds.

    Raises:
        ValueError: the configuration has no folds.
    """
    folds = (yaml.safe_load(path.read_text(encoding="utf-8")).get("folds") or {}).get("of", 0)
    if not folds:
        raise ValueError(f"{path} has no folds")
    settings = [Settings.load(path, changes, fold) for fold in range(folds)]
    for each in settings:
        if not (each.out / "adapter" / "training.json").is_file():
            ppo.train(each)
    rows = [curves.read(each.out) for each in settings]
    weights = [_held(each.out) for each in settings]
    record = choose(rows, weights)
    chosen = settings[0].out.parent / "chosen.json"
    chosen.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return chosen


def choose(
    rows: Sequence[Sequence[dict[str, float | None]]], weights: Sequence[int]
) -> dict[str, Any]:
    """The update to stop after, and what it was chosen from.

    Args:
        rows: of each fold's curves. weights: held-out reports of each fold.

    Returns:
        stop_after; looks: for each the update and the means over folds of errors, macro F1, reward
        and KL; parted_at_update: where reward and agreement part in those means, or None.

    Raises:
        ValueError: the folds were not looked at after the same updates.
    """
    looks = [[row for row in fold if row.get("held_errors") is not None] for fold in rows]
    updates = [[row["update"] for row in fold] for fold in looks]
    if any(each != updates[0] for each in updates):
        raise ValueError("the folds were not looked at after the same updates")
    errors = [[row["held_errors"] or 0.0 for row in fold] for fold in looks]
    total = sum(weights)
    means: list[dict[str, float]] = []
    for place, update in enumerate(updates[0]):
        at: dict[str, float] = {"update": int(update or 0)}
        for name in ("held_errors", "held_macro_f1", "held_reward", "held_kl"):
            values = [fold[place][name] or 0.0 for fold in looks]
            mean = sum(w * v for w, v in zip(weights, values, strict=True)) / total
            at[name.removeprefix("held_")] = round(mean, 5)
        means.append(at)
    parted = watch.parting([m["reward"] for m in means], [m["errors"] for m in means])
    return {
        "stop_after": means[watch.best(errors, weights)]["update"],
        "parted_at_update": None if parted is None else means[parted]["update"],
        "held_out_reports": total,
        "looks": means,
    }


def _held(run: Path) -> int:
    record = json.loads((run / "adapter" / "training.json").read_text(encoding="utf-8"))
    return int(record["examples"]["held out"])


if __name__ == "__main__":
    main()

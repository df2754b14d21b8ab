"""Methods side by side: the same updates and looks, several seeds each, tested over both.

    python -m training.rlhf_compare [--config training/configs/compare.yaml] [--only ROW...]
    python -m training.rlhf_compare --report

Trains what is not trained yet (seed by seed, so that a stopped comparison has whole seeds), labels
the gold sets, and compares. Leaves decisions files (no report's text), `results.json` and
`results.md`. `--report` only compares what decisions there are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from accelerate import PartialState
from numpy.typing import NDArray

from chexdesk.labels import LabelSet, chexpert14
from training import data, decisions, ppo, predict
from training.decisions import Decisions
from training.evaluation import systems
from training.evaluation.figures import Counts, counts
from training.rlhf import comparison_table, tables
from training.rlhf.best_of import best_of
from training.rlhf.hierarchy import Hierarchy
from training.rlhf.settings import Settings

#: Rows that train nothing.
START, BEST_OF = "start", "best-of"


@dataclass(frozen=True)
class Comparison:
    """The YAML, field by field; `training/configs/compare.yaml` explains each."""

    config: Path
    out: Path
    seeds: tuple[int, ...]
    golds: tuple[str, ...]
    against: tuple[str, ...]
    rounds: int
    common: dict[str, Any]
    rows: dict[str, dict[str, Any]]

    @staticmethod
    def load(path: Path) -> Comparison:
        """Read a configuration.

        Raises:
            ValueError: a field is missing or unknown, or a row has no method.
        """
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            fields = dict(raw)
            for name in ("config", "out"):
                fields[name] = Path(fields[name])
            for name in ("seeds", "golds", "against"):
                fields[name] = tuple(fields[name])
            found = Comparison(**fields)
            if any("method" not in row for row in found.rows.values()):
                raise ValueError("every row has a method")
            if not set(found.against) <= found.rows.keys():
                raise ValueError("what rows are compared with must be a row")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a configuration of a comparison ({error})") from error
        return found

    def seeds_of(self, row: str) -> tuple[int, ...]:
        """The SFT policy is one and has no seed of its own."""
        return self.seeds[:1] if self.rows[row]["method"] == START else self.seeds

    def settings(self, row: str, seed: int) -> Settings:
        """The run of a row: the configuration, but for what all rows and what this one say."""
        own = {name: v for name, v in (self.common | self.rows[row]).items() if name != "count"}
        if own["method"] in (START, BEST_OF):
            del own["method"]
        out = str(self.out / row / str(seed))
        return Settings.load(self.config, {**own, "seed": seed, "out": out})

    def decisions(self, row: str, seed: int, gold: str) -> Path:
        """Where a row's decisions on a gold set lie."""
        return decisions.path(f"{row}.{seed}", gold, self.out / "decisions")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/compare.yaml"))
    parser.add_argument("--only", nargs="+", metavar="ROW", help="of the configuration's rows")
    parser.add_argument("--seeds", nargs="+", type=int, help="instead of the configuration's")
    parser.add_argument("--report", action="store_true", help="train and label nothing")
    args = parser.parse_args(arguments)
    comparison = Comparison.load(args.config)
    if args.seeds:
        comparison = replace(comparison, seeds=tuple(args.seeds))
    if unknown := set(args.only or ()) - comparison.rows.keys():
        parser.error(f"no row {', '.join(sorted(unknown))} in {args.config}")
    label_set = chexpert14()
    if not args.report:
        for seed in comparison.seeds:
            for row in args.only or comparison.rows:
                if seed in comparison.seeds_of(row):
                    run(comparison, label_set, row, seed)
    print(report(comparison, label_set))


def run(comparison: Comparison, label_set: LabelSet, row: str, seed: int) -> None:
    """Train one row with one seed and label the gold sets; what is there already is left."""
    missing = [g for g in comparison.golds if not comparison.decisions(row, seed, g).is_file()]
    if not missing:
        return
    print(json.dumps({"row": row, "seed": seed}), flush=True)
    settings = comparison.settings(row, seed)
    method = comparison.rows[row]["method"]
    if method in (START, BEST_OF):
        adapter = settings.start
    else:
        adapter = settings.out / "adapter"
        if not (adapter / "training.json").is_file():
            ppo.train(settings)
    for name in missing:
        examples = data.read(systems.GOLD[name], label_set)
        texts = [example.text for example in examples]
        logits = _logits(settings, label_set, adapter, texts)
        chosen = logits.argmax(-1).astype(np.int8)
        probabilities: NDArray[np.float64] | None = _softmax(logits)
        if method == BEST_OF:
            reward = torch.from_numpy(ppo.rewards(settings, label_set, texts))
            count = comparison.rows[row]["count"]
            chosen = best_of(torch.from_numpy(logits), reward, count, seed)
            probabilities = None
        found = Decisions(
            system=f"{row}.{seed}",
            gold=name,
            ids=tuple(example.id for example in examples),
            certainties=chosen,
            probabilities=probabilities,
            command="python -m training.rlhf_compare",
            notes=json.dumps(comparison.rows[row]),
        )
        decisions.write(comparison.decisions(row, seed, name), found)
        if name == "dev":
            print("a look at dev: log it in docs/dev-looks.csv", flush=True)


def report(comparison: Comparison, label_set: LabelSet) -> str:
    """Compare the rows that have decisions on every gold set.

    Returns:
        the table; `results.json` and `results.md` are written beside the decisions.

    Raises:
        ValueError: no row is finished.
    """
    golds = [systems.read_gold(name, label_set) for name in comparison.golds]
    rows: dict[str, list[Counts]] = {}
    for row in comparison.rows:
        for seed in comparison.seeds_of(row):
            paths = [comparison.decisions(row, seed, gold.name) for gold in golds]
            if all(path.is_file() for path in paths):
                own = [
                    counts(
                        label_set, gold.decisions, systems.read_system(p, gold, label_set).decisions
                    )
                    for p, gold in zip(paths, golds, strict=True)
                ]
                rows.setdefault(row, []).append(np.concatenate(own))
    if not rows:
        raise ValueError(f"{comparison.out} holds no row with decisions on every gold set")
    hierarchy = Hierarchy(label_set, rows, [len(g.ids) for g in golds], comparison.rounds)
    seeds = {row: len(found) for row, found in rows.items()}
    against = [name for name in comparison.against if name in rows]
    record = comparison_table.record(hierarchy, seeds, against) | {"golds": comparison.golds}
    table = comparison_table.markdown(hierarchy, seeds, against, comparison.golds)
    (comparison.out / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    (comparison.out / "results.md").write_text(table, encoding="utf-8")
    return table


def _logits(
    settings: Settings, label_set: LabelSet, adapter: Path, texts: Sequence[str]
) -> tables.Table:
    def ask(some: Sequence[str]) -> tables.Table:
        model, _, wire = predict.load(adapter, settings.base, label_set)
        return predict.decision_logits(model.to(PartialState().device), wire, some)

    return tables.kept(settings.tables, adapter, texts, ask)


def _softmax(logits: tables.Table) -> NDArray[np.float64]:
    return torch.from_numpy(logits).double().softmax(-1).numpy()


if __name__ == "__main__":
    main()

"""How well the rule engine labels, and how fast.

    python -m benchmarks.rules [SET…] [--intervals]

A SET is `feedback`, `dev`, `openi`, `written`, or a labelled JSONL file: `id` or `uid`, `text`, and
`labels` as a list of 14 numbers or as `{finding: [value, quote]}`. `dev` only reports: log each
look at it in `docs/dev-looks.csv`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from chexdesk.evaluation.metrics import Decisions, bootstrap, score
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.report import Report

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
SETS = {
    "feedback": ("stanford_open.jsonl", "feedback"),
    "dev": ("stanford_open.jsonl", "dev"),
    "openi": ("openi_train.jsonl", None),
    "written": ("written_train.jsonl", None),
}


def read_labelled(name: str, label_set: LabelSet) -> tuple[list[Report], Decisions]:
    """Reports and gold decisions of shape (reports, findings)."""
    file, split = SETS.get(name, (name, None))
    path = EVAL / file if name in SETS else Path(file)
    reports, gold = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        if split is not None and row["split"] != split:
            continue
        labels = row["labels"]
        if isinstance(labels, dict):
            labels = [labels.get(finding, [None])[0] for finding in label_set.names]
        reports.append(Report(str(row.get("id", row.get("uid"))), row["text"]))
        gold.append([CERTAINTIES.index(Certainty.from_number(value)) for value in labels])
    return reports, np.array(gold, dtype=np.int8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the rule engine on labelled reports.")
    parser.add_argument("sets", nargs="*", default=["feedback", "openi", "written"])
    parser.add_argument("--intervals", action="store_true", help="95 % bootstrap intervals")
    chosen = parser.parse_args()
    labeler = RuleLabeler()
    label_set = labeler.label_set
    for name in chosen.sets:
        reports, gold = read_labelled(name, label_set)
        started = time.perf_counter()
        predictions = list(labeler.label(reports))
        seconds = time.perf_counter() - started
        rows = [[CERTAINTIES.index(c) for c in p.certainties] for p in predictions]
        predicted = np.array(rows, dtype=np.int8)
        scores = score(label_set, gold, predicted)
        intervals = bootstrap(label_set, gold, predicted) if chosen.intervals else {}
        print(f"{name}: {len(reports)} reports, {len(reports) / seconds:.0f} reports/s")
        for figure in type(scores).__dataclass_fields__:
            if figure == "finding_f1":
                continue
            low, high = intervals.get(figure, (None, None))
            span = "" if low is None else f"  [{low:.3f}, {high:.3f}]"
            print(f"  {figure:16s} {getattr(scores, figure):.4f}{span}")
        for finding, f1 in zip(label_set.names, scores.finding_f1, strict=True):
            print(f"    {finding:28s} {f1:.3f}")


if __name__ == "__main__":
    main()

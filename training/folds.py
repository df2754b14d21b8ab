"""Cross-validation of the last stage on the reports that radiologists labelled.

    python -m training.folds --config training/configs/sft.yaml [--of 5]

Each fold's model begins where the stages before ended, which never saw these labels, and is trained
on the other folds. Its logits on the held-out fold serve to choose, to calibrate, and as honest
errors for preferences (issue 5). Nothing is chosen by a fold's own figures: each trains for the
same, fixed number of steps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import score
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import CERTAINTIES, LabelSet, chexpert14
from chexdesk.reports.report import Report
from training import data, predict, sft

FEEDBACK = data.SourceSpec("feedback", "stanford_open.jsonl", split="feedback")


def main() -> None:
    """Train what folds are not trained yet, and put their logits together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/sft.yaml"))
    parser.add_argument("--of", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("training/runs/folds"))
    args = parser.parse_args()
    run(sft.Config.load(args.config), args.of, args.out)


def run(config: sft.Config, of: int, out: Path) -> Path:
    """Cross-validate a configuration.

    Returns:
        `<out>/feedback.npz`: ids (n,), logits (n, findings, 4), gold (n, findings) indices into
        `CERTAINTIES`, fold (n,), and reading (n, findings), the rule engine's. Folds that were
        finished before are not trained again.
    """
    label_set = chexpert14()
    examples = data.read(FEEDBACK, label_set)
    folds = np.array([data.fold(example.id, of) for example in examples])
    gold = np.array([example.answers for example in examples], dtype=np.int8)
    logits = np.zeros((*gold.shape, 4), dtype=np.float32)
    for index in range(of):
        here = [e for e, fold in zip(examples, folds, strict=True) if fold == index]
        logits[folds == index] = _fold_logits(config, of, index, out, here, label_set)
        seen = folds <= index
        print(json.dumps({"folds": index + 1} | figures(label_set, gold[seen], logits[seen])))
    path = out / "feedback.npz"
    ids = np.array([example.id for example in examples])
    raw = data.raw_texts(FEEDBACK)
    reading = rule_reading([raw[example.id] for example in examples])
    np.savez(path, ids=ids, logits=logits, gold=gold, fold=folds, reading=reading)
    return path


def rule_reading(texts: Sequence[str]) -> NDArray[np.int8]:
    """What the rule engine reads in raw reports: (n, findings) indices into `CERTAINTIES`."""
    found = RuleLabeler().label(Report("", text) for text in texts)
    rows = [[CERTAINTIES.index(c) for c in prediction.certainties] for prediction in found]
    return np.array(rows, dtype=np.int8)


def figures(
    label_set: LabelSet, gold: NDArray[np.int8], logits: NDArray[np.float32]
) -> dict[str, Any]:
    """What the decisions of these logits reach: macro F1 over 13 and the like."""
    scores = score(label_set, gold, logits.argmax(-1).astype(np.int8))
    return {
        "reports": len(gold),
        "macro_f1": round(scores.macro_f1_paper, 4),
        "uncertain_f1": round(scores.uncertain_f1, 4),
        "errors_a_report": round(scores.errors_a_report, 4),
    }


def _fold_logits(
    config: sft.Config,
    of: int,
    index: int,
    out: Path,
    here: list[data.Example],
    label_set: LabelSet,
) -> NDArray[np.float32]:
    folder = out / str(index)
    done = folder / "logits.npy"
    if done.is_file():
        return np.asarray(np.load(done))
    fold = {"source": FEEDBACK.name, "of": of, "index": index}
    adapter = sft.train(replace(config, out=folder, fold=fold))
    model, _, wire = predict.load(adapter, config.base, label_set)
    logits = predict.decision_logits(model, wire, [example.text for example in here])
    np.save(done, logits)
    return logits


if __name__ == "__main__":
    main()

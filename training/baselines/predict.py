"""Every compared system's decisions on a gold set, in one form (`training.decisions`).

python -m training.baselines.predict --system rules|pack|encoder|encoder-pseudo|frontier|
    base-zero|base-few --gold dev|openi_evidence|feedback [--pack DIR] [--name NAME]
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chexdesk import paths
from chexdesk.evaluation import metrics
from chexdesk.labeling.labeler import Labeler
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet, chexpert14
from chexdesk.reports.report import Report
from training import data, decisions
from training.baselines import encoder, prompted
from training.evaluation.systems import GOLD

Probabilities = NDArray[np.float64]

#: The frontier model's answers, given beside the gold.
FRONTIER: Final = "prompted_llm_dev.jsonl"
ENCODERS: Final = {
    "encoder": Path("training/configs/encoder.yaml"),
    "encoder-pseudo": Path("training/configs/pseudo.yaml"),
}
SYSTEMS: Final = ("rules", "pack", *ENCODERS, "frontier", "base-zero", "base-few")


def main() -> None:
    """Write one decisions file."""
    label_set = chexpert14()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--system", choices=SYSTEMS, required=True)
    parser.add_argument("--gold", choices=list(GOLD), required=True)
    parser.add_argument("--pack", type=Path, default=paths.default_pack())
    parser.add_argument(
        "--alone", action="store_true", help="the pack's model without bias and second witness"
    )
    parser.add_argument("--url", help="an OpenAI-compatible server to prompt instead of the base")
    parser.add_argument("--model", default="default", help="the model's name on that server")
    parser.add_argument("--name", help="what the decisions are filed under; the system otherwise")
    parser.add_argument("--notes", default="")
    args = parser.parse_args()
    rows = list(data.raw_texts(GOLD[args.gold]).items())
    name = args.name or args.system
    found, probabilities = decide(args, rows, label_set)
    target = decisions.path(name, args.gold)
    decisions.write(
        target,
        decisions.Decisions(
            name,
            args.gold,
            tuple(key for key, _ in rows),
            found,
            probabilities,
            command=shlex.join(["python", "-m", "training.baselines.predict", *sys.argv[1:]]),
            notes=args.notes,
        ),
    )
    print(target)


def decide(
    args: argparse.Namespace, rows: Sequence[tuple[str, str]], label_set: LabelSet
) -> tuple[metrics.Decisions, Probabilities | None]:
    """Decisions (reports, findings) and, where the system has them, probabilities.

    Args:
        rows: id and raw text of each report.
    """
    if args.system == "frontier":
        return _frontier([key for key, _ in rows], label_set), None
    if args.system in ENCODERS:
        config = encoder.Config.load(ENCODERS[args.system])
        model, tokenizer = encoder.load(
            config.out / "adapter" / encoder.WEIGHTS, config.base, label_set
        )
        return _from_logits(
            encoder.decide(model, tokenizer, [data.model_text(text) for _, text in rows])
        )
    if args.system in ("base-zero", "base-few"):
        shots = prompted.examples(label_set) if args.system == "base-few" else []
        if args.url:
            return prompted.ask_server(args.url, args.model, rows, shots, label_set), None
        return prompted.ask_base(rows, shots, label_set), None
    labeler: Labeler = (
        RuleLabeler()
        if args.system == "rules"
        else LlamaLabeler(args.pack, label_set, alone=args.alone)
    )
    try:
        found = list(labeler.label(Report(key, text) for key, text in rows))
    finally:
        labeler.close()
    places = [[CERTAINTIES.index(c) for c in prediction.certainties] for prediction in found]
    known = [prediction.probabilities for prediction in found]
    probabilities = np.array(known, dtype=np.float64) if all(known) else None
    return np.array(places, dtype=np.int8), probabilities


def _frontier(ids: Sequence[str], label_set: LabelSet) -> metrics.Decisions:
    """Answers of `prompted_llm_dev.jsonl`, in the order of the ids.

    Raises:
        KeyError: it has no answer for a report.
    """
    answers: dict[str, Any] = {}
    for line in (data.EVAL / FRONTIER).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers[str(row["id"])] = row["labels"]
    found = []
    for key in ids:
        given = answers[key]
        numbers = given if isinstance(given, list) else [given.get(n) for n in label_set.names]
        found.append([CERTAINTIES.index(Certainty.from_number(number)) for number in numbers])
    return np.array(found, dtype=np.int8)


def _from_logits(logits: NDArray[np.float32]) -> tuple[metrics.Decisions, Probabilities]:
    e = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return logits.argmax(-1).astype(np.int8), e / e.sum(-1, keepdims=True)


if __name__ == "__main__":
    main()

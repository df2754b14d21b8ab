"""Each quantization: size, agreement with the torch model, speed.

    .venv/bin/python benchmarks/quantizations.py [--reports 50] [--only Q8_0 Q4_0 …]

Agreement is counted over all decisions on the 50 reference reports of our own, and, where
`../shared/eval` is there, on the first reports of the OpenI evidence file and of `feedback`. Speed
is of the engine itself on the same reports, the best of some rounds, as a ratio to the slowest.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from chexdesk import paths
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labels import CERTAINTIES, chexpert14
from chexdesk.reports.report import Report
from export.default_pack import make
from export.quantize import QUANTIZATIONS
from training import data, predict

PACKS = Path("build/packs")


def main() -> None:
    label_set = chexpert14()
    adapter = paths.resources() / "adapter" / label_set.name
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--only", nargs="*", choices=list(QUANTIZATIONS), default=None)
    args = parser.parse_args()
    texts = _texts(args.reports)
    model, _, wire = predict.load(adapter, None, label_set)
    torch_says = predict.decision_logits(model, wire, [data.model_text(t) for t in texts])
    wanted = torch_says.argmax(-1)
    del model
    rows = []
    for quantization in args.only or QUANTIZATIONS:
        out = PACKS / quantization
        make(None, adapter, quantization, out)
        labeler = LlamaLabeler(out, label_set)
        reports = [Report(str(n), text) for n, text in enumerate(texts)]
        seconds, found = min(_timed(labeler, reports) for _ in range(args.rounds))
        labeler.close()
        manifest = json.loads((out / "manifest.json").read_text())
        rows.append(
            {
                "quantization": quantization,
                "mb": round((out / "model.gguf").stat().st_size / 1e6),
                "reference": manifest["verification"]["agreement"],
                "real": round(float((np.array(found) == wanted).mean()), 4),
                "reports_a_second": round(len(texts) / seconds, 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    slowest = min(row["reports_a_second"] for row in rows)
    print(f"\n| | MB | agrees, reference | agrees, {len(texts)} real | speed |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['quantization']} | {row['mb']} | {row['reference']:.2%} | {row['real']:.2%} "
            f"| {row['reports_a_second'] / slowest:.2f} |"
        )


def _texts(count: int) -> list[str]:
    rows = [
        json.loads(line)
        for name in ("openi_evidence_open.jsonl", "stanford_open.jsonl")
        for line in (data.EVAL / name).read_text(encoding="utf-8").split("\n")
        if line
    ]
    return [row["text"] for row in rows if row.get("split") != "dev"][:count]


def _timed(labeler: LlamaLabeler, reports: list[Report]) -> tuple[float, list[list[int]]]:
    start = time.perf_counter()
    found = [[CERTAINTIES.index(c) for c in p.certainties] for p in labeler.label(reports)]
    return time.perf_counter() - start, found


if __name__ == "__main__":
    main()

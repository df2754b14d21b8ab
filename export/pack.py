"""Write a model pack so that it is whole and verified, or not there at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chexdesk.labeling.pack import FORMAT, MANIFEST_FILE, MODEL_FILE, WIRE
from chexdesk.labeling.wire import PROMPT_VERSION
from chexdesk.labels import LabelSet
from export.base import sha256
from export.quantize import quantize


class VerificationError(RuntimeError):
    """The pack does not say what the trained model says; nothing was left behind."""


@contextmanager
def scratch(out: Path) -> Iterator[Path]:
    """A folder beside `out` that is gone afterwards, whatever happened."""
    folder = out.with_name(f".{out.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pack(
    merged: Path,
    out: Path,
    *,
    quantization: str,
    label_set: LabelSet,
    facts: dict[str, Any],
    verify: Callable[[Path], dict[str, Any]],
) -> dict[str, Any]:
    """Quantize, describe, verify, and only then put the pack in place.

    Args:
        merged: the F16 GGUF. facts: what the manifest says beyond the file itself: name, version,
            base, adapter, calibration, metrics.
        verify: called with the finished pack's temporary folder; returns figures for the manifest.

    Returns:
        the manifest.

    Raises:
        VerificationError: from `verify`.
        QuantizeError: from the quantization.
    """
    with scratch(out) as folder:
        model = folder / MODEL_FILE
        quantize(merged, model, quantization)
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "sha256": sha256(model),
            "quantization": quantization,
            "wire": WIRE,
            "prompt_version": PROMPT_VERSION,
            "label_set": {
                "name": label_set.name,
                "version": label_set.version,
                "findings": list(label_set.names),
            },
            **facts,
        }
        _write(folder / MANIFEST_FILE, manifest)
        manifest["verification"] = verify(folder)
        _write(folder / MANIFEST_FILE, manifest)
        out.mkdir(parents=True, exist_ok=True)
        # Without a manifest there is no pack: taken away first and put back last, a kill in
        # between leaves none, and never one that describes another file.
        (out / MANIFEST_FILE).unlink(missing_ok=True)
        model.replace(out / MODEL_FILE)
        (folder / MANIFEST_FILE).replace(out / MANIFEST_FILE)
    return manifest


def _write(path: Path, manifest: dict[str, Any]) -> None:
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

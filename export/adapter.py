"""The adapter in the repository: low-rank weights, and what is known of them. No torch.

A folder with `adapter_model.safetensors` and `adapter_config.json` as PEFT writes them, and
`adapter.json` of our own: name, version, wire format, calibration, figures, reference decisions.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

CARD_FILE: Final = "adapter.json"
WEIGHTS_FILE: Final = "adapter_model.safetensors"
_PREFIX: Final = "base_model.model."


class AdapterError(RuntimeError):
    """The folder holds no adapter that can be merged; the message says why."""


@dataclass(frozen=True)
class Adapter:
    """Low-rank updates of a base model's weights (Hu et al. 2021, equation 3).

    Attributes:
        factors: for each weight, by its Hugging Face name, A (rank, in) and B (out, rank), float32.
        scale: what B·A is multiplied by.
        card: the content of `adapter.json`.
        sha256: of the weights file.
    """

    factors: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    scale: float
    card: dict[str, Any]
    sha256: str

    def delta(self, name: str) -> NDArray[np.float32] | None:
        """What is added to the weight of that Hugging Face name, (out, in), or None."""
        if name not in self.factors:
            return None
        a, b = self.factors[name]
        return np.asarray(self.scale * (b @ a), dtype=np.float32)


def load(folder: Path) -> Adapter:
    """Read an adapter.

    Raises:
        AdapterError: a file is missing or damaged, or the adapter is of a kind we cannot merge.
    """
    weights = folder / WEIGHTS_FILE
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        factors = _factors(weights)
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise AdapterError(f"{folder} is no adapter that can be read: {error}") from error
    if config.get("use_dora") or config.get("bias", "none") != "none":
        raise AdapterError(f"{folder}: only plain LoRA adapters can be merged")
    scale = alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
    return Adapter(factors, scale, card, digest)


def _factors(weights: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    halves: dict[str, dict[str, NDArray[np.float32]]] = {}
    with safe_open(str(weights), framework="numpy") as file:
        for key in file.keys():  # noqa: SIM118 (the handle is no mapping)
            stem, _, which = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
            if which not in ("lora_A", "lora_B"):
                raise ValueError(f"unknown tensor {key}")
            halves.setdefault(f"{stem}.weight", {})[which] = file.get_tensor(key).astype(np.float32)
    return {name: (half["lora_A"], half["lora_B"]) for name, half in halves.items()}

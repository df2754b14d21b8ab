"""Decisions of a torch model: for held-out figures, references and the check of exported packs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel

from chexdesk.labeling import wire as wire_format
from chexdesk.labeling.wire import Wire
from chexdesk.labels import LabelSet
from training import base, slots


def load(checkpoint: Path, base_folder: Path | None, label_set: LabelSet) -> tuple[Any, Any, Wire]:
    """Model (merged, evaluating), tokenizer and wire format of an adapter or a whole checkpoint."""
    is_adapter = (checkpoint / "adapter_config.json").is_file()
    model, tokenizer = base.load(base.ensure(base_folder) if is_adapter else checkpoint)
    if is_adapter:
        model = PeftModel.from_pretrained(model, str(checkpoint)).merge_and_unload()
    model.eval()
    return model, tokenizer, wire(tokenizer, label_set)


def wire(tokenizer: Any, label_set: LabelSet) -> Wire:
    """The wire format in a Hugging Face tokenizer's tokens.

    A special token that is spelled out in a report is split like any other text: only so does a
    report say nothing in a voice that is not its own, and only so do llama.cpp's tokens agree.
    """
    return wire_format.build(
        label_set,
        lambda text: tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True),
        tokenizer.bos_token_id if getattr(tokenizer, "add_bos_token", False) else None,
    )


def decision_logits(
    model: Any, wire: Wire, texts: Sequence[str], batch: int = 8
) -> NDArray[np.float32]:
    """Logits of the four answers: (texts, findings, 4).

    Args:
        texts: what the model reads, as `wire.report_text` gives it.
    """
    found = []
    with torch.no_grad():
        for start in range(0, len(texts), batch):
            packed = slots.pack(wire, [wire.report(text) for text in texts[start : start + batch]])
            found.append(slots.decision_logits(model, wire, packed)[1].float().cpu().numpy())
    return np.concatenate(found)

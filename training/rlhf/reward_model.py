"""The reward model: a base with an adapter and a scalar head, read at the answers.

r_φ(x, y) = Σ_f r_φ(x, f, y_f): an output's reward is the sum of its decisions' rewards, and each is
read off the answer's own token (`training.rlhf.answer_slots`). So each decision has a credit of its
own, and one table (findings, 4) holds the reward of every possible output of a report.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from peft import (
    LoraConfig,
    PeftModel,
    TaskType,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

from chexdesk.labeling.wire import Wire
from chexdesk.labels import LabelSet
from training import base, predict
from training.rlhf import answer_slots

_WEIGHTS: Final = "adapter_model.safetensors"


def begin(
    base_folder: Path | None, adapter: Path, label_set: LabelSet, precision: str = "auto"
) -> tuple[Any, Any, Wire]:
    """A reward model to train: an SFT adapter's weights, and a head that knows nothing yet.

    Returns:
        model, tokenizer and wire format.

    Raises:
        FileNotFoundError: there is no such adapter.
        ValueError: the adapter does not fit the base.
    """
    settings_file = adapter / "adapter_config.json"
    if not settings_file.is_file():
        raise FileNotFoundError(f"{adapter} holds no adapter; train it first (training.sft)")
    settings = json.loads(settings_file.read_text(encoding="utf-8"))
    model, tokenizer = _bare(base.ensure(base_folder), base.dtype_for(precision))
    # The head lies in the adapter too (`modules_to_save`): the base stays as it is, and shared.
    config = LoraConfig(
        r=settings["r"],
        lora_alpha=settings["lora_alpha"],
        target_modules=sorted(settings["target_modules"]),
        task_type=TaskType.TOKEN_CLS,
    )
    model = get_peft_model(model, config)
    own, known = get_peft_model_state_dict(model), load_file(str(adapter / _WEIGHTS))
    strange = known.keys() - own.keys()
    if strange:
        raise ValueError(f"{adapter} does not fit the base: it has {min(strange)}")
    set_peft_model_state_dict(model, own | known)
    return model, tokenizer, predict.wire(tokenizer, label_set)


def load(
    adapter: Path, base_folder: Path | None, label_set: LabelSet, precision: str = "float32"
) -> tuple[Any, Wire]:
    """A trained reward model (merged, evaluating) and its wire format.

    Raises:
        FileNotFoundError: there is no such adapter.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise FileNotFoundError(f"{adapter} holds no reward model; train it (training.reward)")
    model, tokenizer = _bare(base.ensure(base_folder), base.dtype_for(precision))
    model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    model.eval()
    return model, predict.wire(tokenizer, label_set)


def rewards(model: Any, packed: dict[str, Tensor]) -> Tensor:
    """r of each asked answer: (k,) in float32, in the order of `packed["asked"]`."""
    names = ("input_ids", "position_ids", "blocks", "parents")
    device = next(model.parameters()).device
    inputs = {name: packed[name].to(device) for name in names}
    read = model(**inputs, use_cache=False).logits[0, :, 0]
    found: Tensor = read[packed["places"].to(read.device)].float()
    return found


def table(
    model: Any, wire: Wire, texts: Sequence[str], batch: int = 8, *, blind: bool = False
) -> NDArray[np.float32]:
    """The reward of every answer: (texts, findings, 4), all of a report from one pass.

    Only differences between the answers of one finding mean something.

    Args:
        texts: what the model reads, as `wire.report_text` gives it.
        blind: take the reports away, for the control that must not know what is right.
    """
    asked = answer_slots.everything(wire)
    found = np.zeros((len(texts), len(wire.markers), len(wire.answers)), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(texts), batch):
            part = ["" if blind else text for text in texts[start : start + batch]]
            packed = answer_slots.pack(wire, [wire.report(t) for t in part], [asked] * len(part))
            own = rewards(model, packed).cpu().numpy()
            found[start : start + len(part)] = own.reshape(-1, *found.shape[1:])
    return found


def _bare(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # Else it warns that the head is new, as if that were wrong.
    try:
        # Token classification with one label is a scalar head at every token.
        model = AutoModelForTokenClassification.from_pretrained(
            str(folder), num_labels=1, dtype=dtype
        )
    finally:
        logging.set_verbosity(level)
    model.set_attn_implementation(answer_slots.ATTENTION)
    return model, AutoTokenizer.from_pretrained(str(folder))

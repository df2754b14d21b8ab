"""The policy: a frozen base, the adapter that learns, and a value for each slot.

The base's weights are there once, whatever stands on it. What PPO holds the policy to (the SFT
policy) and what rewards it (the reward model) are further adapters on the same base; as both are
frozen and a report has but 14 times 4 answers, they are asked once, before training
(`training.rlhf.tables`), and only the policy is ever run in the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from chexdesk.labeling.wire import Wire
from training import slots


class Policy(nn.Module):
    """π_θ and V_ψ of a report, both at its slots.

    V_ψ is linear in the slot's last hidden state, with weights of its own for each finding, and
    lets no gradient through: the adapter learns from the policy's objective alone, so no weight
    has to be found between the two losses. It begins at 0, which is what the policy that it begins
    with earns (`tables.gained`).

    Args:
        model: a base with a trainable adapter, loaded for the slot format (`training.base.load`).
    """

    def __init__(self, model: PeftModel, wire: Wire) -> None:
        super().__init__()
        self.model = model
        self.wire = wire
        hidden = model.config.get_text_config().hidden_size
        device = model.device
        self.value_weight = nn.Parameter(torch.zeros(len(wire.markers), hidden, device=device))
        self.value_bias = nn.Parameter(torch.zeros(len(wire.markers), device=device))
        # What FSDP may not divide: it looks for this on the module that it is given.
        self._no_split_modules = list(getattr(model.get_base_model(), "_no_split_modules", ()))

    def forward(self, reports: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Logits of the four answers and the value at each slot, in float32.

        Only the four answers' rows of the output layer are multiplied.

        Args:
            reports: the tokens of n reports, as `Wire.report` gives them.

        Returns:
            (n, f, 4) and (n, f).
        """
        packed = slots.pack(self.wire, reports)
        places = packed.pop("logits_to_keep")
        base: Any = self.model.get_base_model()
        device = self.value_bias.device
        inputs = {name: tensor.to(device) for name, tensor in packed.items()}
        read = base.base_model(**inputs, markers=len(self.wire.markers), use_cache=False)
        states = read.last_hidden_state[0, places.to(device)]
        answers = torch.tensor(self.wire.answers, device=device)
        logits = states @ base.get_output_embeddings().weight[answers].T
        states = states.view(len(reports), len(self.wire.markers), -1)
        values = (states.detach().float() * self.value_weight).sum(-1) + self.value_bias
        return logits.float().view(*values.shape, len(answers)), values

    def save_memory(self) -> None:
        """Keep each layer's input only, and compute the layer again in the backward pass."""
        self.model.gradient_checkpointing_enable()
        self.model.enable_input_require_grads()
        self.model.train()  # In evaluation transformers would ignore the above.

    def adapter(self) -> Iterator[nn.Parameter]:
        """The adapter's trainable weights."""
        return (p for p in self.model.parameters() if p.requires_grad)

    def value_head(self) -> list[nn.Parameter]:
        """V_ψ's own weights."""
        return [self.value_weight, self.value_bias]


def load(model: Any, adapter: Path, wire: Wire) -> Policy:
    """A policy that begins as an SFT adapter.

    Args:
        model: the bare base (`training.base.load`). adapter: the folder of the SFT adapter.

    Raises:
        FileNotFoundError: the folder holds no adapter.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise FileNotFoundError(f"{adapter} holds no adapter; train it first (training.sft)")
    return Policy(PeftModel.from_pretrained(model, str(adapter), is_trainable=True), wire)

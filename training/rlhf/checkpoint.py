"""A run on disk: all that a resumed run needs to be the unbroken one, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)

from training.rlhf.curves import Row
from training.rlhf.kl import Controller
from training.rlhf.rollout import Order

#: Only what is trained, gathered from all GPUs; the base stays where it is.
_OPTIONS = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
_LOADED = StateDictOptions(full_state_dict=True, ignore_frozen_params=True, strict=False)

#: Where `Policy` holds the model.
_MODEL: Final = "model."


@dataclass
class Run:
    """What changes while a policy learns.

    Attributes:
        identity: what the run is; a checkpoint of another run is refused.
        order: of the reports. Its generator also draws the answers and the minibatches.
        update: updates done. steps: of the optimizer. rows: of the curves.
    """

    identity: dict[str, Any]
    policy: nn.Module
    optimizer: torch.optim.Optimizer
    order: Order
    kl: Controller
    update: int = 0
    steps: int = 0
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)

    def save(self, path: Path, *, write: bool = True) -> None:
        """Write the run; the file appears whole or not at all.

        Args:
            write: of several processes all gather the weights, and one writes them.
        """
        weights, optimizer = get_state_dict(self.policy, self.optimizer, options=_OPTIONS)
        if not write:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        state = {
            "identity": self.identity,
            "weights": weights,
            "optimizer": optimizer,
            "generator": self.order.generator.get_state(),
            "left": self.order.left,
            "coefficient": self.kl.coefficient,
            "update": self.update,
            "steps": self.steps,
            "seconds": self.seconds,
            "rows": self.rows,
        }
        torch.save(state, partial)
        partial.replace(path)

    def adapter(self) -> dict[str, Any]:
        """The adapter's weights, by the names that PEFT knows them by."""
        weights = get_model_state_dict(self.policy, options=_OPTIONS)
        return {
            name.removeprefix(_MODEL): weight
            for name, weight in weights.items()
            if name.startswith(_MODEL)
        }

    def resume(self, path: Path) -> None:
        """Take up a run where it was saved; nothing happens where there is no file.

        Raises:
            ValueError: the file is of another run.
        """
        if not path.is_file():
            return
        state = torch.load(path, weights_only=True, map_location="cpu")
        if state["identity"] != self.identity:
            raise ValueError(f"{path} is of another run; remove it, or give another --out")
        set_state_dict(
            self.policy,
            self.optimizer,
            model_state_dict=state["weights"],
            optim_state_dict=state["optimizer"],
            options=_LOADED,
        )
        self.order.generator.set_state(state["generator"])
        self.order.left = state["left"]
        self.kl.coefficient = state["coefficient"]
        self.update, self.steps = state["update"], state["steps"]
        self.seconds, self.rows = state["seconds"], state["rows"]

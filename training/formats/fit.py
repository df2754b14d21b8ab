"""A plain training loop, the same for every format: AdamW, warm-up, cosine, checkpoints.

Minimises the mean negative log-likelihood of the tokens that a format takes its loss on. Equation 1
of the CheX-LLM paper sums over a report's tokens; the mean differs by a factor that AdamW divides
out again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from training.data import Example
from training.formats import blocks
from training.formats.layouts import Format

#: Steps between two printed losses.
PRINTED: Final = 10
#: As in the trainer that trains the shipped adapter.
MAX_NORM: Final = 1.0


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: optimizer steps in all. batch: reports a step. rate: the highest learning rate.
        warmup: share of the steps in which the rate rises to it. save_every: steps between
            checkpoints.
    """

    steps: int
    batch: int
    rate: float
    warmup: float
    save_every: int

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0: up in a line, down in half a cosine."""
        rising = max(1, round(self.steps * self.warmup))
        if step < rising:
            return self.rate * (step + 1) / rising
        done = (step - rising) / max(1, self.steps - rising)
        return self.rate * (1 + math.cos(math.pi * done)) / 2


@dataclass
class Progress:
    """What a run has used so far, over all the sessions that it took.

    Attributes:
        seconds: wall time in training steps. tokens: tokens read, the instruction once a step.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0


def fit(
    model: Any,
    layout: Format,
    examples: Sequence[Example],
    schedule: Schedule,
    checkpoint: Path,
    identity: dict[str, Any],
) -> Progress:
    """Train in the examples' order, taking up at the checkpoint where there is one.

    Args:
        model: with the trainable parameters (an adapter's) and the attention `blocks.ATTENTION`.
        examples: `steps * batch` of them.
        identity: what the run is; a checkpoint of another run is refused.

    Raises:
        ValueError: the checkpoint belongs to another run, or the examples are not as many.
    """
    if len(examples) != schedule.steps * schedule.batch:
        raise ValueError(f"{len(examples)} reports are not {schedule.steps} x {schedule.batch}")
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(list(trained.values()), lr=schedule.rate, weight_decay=0.0)
    progress = _resume(checkpoint, identity, trained, optimizer)
    model.train()
    losses: list[float] = []
    while progress.step < schedule.steps:
        began = time.perf_counter()
        first = progress.step * schedule.batch
        rows = [layout.row(example) for example in examples[first : first + schedule.batch]]
        packed = blocks.pack(layout.wire.prefix, rows)
        logits = blocks.logits(model, packed, layout.markers)
        loss = cross_entropy(logits.float(), packed["targets"].to(logits.device))
        loss.backward()
        clip_grad_norm_(trained.values(), MAX_NORM)
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(progress.step)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        progress.step += 1
        progress.tokens += packed["input_ids"].numel()
        progress.seconds += time.perf_counter() - began
        if progress.step % PRINTED == 0:
            mean = sum(losses) / len(losses)
            print(f"step {progress.step} loss {mean:.4f} {progress.seconds:.0f} s", flush=True)
            losses.clear()
        if progress.step % schedule.save_every == 0 or progress.step == schedule.steps:
            _save(checkpoint, identity, progress, trained, optimizer)
    model.eval()
    return progress


def _resume(
    checkpoint: Path,
    identity: dict[str, Any],
    trained: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> Progress:
    if not checkpoint.is_file():
        return Progress()
    state = torch.load(checkpoint, weights_only=True)
    if state["identity"] != identity:
        raise ValueError(f"{checkpoint} is of another run; remove it to train anew")
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])


def _save(
    checkpoint: Path,
    identity: dict[str, Any],
    progress: Progress,
    trained: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_name(checkpoint.name + ".partial")
    state = {
        "identity": identity,
        "progress": asdict(progress),
        "weights": {name: parameter.detach() for name, parameter in trained.items()},
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, partial)
    partial.replace(checkpoint)

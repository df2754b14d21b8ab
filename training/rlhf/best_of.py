"""Best of n under a reward: no training, but a reward model at every labelling."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chexdesk.evaluation.metrics import Decisions
from training.rlhf.rollout import sample


def best_of(logits: Tensor, reward: Tensor, count: int, seed: int) -> Decisions:
    """The output that earns most of `count` that a policy draws, and of its greedy one.

    Whole outputs compete, as they would with any reward model; R is the sum over findings.

    Args:
        logits, reward: (n, f, 4).

    Returns:
        (n, f) indices into `CERTAINTIES`.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.cat([logits.argmax(-1)[..., None], sample(logits, count, generator)], dim=-1)
    total = reward.gather(-1, drawn).sum(1)
    best = total.argmax(-1)[:, None, None].expand(*drawn.shape[:2], 1)
    return drawn.gather(-1, best).squeeze(-1).numpy().astype(np.int8)

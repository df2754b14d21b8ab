"""Rollouts: which reports come next, and the answers that the policy draws for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

#: Tensors that belong to n reports: n is the first axis of each.
Rows = dict[str, Tensor]


@dataclass(frozen=True)
class Reports:
    """What a method learns from.

    Attributes:
        tokens: of n reports, as `Wire.report` gives them.
        rows: what is known of each, in the names that the method's objective asks for.
    """

    tokens: Sequence[Sequence[int]]
    rows: Rows

    def __len__(self) -> int:
        return len(self.tokens)


def select(rows: Mapping[str, Tensor], index: Tensor) -> Rows:
    """The rows of some reports."""
    return {name: tensor[index] for name, tensor in rows.items()}


def doubtful(reference: Tensor, reward: Tensor, places: Sequence[int], share: float) -> list[int]:
    """The reports whose answers, drawn from the SFT policy, differ most in what they earn.

    Where all that a policy draws earns the same, every advantage is 0 and a reading teaches
    nothing. The measure is Σ_f Var_{a ~ π_f^SFT} r_f(x, a).

    Args:
        reference, reward: (n, f, 4). places: which of the n are asked for.
        share: how many of those are kept, 1 being all.
    """
    policy = reference.softmax(-1)
    mean = (policy * reward).sum(-1, keepdim=True)
    spread = (policy * (reward - mean).square()).sum((-2, -1))
    kept = sorted(places, key=lambda place: -spread[place].item())
    return sorted(kept[: max(1, round(share * len(kept)))])


@dataclass
class Order:
    """Reports in random order without end: none comes again before all have come.

    Attributes:
        left: those that this turn still has.
    """

    reports: int
    generator: torch.Generator
    left: list[int] = field(default_factory=list)

    def take(self, count: int) -> Tensor:
        """The next reports: (count,) of int64."""
        while len(self.left) < count:
            self.left += torch.randperm(self.reports, generator=self.generator).tolist()
        taken, self.left = self.left[:count], self.left[count:]
        return torch.tensor(taken)


def sample(logits: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """Answers drawn at every slot, each independent of the others as the wire format has it.

    One reading of a report gives all its slots' policies, so further samples cost nothing.

    Args:
        logits: (n, f, 4), on the generator's device.

    Returns:
        (n, f, samples) indices into `CERTAINTIES`, of int64.
    """
    policy = logits.softmax(-1).flatten(0, 1)
    drawn = torch.multinomial(policy, samples, replacement=True, generator=generator)
    return drawn.view(*logits.shape[:2], samples)

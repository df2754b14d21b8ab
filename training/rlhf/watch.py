"""Held-out reports, watched while a policy learns: does it please the experts, or the reward only?

A policy that maximises a learnt reward ends up where the reward is wrong. So at every look the
agreement with the experts stands beside the reward of the same decisions, and the update from which
on the one falls while the other rises is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chexdesk.labels import LabelSet
from training.data import UNKNOWN
from training.evaluation.figures import counts, figures
from training.rlhf import losses


@dataclass(frozen=True)
class Held:
    """Reports that the policy does not learn from.

    Attributes:
        tokens: of n reports. gold: (n, f) the experts' answers, all known.
        reward, reference: (n, f, 4).
    """

    tokens: Sequence[Sequence[int]]
    gold: NDArray[np.int64]
    reward: Tensor
    reference: Tensor

    def __post_init__(self) -> None:
        if (self.gold == UNKNOWN).any():
            raise ValueError("reports that are watched must be labelled throughout")

    def look(self, label_set: LabelSet, logits: Tensor) -> dict[str, Any]:
        """What the policy's decisions are worth, to the reward and to the experts.

        Args:
            logits: (n, f, 4).

        Returns:
            reward: mean over decisions of the best answer's; kl, entropy: nats a decision;
            errors: a report, over the paper's findings; macro_f1, uncertain_f1, negative_f1: over
            the paper's findings, None where the gold has none.
        """
        chosen = logits.argmax(-1)
        sums = counts(label_set, self.gold.astype(np.int8), chosen.numpy().astype(np.int8))
        found = figures(label_set, sums.sum(axis=0))
        return {
            "reward": self.reward.gather(-1, chosen[..., None]).mean().item(),
            "kl": losses.exact_kl(logits, self.reference).mean().item(),
            "entropy": losses.entropy(logits).mean().item(),
            "errors": float(found.errors),
            "macro_f1": _known(found.macro_f1),
            "negative_f1": _known(found.certainty_f1[1]),
            "uncertain_f1": _known(found.certainty_f1[2]),
        }


def parting(rewards: Sequence[float], errors: Sequence[float]) -> int | None:
    """The look at which reward and agreement part.

    It is the first after which the reward is never lower and the errors are always more: from there
    on the policy earns by being wrong.

    Args:
        rewards, errors: at each look, in order.

    Returns:
        the look's number, or None where they do not part.
    """
    for look in range(len(rewards) - 1):
        later = range(look + 1, len(rewards))
        if all(rewards[i] >= rewards[look] and errors[i] > errors[look] for i in later):
            return look
    return None


def best(errors: Sequence[Sequence[float]], weights: Sequence[int]) -> int:
    """The look at which cross-validation says to stop: least errors a report over all folds.

    The rule was fixed before any run: the mean over folds, each with the weight of its reports; of
    equal looks the earliest. Look 0 is the SFT policy, so a method that never helps is not used.

    Args:
        errors: (folds, looks). weights: reports of each fold.

    Raises:
        ValueError: the folds do not have the same number of looks.
    """
    if len({len(fold) for fold in errors}) != 1:
        raise ValueError("the folds were not looked at equally often")
    return int(np.average(np.array(errors), axis=0, weights=weights).round(12).argmin())


def logits_of(policy: Any, tokens: Sequence[Sequence[int]], batch: int) -> tuple[Tensor, Tensor]:
    """Logits (n, f, 4) and values (n, f) of a policy, on the CPU and without a gradient."""
    found: list[tuple[Tensor, Tensor]] = []
    with torch.no_grad():
        for start in range(0, len(tokens), batch):
            logits, values = policy(tokens[start : start + batch])
            found.append((logits.cpu(), values.cpu()))
    return torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)

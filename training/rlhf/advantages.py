"""Advantages: how much better a decision turned out than was expected of it.

In the slot format the decisions are parallel one-step actions, and each has a credit of its own. In
the chain format they are a sequence, and generalised advantage estimation spreads the reward.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: Keeps a batch without any spread from being divided by nothing.
_LEAST_SPREAD: Final = 1e-8
#: A group whose credits differ by less counts as equal.
_LEAST_GROUP: Final = 1e-4


def decision_advantage(credit: Tensor, value: Tensor) -> Tensor:
    """Advantage of a one-step action: A = r − V, without a gradient.

    The return of a one-step action is its reward, so the estimate of generalised advantage with
    t = 1 is this difference (`gae` gives the same).

    Args:
        credit: (n, f), each decision's own reward. value: (n, f), what was expected.
    """
    return (credit - value).detach()


def replacement_credit(total: Tensor, replaced: Tensor, policy: Tensor | None = None) -> Tensor:
    """Credit of each decision under one reward for the whole output.

    c_f = R(d) − Σ_a p(a) R(d with decision f replaced by a), the counterfactual baseline of
    Foerster et al. 2018 (equation 4). What the other decisions bring cancels out.

    Args:
        total: (n,), R(d). replaced: (n, f, 4), R with that one decision replaced by each answer.
        policy: (n, f, 4), p; all answers weigh the same where it is None.

    Returns:
        (n, f).
    """
    weights = torch.full_like(replaced, 1 / replaced.shape[-1]) if policy is None else policy
    return total[:, None] - (weights * replaced).sum(-1)


def gae(
    rewards: Tensor, values: Tensor, discount: float = 1.0, smoothing: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al. 2016, equation 16; its ends are 17 and 18).

    δ_t = r_t + γ V_{t+1} − V_t and A_t = δ_t + γ λ A_{t+1}; the sequence ends after its last step,
    whose V_{t+1} is 0.

    Args:
        rewards: (n, t), after each step. values: (n, t), before each step.
        discount: γ. smoothing: λ; 0 trusts the values, 1 the rewards.

    Returns:
        advantages and returns (A + V), both (n, t) and without a gradient.
    """
    values = values.detach()
    advantages = torch.zeros_like(values)
    later = torch.zeros_like(values[:, 0])
    following = torch.zeros_like(values[:, 0])
    for step in reversed(range(values.shape[1])):
        error = rewards[:, step] + discount * following - values[:, step]
        later = error + discount * smoothing * later
        advantages[:, step] = later
        following = values[:, step]
    return advantages, advantages + values


def leave_one_out(credit: Tensor) -> Tensor:
    """Each sample's credit less the mean of the other samples' (RLOO).

    A_i = r_i − 1/(k−1) Σ_{j≠i} r_j (Kool et al. 2019; for language models Ahmadian et al. 2024),
    here at every slot: the other samples' mean is a baseline that the sample has no part in.

    Args:
        credit: (…, k), k samples of one decision.

    Raises:
        ValueError: there is but one sample.
    """
    k = credit.shape[-1]
    if k < 2:
        raise ValueError("leaving one out takes two samples at least")
    return (credit - (credit.sum(-1, keepdim=True) - credit) / (k - 1)).detach()


def group_relative(credit: Tensor) -> Tensor:
    """Each sample's credit in standard deviations from its group's mean (GRPO).

    A_i = (r_i − mean r) / std r (Shao et al. 2024, section 4.1.2), here at every slot. A group that
    is of one mind becomes zeros.

    Args:
        credit: (…, k), k samples of one decision.
    """
    centred = credit - credit.mean(-1, keepdim=True)
    spread = centred.square().mean(-1, keepdim=True).sqrt()
    # Rounding is no spread: without this a group of equal credits would be blown up.
    return torch.where(spread > _LEAST_GROUP, centred / (spread + _LEAST_GROUP), 0.0).detach()


def whitened(advantages: Tensor, over: str) -> Tensor:
    """Advantages scaled by the spread of a batch.

    Args:
        advantages: (n, f, k). over: `batch`, all together; `finding`, each finding by itself, so
            that rare findings weigh as much as common ones; `none`, left as they are.

    Raises:
        ValueError: `over` is something else.
    """
    if over == "none":
        return advantages
    if over == "batch":
        return normalised(advantages)
    if over != "finding":
        raise ValueError(f"whiten is {over!r}; expected batch, finding or none")
    return torch.stack([normalised(finding) for finding in advantages.unbind(1)], dim=1)


def normalised(advantages: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1 over a whole batch; the shape stays.

    The step's size then does not hang on the reward's scale. A batch without spread becomes zeros.
    """
    centred = advantages - advantages.mean()
    return centred / (centred.square().mean().sqrt() + _LEAST_SPREAD)

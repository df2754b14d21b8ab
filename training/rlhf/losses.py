"""The terms of the PPO objective, and measures of how far two policies are apart."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: The largest logarithm of a ratio that is exponentiated: e^20 is far outside of any clip.
_LARGEST_LOG_RATIO: Final = 20.0


def log_probability(logits: Tensor, actions: Tensor) -> Tensor:
    """log π(action): logits (…, 4) and actions (…) of int64 to (…)."""
    return logits.log_softmax(-1).gather(-1, actions[..., None]).squeeze(-1)


def clipped_surrogate(
    new: Tensor, old: Tensor, advantages: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """The policy's loss: −mean min(ρ A, clip(ρ, 1−ε, 1+ε) A) with ρ = π_new / π_old.

    Schulman et al. 2017, equation 7.

    Args:
        new, old: log-probabilities of the actions taken; advantages; all of one shape.
        clip: ε.

    Returns:
        the loss, and the share of actions whose ratio lies outside of the clip (no gradient).
    """
    ratio = (new - old).clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO).exp()
    bounded = ratio.clamp(1 - clip, 1 + clip)
    loss = -torch.minimum(ratio * advantages, bounded * advantages).mean()
    return loss, ((ratio.detach() - 1).abs() > clip).float().mean()


def clipped_value_loss(values: Tensor, old: Tensor, returns: Tensor, clip: float) -> Tensor:
    """½ mean max((V − R)², (clip(V, V_old − ε, V_old + ε) − R)²).

    As in OpenAI's baselines (ppo2); Engstrom et al. 2020 list it among what papers leave unsaid
    (section 3). The value moves no farther from the rollout's than ε, as the policy does.

    Args:
        values, old, returns: of one shape; `old` from the rollout. clip: ε, in units of reward.
    """
    bounded = old + (values - old).clamp(-clip, clip)
    return torch.maximum((values - returns).square(), (bounded - returns).square()).mean() / 2


def entropy(logits: Tensor) -> Tensor:
    """−Σ_a π(a) log π(a) in nats: logits (…, 4) to (…)."""
    log_policy = logits.log_softmax(-1)
    return -(log_policy.exp() * log_policy).sum(-1)


def exact_kl(logits: Tensor, reference: Tensor) -> Tensor:
    """KL(π ‖ π_ref) = Σ_a π(a) (log π(a) − log π_ref(a)) in nats: two (…, 4) to (…).

    With four answers the sum costs nothing, so nothing need be estimated (paper, equation 3).
    """
    log_policy = logits.log_softmax(-1)
    return (log_policy.exp() * (log_policy - reference.log_softmax(-1))).sum(-1)


def k1(policy: Tensor, reference: Tensor) -> Tensor:
    """log π − log π_ref of samples of π: unbiased for the KL, may be negative (Schulman 2020).

    Args:
        policy, reference: log-probabilities of the same samples, of one shape, which stays.
    """
    return policy - reference


def k3(policy: Tensor, reference: Tensor) -> Tensor:
    """(q − 1) − log q with q = π_ref / π: unbiased, never negative, of less variance than k1.

    Schulman 2020, "Approximating KL divergence". Arguments as for `k1`.
    """
    log_ratio = (reference - policy).clamp(max=_LARGEST_LOG_RATIO)
    return log_ratio.exp() - 1 - log_ratio

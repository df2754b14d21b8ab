"""Coefficients of the KL penalty: β of the paper's equation 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

#: How far off the target a single update may think itself.
_LARGEST_ERROR: Final = 0.2


class Controller(Protocol):
    """Holds β."""

    coefficient: float

    def update(self, kl: float, decisions: int) -> None:
        """Take note of a mean KL (nats a decision) that was measured on so many decisions."""


@dataclass
class FixedKL:
    """β stays as it is."""

    coefficient: float

    def update(self, kl: float, decisions: int) -> None:
        """Nothing changes."""


@dataclass
class AdaptiveKL:
    """β follows the KL to a target (Ziegler et al. 2019, section 2.2).

    e = clip(KL / target − 1, −0.2, 0.2) and β ← β (1 + e m / horizon) after m decisions. The paper
    has a constant, 0.1, where its published code (lm-human-preferences) has m / horizon.

    Attributes:
        target: nats a decision. horizon: decisions in which β may change by a fifth.

    Raises:
        ValueError: coefficient, target or horizon is not above 0.
    """

    coefficient: float
    target: float
    horizon: float

    def __post_init__(self) -> None:
        if min(self.coefficient, self.target, self.horizon) <= 0:
            raise ValueError("coefficient, target and horizon of an adaptive KL must be above 0")

    def update(self, kl: float, decisions: int) -> None:
        """Raise β where the policy is farther off than the target, lower it where nearer."""
        error = max(-_LARGEST_ERROR, min(_LARGEST_ERROR, kl / self.target - 1))
        # More decisions than the horizon count as one horizon: β never turns negative.
        self.coefficient *= 1 + error * min(1.0, decisions / self.horizon)


def controller(coefficient: float, target: float | None, horizon: float) -> Controller:
    """The adaptive controller where there is a target, else the fixed one."""
    if target is None:
        return FixedKL(coefficient)
    return AdaptiveKL(coefficient, target, horizon)

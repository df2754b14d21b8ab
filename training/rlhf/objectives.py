"""What each method makes of a rollout, and the loss that it descends.

All share one loop (`training.rlhf.loop`), so that rows of a comparison differ in nothing else: the
same number of reports read, of gradient steps and of looks at held-out reports.

In the slot format a report x has f parallel decisions, π(y|x) = Π_f π_f(y_f|x), and the reward of
an output is the sum of its decisions' rewards, R(x, y) = Σ_f r_f(x, y_f). Hence

    R(x, y) − R(x, y with y_f := a) = r_f(x, y_f) − r_f(x, a) :

what one decision is worth does not hang on the others. So ∇ E[R] = Σ_f E[r_f ∇ log π_f], and every
decision is a one-step action whose credit is its own r_f, less a baseline that does not hang on the
action: V_f(x). The credit of a whole output would put the noise of the 13 other decisions on each.
The KL of a product is the sum of the KLs, so the paper's equation 3, divided by f, is

    (1/f) Σ_f { E[r_f(x, y_f)] − β KL(π_f ‖ π_f^SFT) },

a mean over decisions, as all losses here are. Over four answers the KL is exact and has an exact
gradient, so it is a term of the loss and not of the reward. `tables.gained` divides r by its spread
s and whitening by the advantages' spread, so the β of a configuration is in those units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from training.data import UNKNOWN
from training.rlhf import advantages, losses
from training.rlhf.rollout import Rows, sample

Figures = dict[str, float]


class Objective(Protocol):
    """One method."""

    @property
    def needs(self) -> frozenset[str]:
        """Names of the rows that it learns from."""
        ...

    @property
    def rolls_out(self) -> bool:
        """Whether it draws answers from the policy before each update."""
        ...

    @property
    def values(self) -> bool:
        """Whether it learns V_ψ."""
        ...

    def experience(
        self, logits: Tensor, values: Tensor, rows: Rows, generator: torch.Generator
    ) -> tuple[Rows, Figures]:
        """Draw answers and judge them; asked only where `rolls_out`.

        Args:
            logits: (n, f, 4) and values: (n, f) of the policy before the update.
        """
        ...

    def loss(
        self, logits: Tensor, values: Tensor, rows: Rows, coefficient: float
    ) -> tuple[Tensor, Figures]:
        """The loss of a minibatch, and what the curves show of it.

        Args:
            logits: (n, f, 4) and values: (n, f) of the policy as it is now.
            rows: with the rollout's. coefficient: β_f of the KL penalty.
        """
        ...


@dataclass(frozen=True)
class PPO:
    """Clipped surrogate, clipped value loss, exact KL penalty, entropy.

    Attributes:
        samples: answers drawn at each slot. clip: ε of the ratio. value_clip: ε of the value.
        entropy: weight of the entropy bonus. whiten: `batch`, `finding` or `none`.
    """

    samples: int
    clip: float
    value_clip: float
    entropy: float
    whiten: str
    needs: frozenset[str] = frozenset({"reward", "reference"})
    rolls_out: bool = True
    values: bool = True

    def experience(
        self, logits: Tensor, values: Tensor, rows: Rows, generator: torch.Generator
    ) -> tuple[Rows, Figures]:
        """k answers a slot, their credit, and how much better it was than V."""
        actions = sample(logits, self.samples, generator)
        credit = rows["reward"].gather(-1, actions)
        expected = values[..., None].expand_as(credit)
        gain = advantages.decision_advantage(credit, expected)
        unexplained = (credit - expected).var() / credit.var().clamp(min=1e-12)
        made = {
            "actions": actions,
            "old": logits,
            "advantages": advantages.whitened(gain, self.whiten),
            "returns": credit,
            "old_values": values,
        }
        return made, {
            "reward": credit.mean().item(),
            "explained_variance": 1 - unexplained.item(),
        }

    def loss(
        self, logits: Tensor, values: Tensor, rows: Rows, coefficient: float
    ) -> tuple[Tensor, Figures]:
        """−surrogate + value loss + β KL − entropy."""
        loss, figures = _surrogate(logits, rows, coefficient, self.clip, self.entropy)
        returns = rows["returns"]
        value_loss = losses.clipped_value_loss(
            values[..., None].expand_as(returns),
            rows["old_values"][..., None].expand_as(returns),
            returns,
            self.value_clip,
        )
        return loss + value_loss, figures | {"value_loss": value_loss.item()}


@dataclass(frozen=True)
class Group:
    """No value: each of k answers at a slot is measured against the others there.

    Attributes:
        scaled: divide by the group's spread (GRPO); otherwise leave one out (RLOO).
    """

    samples: int
    clip: float
    entropy: float
    scaled: bool
    whiten: str
    needs: frozenset[str] = frozenset({"reward", "reference"})
    rolls_out: bool = True
    values: bool = False

    def experience(
        self, logits: Tensor, values: Tensor, rows: Rows, generator: torch.Generator
    ) -> tuple[Rows, Figures]:
        """k answers a slot, each against the others."""
        actions = sample(logits, self.samples, generator)
        credit = rows["reward"].gather(-1, actions)
        if self.scaled:
            gain = advantages.group_relative(credit)
        else:
            gain = advantages.whitened(advantages.leave_one_out(credit), self.whiten)
        made = {"actions": actions, "old": logits, "advantages": gain}
        return made, {"reward": credit.mean().item()}

    def loss(
        self, logits: Tensor, values: Tensor, rows: Rows, coefficient: float
    ) -> tuple[Tensor, Figures]:
        """−surrogate + β KL − entropy."""
        return _surrogate(logits, rows, coefficient, self.clip, self.entropy)


@dataclass(frozen=True)
class DPO:
    """Direct preference optimisation of parallel decisions.

    Rafailov et al. 2023, equation 7: −log σ(β [log π(w)/π_ref(w) − log π(l)/π_ref(l)]) for an
    output w that was preferred to l. As π(y|x) = Π_f π_f(y_f|x), the logarithms are sums of slots:

        h = Σ_f { log π_f(w_f) − log π_f(l_f) − log π_f^ref(w_f) + log π_f^ref(l_f) },

    and slots where w and l agree cancel out. The normaliser Z(x) of their derivation is that of the
    product and cancels as for any output, so nothing else changes. TRL's DPOTrainer computes the
    same from completions that are causal text; 14 markers at one position are none.

    Attributes:
        beta: β of the equation, for a whole output.
    """

    beta: float
    needs: frozenset[str] = frozenset({"chosen", "rejected", "weight", "reference"})
    rolls_out: bool = False
    values: bool = False

    def experience(
        self, logits: Tensor, values: Tensor, rows: Rows, generator: torch.Generator
    ) -> tuple[Rows, Figures]:
        """Nothing is drawn: the pairs were there before."""
        return {}, {}

    def loss(
        self, logits: Tensor, values: Tensor, rows: Rows, coefficient: float
    ) -> tuple[Tensor, Figures]:
        """The weighted mean over pairs."""
        moved = logits.log_softmax(-1) - rows["reference"].log_softmax(-1)
        chosen = moved.gather(-1, rows["chosen"][..., None]).sum((-2, -1))
        rejected = moved.gather(-1, rows["rejected"][..., None]).sum((-2, -1))
        margin = self.beta * (chosen - rejected)
        weight = rows["weight"] / rows["weight"].sum().clamp(min=1e-12)
        loss = -(weight * logsigmoid(margin)).sum()
        right = (margin.detach() > 0).float().mean().item()
        return loss, {"policy_loss": loss.item(), "pair_accuracy": right}


@dataclass(frozen=True)
class Continued:
    """SFT continued: the loss of `training.sft`, over the four answers.

    Unlike there the other 49,148 tokens take no part; the SFT policy gives them next to nothing.
    """

    needs: frozenset[str] = frozenset({"gold"})
    rolls_out: bool = False
    values: bool = False

    def experience(
        self, logits: Tensor, values: Tensor, rows: Rows, generator: torch.Generator
    ) -> tuple[Rows, Figures]:
        """Nothing is drawn: the labels were there before."""
        return {}, {}

    def loss(
        self, logits: Tensor, values: Tensor, rows: Rows, coefficient: float
    ) -> tuple[Tensor, Figures]:
        """Mean negative log-likelihood of the labels that are known (paper, equation 1)."""
        loss = cross_entropy(
            logits.flatten(0, 1), rows["gold"].flatten(), ignore_index=UNKNOWN, reduction="sum"
        ) / (rows["gold"] != UNKNOWN).sum().clamp(min=1)
        return loss, {"policy_loss": loss.item()}


def _surrogate(
    logits: Tensor, rows: Rows, coefficient: float, clip: float, bonus: float
) -> tuple[Tensor, Figures]:
    """What PPO and the group methods share."""
    actions = rows["actions"]
    new = logits.log_softmax(-1).gather(-1, actions)
    old = rows["old"].log_softmax(-1).gather(-1, actions)
    loss, outside = losses.clipped_surrogate(new, old, rows["advantages"], clip)
    distance = losses.exact_kl(logits, rows["reference"]).mean()
    spread = losses.entropy(logits).mean()
    figures = {"policy_loss": loss.item(), "clip_fraction": outside.item()}
    return loss + coefficient * distance - bonus * spread, figures

"""The terms of PPO against closed forms, and a bandit that they solve."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from training.rlhf import advantages, losses
from training.rlhf.kl import AdaptiveKL, FixedKL, controller


def test_gae_by_hand() -> None:
    rewards = torch.tensor([[0.0, 0.0, 1.0]])
    values = torch.tensor([[0.5, 0.25, 0.5]])
    found, returns = advantages.gae(rewards, values, discount=0.5, smoothing=0.5)
    # δ = (0.5·0.25 − 0.5, 0.5·0.5 − 0.25, 1 − 0.5) = (−0.375, 0, 0.5); γλ = 0.25.
    assert found.tolist() == [[-0.375 + 0.25 * 0.125, 0.125, 0.5]]
    assert torch.equal(returns, found + values)


def test_gae_at_its_ends() -> None:
    torch.manual_seed(0)
    rewards, values = torch.randn(3, 5), torch.randn(3, 5)
    everything, _ = advantages.gae(rewards, values, discount=1.0, smoothing=1.0)
    ahead = rewards.flip(1).cumsum(1).flip(1)
    assert torch.allclose(everything, ahead - values, atol=1e-6)
    nothing, _ = advantages.gae(rewards, values, discount=0.9, smoothing=0.0)
    following = torch.cat([values[:, 1:], torch.zeros(3, 1)], dim=1)
    assert torch.allclose(nothing, rewards + 0.9 * following - values, atol=1e-6)


def test_a_one_step_action_is_gae_of_length_one() -> None:
    credit, value = torch.randn(6, 1), torch.randn(6, 1, requires_grad=True)
    one_step = advantages.decision_advantage(credit, value)
    assert not one_step.requires_grad
    assert torch.allclose(one_step, advantages.gae(credit, value)[0])


def test_replacement_credit_leaves_out_what_the_others_bring() -> None:
    # R is a sum over findings, so a decision's credit must not hang on the other decisions.
    torch.manual_seed(1)
    table = torch.randn(3, 4)
    chosen = torch.tensor([[0, 1, 2], [0, 3, 3]])
    own = table.gather(1, chosen.T).T
    total = own.sum(1)
    replaced = total[:, None, None] - own[:, :, None] + table[None]
    credit = advantages.replacement_credit(total, replaced)
    assert credit[0, 0] == pytest.approx(credit[1, 0].item(), abs=1e-6)
    assert torch.allclose(credit, own - table.mean(1), atol=1e-6)
    # Under a policy that is sure of its decisions, replacing them changes nothing.
    sure = torch.nn.functional.one_hot(chosen, 4).float()
    assert advantages.replacement_credit(total, replaced, sure).abs().max() < 1e-6


def test_normalised_advantages() -> None:
    found = advantages.normalised(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    assert found.mean().item() == pytest.approx(0, abs=1e-6)
    assert found.square().mean().item() == pytest.approx(1, abs=1e-6)
    assert advantages.normalised(torch.full((2, 2), 3.0)).tolist() == [[0, 0], [0, 0]]


def test_leaving_one_out_by_hand() -> None:
    credit = torch.tensor([[[0.0, 1.0, 5.0]]])
    assert advantages.leave_one_out(credit).tolist() == [[[-3.0, -1.5, 4.5]]]
    # The baseline has no part in its own sample: the advantages of a group still sum to nothing.
    torch.manual_seed(3)
    assert advantages.leave_one_out(torch.randn(4, 3, 6)).sum(-1).abs().max() < 1e-5
    with pytest.raises(ValueError, match="two samples"):
        advantages.leave_one_out(torch.zeros(2, 3, 1))


def test_a_group_of_one_mind_has_no_advantage() -> None:
    found = advantages.group_relative(torch.tensor([[1.0, 3.0], [0.3, 0.3]]))
    assert found[0].tolist() == pytest.approx([-1, 1], abs=1e-3)
    assert found[1].tolist() == [0, 0]


def test_whitening_each_finding_by_itself() -> None:
    torch.manual_seed(4)
    gains = torch.randn(50, 2, 3) * torch.tensor([1.0, 100.0])[:, None] + 5
    by_finding = advantages.whitened(gains, "finding")
    assert torch.allclose(by_finding.std((0, 2), unbiased=False), torch.ones(2), atol=1e-4)
    assert by_finding.mean((0, 2)).abs().max() < 1e-5
    assert torch.equal(advantages.whitened(gains, "none"), gains)
    # All together the wide finding drowns the other.
    assert advantages.whitened(gains, "batch").std((0, 2))[0] < 0.1
    with pytest.raises(ValueError, match="whiten"):
        advantages.whitened(gains, "each")


def test_ratio_one_gives_the_plain_policy_gradient() -> None:
    torch.manual_seed(2)
    logits = torch.randn(8, 4, requires_grad=True)
    actions, gain = torch.randint(0, 4, (8,)), torch.randn(8)
    new = losses.log_probability(logits, actions)
    loss, outside = losses.clipped_surrogate(new, new.detach(), gain, clip=0.2)
    assert loss.item() == pytest.approx(-gain.mean().item(), abs=1e-6)
    assert outside.item() == 0
    (clipped,) = torch.autograd.grad(loss, logits, retain_graph=True)
    (plain,) = torch.autograd.grad(-(new * gain).mean(), logits)
    assert torch.allclose(clipped, plain, atol=1e-6)


@pytest.mark.parametrize(
    ("ratio", "gain", "objective", "moves"),
    [
        (1.19, 1.0, 1.19, True),
        (1.21, 1.0, 1.2, False),
        (0.79, -1.0, -0.8, False),
        (0.81, -1.0, -0.81, True),
        # Outside on the side that made things worse: not bounded, the way back stays open.
        (1.5, -1.0, -1.5, True),
        (0.5, 1.0, 0.5, True),
    ],
)
def test_clipping_at_the_edge(ratio: float, gain: float, objective: float, moves: bool) -> None:
    new = torch.tensor([math.log(ratio)], requires_grad=True)
    loss, outside = losses.clipped_surrogate(new, torch.zeros(1), torch.tensor([gain]), clip=0.2)
    loss.backward()
    assert loss.item() == pytest.approx(-objective, abs=1e-6)
    assert (new.grad.abs().item() > 0) is moves  # type: ignore[union-attr]
    assert outside.item() == float(abs(ratio - 1) > 0.2)


def test_the_value_is_held_near_the_rollouts() -> None:
    values = torch.tensor([0.1, 0.9], requires_grad=True)
    old, returns = torch.zeros(2), torch.ones(2)
    loss = losses.clipped_value_loss(values, old, returns, clip=0.2)
    loss.backward()
    # 0.1 is inside; 0.9 counts as 0.2 since the worse of the two is taken, and moves no more.
    assert loss.item() == pytest.approx((0.9**2 + 0.8**2) / 4, abs=1e-6)
    assert values.grad is not None
    assert values.grad[0] != 0
    assert values.grad[1] == 0


def test_entropy_between_sure_and_unsure() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0]])
    assert losses.entropy(logits).tolist() == pytest.approx([math.log(4), 0], abs=1e-6)


def test_kl_of_equal_policies_is_nothing() -> None:
    logits = torch.randn(5, 14, 4)
    # A constant added to all logits is the same policy.
    assert losses.exact_kl(logits, logits + 3).abs().max() < 1e-6
    taken = losses.log_probability(logits, torch.zeros(5, 14, dtype=torch.long))
    assert losses.k1(taken, taken).abs().max() == 0
    assert losses.k3(taken, taken).abs().max() == 0


def test_kl_by_hand_and_by_its_estimators() -> None:
    policy = torch.tensor([0.5, 0.5, 0.0, 0.0]).clamp(min=1e-30).log()
    reference = torch.tensor([0.25, 0.75, 0.0, 0.0]).clamp(min=1e-30).log()
    exact = losses.exact_kl(policy, reference)
    assert exact.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-6)
    # The mean over all samples, each as often as the policy draws it.
    samples = torch.tensor([0, 1])
    new = losses.log_probability(policy.expand(2, 4), samples)
    old = losses.log_probability(reference.expand(2, 4), samples)
    assert losses.k1(new, old).mean().item() == pytest.approx(exact.item(), abs=1e-6)
    assert losses.k3(new, old).mean().item() == pytest.approx(exact.item(), abs=1e-6)
    assert losses.k1(new, old).min() < 0 <= losses.k3(new, old).min()


def test_the_adaptive_coefficient_goes_the_right_way() -> None:
    near, far, on = (AdaptiveKL(0.1, target=0.02, horizon=100) for _ in range(3))
    near.update(0.01, decisions=10)
    far.update(10.0, decisions=10)
    on.update(0.02, decisions=10)
    assert near.coefficient == pytest.approx(0.1 * 0.98)
    assert far.coefficient == pytest.approx(0.1 * 1.02)
    assert on.coefficient == pytest.approx(0.1)
    near.update(0.0, decisions=1_000_000)
    assert near.coefficient > 0


def test_without_a_target_the_coefficient_stays() -> None:
    fixed = controller(0.3, None, horizon=10)
    fixed.update(50.0, decisions=1000)
    assert isinstance(fixed, FixedKL)
    assert fixed.coefficient == 0.3
    with pytest.raises(ValueError, match="above 0"):
        controller(0.3, 0.0, horizon=10)


def solve(best: Tensor, beta: float) -> Tensor:
    """Train the bandit (f, 4) whose answer `best` pays 1; give its policy."""
    torch.manual_seed(5)
    arms = len(best)
    logits = torch.zeros(arms, 4, requires_grad=True)
    values = torch.zeros(arms, requires_grad=True)
    optimiser = torch.optim.Adam([logits, values], lr=0.05)
    for _ in range(120):
        old_logits, old_values = logits.detach().clone(), values.detach().clone()
        actions = torch.multinomial(old_logits.softmax(-1), 16, replacement=True).T
        old = losses.log_probability(old_logits.expand(16, arms, 4), actions)
        returns = (actions == best).float()
        gain = advantages.normalised(advantages.decision_advantage(returns, old_values))
        for _ in range(4):
            new = losses.log_probability(logits.expand(16, arms, 4), actions)
            policy_loss, _ = losses.clipped_surrogate(new, old, gain, clip=0.2)
            value_loss = losses.clipped_value_loss(
                values.expand(16, arms), old_values.expand(16, arms), returns, clip=0.2
            )
            distance = losses.exact_kl(logits, torch.zeros(arms, 4)).mean()
            optimiser.zero_grad()
            (policy_loss + value_loss + beta * distance).backward()
            optimiser.step()
    return logits.detach().softmax(-1)


def test_a_bandit_is_solved_arm_by_arm() -> None:
    best = torch.tensor([2, 0, 3, 3, 1])
    policy = solve(best, beta=0.0)
    assert policy.gather(1, best[:, None]).min() > 0.9


def test_a_heavy_penalty_keeps_the_policy_at_its_reference() -> None:
    best = torch.tensor([2, 0, 3, 3, 1])
    assert (solve(best, beta=50.0) - 0.25).abs().max() < 0.1

"""What stands around PPO: tables, orders, looks, where to stop, the comparison's arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from chexdesk.evaluation.metrics import NEGATIVE, NOT_MENTIONED, POSITIVE, UNCERTAIN
from chexdesk.labels import chexpert14
from training.data import UNKNOWN
from training.evaluation.figures import counts
from training.rlhf import comparison_table, curves, memory, tables
from training.rlhf.best_of import best_of
from training.rlhf.hierarchy import Hierarchy, p_value
from training.rlhf.objectives import DPO
from training.rlhf.pairs import Costs
from training.rlhf.rollout import Order, doubtful, sample
from training.rlhf.tables import Table
from training.rlhf.watch import Held, best, parting

LABELS = chexpert14()


def test_tables_are_asked_once_and_by_weights(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"one")
    asked: list[str] = []

    def ask(texts: Sequence[str]) -> Table:
        asked.extend(texts)
        return np.array([np.full((2, 4), len(text)) for text in texts], dtype=np.float32)

    first = tables.kept(tmp_path / "kept", weights, ["a", "ccc", "a"], ask)
    again = tables.kept(tmp_path / "kept", weights, ["ccc", "bb", "a"], ask)
    assert sorted(asked) == ["a", "bb", "ccc"]
    assert first[:, 0, 0].tolist() == [1, 3, 1]
    assert again[:, 0, 0].tolist() == [3, 2, 1]
    weights.write_bytes(b"another")
    tables.kept(tmp_path / "kept", weights, ["a"], ask)
    assert asked.count("a") == 2
    # What is kept names no report by its words.
    assert all(b"ccc" not in file.read_bytes() for file in (tmp_path / "kept").iterdir())
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        tables.kept(tmp_path, tmp_path / "kept", ["a"], ask)


def test_agreement_with_experts_as_a_reward() -> None:
    answers = np.array([[POSITIVE, NOT_MENTIONED, UNCERTAIN, UNKNOWN]])
    reward = tables.agreement(answers, Costs(missed=2, invented=2, certainty=1))[0]
    assert reward[0, [POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED]].tolist() == [0, -1, -0.5, -1]
    assert reward[1, [POSITIVE, NEGATIVE, NOT_MENTIONED]].tolist() == [-1, -0.5, 0]
    assert reward[2].argmax() == UNCERTAIN
    assert not reward[3].any()


def test_a_reward_is_known_but_for_a_constant() -> None:
    torch.manual_seed(1)
    reward, reference = torch.randn(6, 3, 4), torch.randn(6, 3, 4)
    found = tables.gained(reward, reference, 4)
    # Another constant for each report and finding, another unit: the same reward.
    moved = tables.gained(reward * 7 + torch.randn(6, 3, 1), reference, 4)
    assert torch.allclose(found, moved, atol=1e-5)
    assert (reference.softmax(-1) * found).sum(-1).abs().max() < 1e-5
    with pytest.raises(ValueError, match="tells no answer"):
        tables.gained(torch.ones(2, 3, 4), reference[:2], 2)


def test_reports_come_in_turns() -> None:
    order = Order(5, torch.Generator().manual_seed(0))
    drawn = torch.cat([order.take(3) for _ in range(5)]).tolist()
    assert [sorted(drawn[i : i + 5]) for i in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3


def test_answers_are_drawn_as_the_policy_has_it() -> None:
    logits = torch.tensor([[[0.0, 0, 0, 0], [50.0, 0, 0, 0]]]).expand(3, 2, 4)
    drawn = sample(logits, 4000, torch.Generator().manual_seed(0))
    assert drawn.shape == (3, 2, 4000)
    assert (drawn[:, 1] == 0).all()
    shares = torch.stack([(drawn[:, 0] == answer).float().mean() for answer in range(4)])
    assert (shares - 0.25).abs().max() < 0.02


def test_reports_that_teach_something_are_kept() -> None:
    reference = torch.tensor([[[9.0, 0, 0, 0]], [[0.0, 0, 0, 0]], [[0.0, 0, 0, 0]]])
    reward = torch.tensor([[[1.0, 0, 0, 0]], [[1.0, 1, 1, 1]], [[1.0, 0, 0, 0]]])
    # Sure of its answer; unsure, but all answers earn the same; unsure, and they do not.
    assert doubtful(reference, reward, [0, 1, 2], 0.4) == [2]
    assert doubtful(reference, reward, [0, 1, 2], 1.0) == [0, 1, 2]


def test_a_look_sees_reward_and_agreement_apart() -> None:
    gold = np.full((2, len(LABELS)), NOT_MENTIONED, dtype=np.int64)
    gold[:, 10] = [POSITIVE, NEGATIVE]
    reward = torch.zeros(2, len(LABELS), 4)
    reward[:, 10, NEGATIVE] = 14.0
    logits = torch.nn.functional.one_hot(torch.from_numpy(gold), 4) * 20.0
    held = Held([[1], [2]], gold, reward, logits)
    right = held.look(LABELS, logits)
    assert (right["errors"], right["kl"], right["reward"]) == (0, 0, 0.5)
    logits = logits.clone()
    logits[0, 10] = torch.tensor([0.0, 20.0, 0.0, 0.0])
    wrong = held.look(LABELS, logits)
    assert (wrong["errors"], wrong["reward"]) == (0.5, 1.0)
    assert wrong["kl"] > 0
    with pytest.raises(ValueError, match="labelled throughout"):
        Held([[1]], np.full((1, 14), UNKNOWN), reward[:1], logits[:1])


def test_dpo_against_its_closed_form() -> None:
    torch.manual_seed(7)
    reference = torch.randn(2, 3, 4)
    rows = {
        "chosen": torch.tensor([[0, 1, 2], [3, 3, 3]]),
        "rejected": torch.tensor([[0, 2, 2], [3, 3, 0]]),
        "weight": torch.tensor([1.0, 3.0]),
        "reference": reference,
    }
    zeros = torch.zeros(2, 3)
    loss, _ = DPO(beta=0.5).loss(reference, zeros, rows, 0.0)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    # One logit of the chosen answer raised by 2: the rejected one's normaliser moves along with it.
    logits = reference.clone()
    logits[0, 1, 1] += 2.0
    logits[0, 0, 0] += 9.0  # Both outputs agree there, so it changes nothing.
    loss, figures = DPO(beta=0.5).loss(logits, zeros, rows, 0.0)
    expected = 0.25 * math.log(1 + math.exp(-1.0)) + 0.75 * math.log(2)
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    assert figures["pair_accuracy"] == 0.5


@pytest.mark.parametrize(
    ("rewards", "errors", "look"),
    [
        ([0, 1, 2, 3], [5, 4, 3, 2], None),
        ([0, 1, 2, 3], [5, 3, 4, 6], 1),
        # It came back: what was bad for a while is no parting.
        ([0, 1, 2, 3], [5, 3, 4, 2], None),
        # The reward fell as well: the policy got worse at everything, and hacked nothing.
        ([0, 3, 2, 1], [5, 3, 4, 6], None),
        ([0], [5], None),
    ],
)
def test_where_reward_and_agreement_part(
    rewards: list[float], errors: list[float], look: int | None
) -> None:
    assert parting(rewards, errors) == look


def test_curves_are_kept_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    looks = [(0, 0.0, 3.0), (4, 1.0, 2.0), (8, 2.0, 2.5)]
    rows: list[curves.Row] = [
        {"update": u, "kl": 0.1 * u, "held_reward": r, "held_errors": e} for u, r, e in looks
    ]
    rows.insert(1, {"update": 1, "kl": 0.05, "clip_fraction": 0.5})
    curves.write(tmp_path, rows)
    assert curves.read(tmp_path)[1]["held_errors"] is None
    for name in ("one.svg", "two.svg"):
        curves.main([str(tmp_path), "--out", str(tmp_path / name)])
    assert "part at update 4" in capsys.readouterr().out
    drawn = (tmp_path / "one.svg").read_bytes()
    assert b"errors a report, held out" in drawn
    assert drawn == (tmp_path / "two.svg").read_bytes()


def test_the_look_to_stop_at_is_the_earliest_best_over_all_folds() -> None:
    assert best([[4, 3, 3], [4, 3, 3]], [10, 10]) == 1
    assert best([[4, 3, 5], [4, 5, 2]], [30, 10]) == 1
    # A method that helps nowhere is stopped before it begins.
    assert best([[1, 2, 2], [1, 1, 3]], [1, 1]) == 0
    with pytest.raises(ValueError, match="equally often"):
        best([[1, 2], [1]], [1, 1])


def test_best_of_n_takes_whole_outputs_and_is_never_below_the_greedy_one() -> None:
    torch.manual_seed(2)
    logits, reward = torch.randn(20, 5, 4), torch.randn(20, 5, 4)

    def earned(chosen: torch.Tensor) -> torch.Tensor:
        return reward.gather(-1, chosen[..., None]).sum((1, 2))

    few, many = (torch.from_numpy(best_of(logits, reward, n, 0)).long() for n in (1, 400))
    assert (earned(few) >= earned(logits.argmax(-1))).all()
    assert earned(many).mean() > earned(few).mean()
    assert (earned(many) <= reward.max(-1).values.sum(-1) + 1e-6).all()
    assert np.array_equal(best_of(logits, reward, 9, 1), best_of(logits, reward, 9, 1))


def decided(rng: np.random.Generator, gold: np.ndarray, share: float) -> np.ndarray:  # type: ignore[type-arg]
    wrong = rng.random(gold.shape) < share
    return np.where(wrong, (gold + 1) % 4, gold).astype(np.int8)


def test_rows_are_told_apart_over_reports_and_seeds() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 4, (120, len(LABELS))).astype(np.int8)
    shares = {"sft": [0.10], "same": [0.10, 0.10, 0.10], "better": [0.05, 0.05, 0.05]}
    rows = {
        name: [counts(LABELS, gold, decided(rng, gold, share)) for share in own]
        for name, own in shares.items()
    }
    found = Hierarchy(LABELS, rows, [80, 40], rounds=400)
    gaps = found.differences("sft", "errors")
    assert gaps["better"].p < 0.05
    assert gaps["better"].interval[1] < 0
    assert gaps["same"].p > 0.05
    assert gaps["better"].value == pytest.approx(
        found.value("better", "errors") - found.value("sft", "errors")
    )
    table = comparison_table.markdown(found, {n: len(r) for n, r in rows.items()}, ["sft"], ["a"])
    assert "### Less sft" in table
    record = comparison_table.record(found, {"sft": 1, "better": 3}, ["sft"])
    assert record["differences"]["sft"]["errors"]["better"]["value"] < 0
    with pytest.raises(ValueError, match="same reports"):
        Hierarchy(LABELS, rows, [80], rounds=10)


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, (100, len(LABELS))).astype(np.int8)
    even = [counts(LABELS, gold, decided(rng, gold, 0.1)) for _ in range(2)]
    uneven = [counts(LABELS, gold, decided(rng, gold, share)) for share in (0.01, 0.19)]
    found = Hierarchy(LABELS, {"even": even, "uneven": uneven}, [100], rounds=400)
    widths = [np.ptp(found.interval(row, "errors")) for row in ("even", "uneven")]
    assert widths[1] > 2 * widths[0]


def test_a_bootstrap_p_is_two_sided_and_never_nothing() -> None:
    assert p_value(np.full(99, -1.0)) == pytest.approx(2 / 100)
    assert p_value(np.array([-1.0, 1.0] * 50)) == 1
    assert p_value(np.array([np.nan, 1.0, 1.0, 1.0])) == pytest.approx(2 / 4)


def test_memory_on_paper_counts_what_a_model_has(tiny_base: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(tiny_base))
    shape = memory.Shape.read(tiny_base)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    parts = memory.table(memory.SEVEN, rank=16, reports=8, tokens=300)
    assert parts[-1][1] == pytest.approx(sum(size for _, size in parts[:-1]))
    assert parts[-1][1] < 24 < memory.separate(memory.SEVEN)
    with pytest.raises(ValueError, match="no Llama-family model"):
        memory.Shape.read(tiny_base / "absent")

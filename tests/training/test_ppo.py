"""PPO and the methods beside it, on a tiny real model: they learn, resume, stop and stay close."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

from chexdesk.labels import chexpert14
from training import base, data
from training.ppo import train
from training.rlhf import curves, pairfile
from training.rlhf.pairfile import Pairs
from training.rlhf.pairs import Preference, key
from training.rlhf.settings import Settings

LABELS = chexpert14()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, loud_base: Path) -> Path:
    """An adapter that changes nothing yet: it stands for the SFT policy."""
    model, _ = base.load(loud_base)
    torch.manual_seed(4)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    folder = tmp_path_factory.mktemp("sft") / "adapter"
    get_peft_model(model, lora).save_pretrained(str(folder))
    return folder


def toy(folder: Path, name: str, reports: int) -> dict[str, str]:
    """Reports in which one word decides one finding; all others are not mentioned."""
    rows = []
    for number in range(reports):
        numbers: list[int | None] = [None] * len(LABELS)
        numbers[10] = 1 - number % 2
        text = f"{'no' if number % 2 else 'there is an'} effusion, {name}."
        rows.append(json.dumps({"id": f"{name}{number}", "text": text, "labels": numbers}))
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return {"name": name, "path": str(path)}


def settings(folder: Path, tiny: Path, start: Path, **changes: Any) -> Settings:
    raw: dict[str, Any] = {
        "method": "ppo",
        "seed": 3,
        "out": str(folder / "run"),
        "start": str(start),
        "base": str(tiny),
        "reward": "agreement",
        "preferences": None,
        "tables": str(folder / "tables"),
        "max_tokens": 64,
        "near_duplicates": False,
        "held_out": 0.0,
        "sources": [toy(folder, "learnt", 16)],
        "unlabelled": 0.0,
        "doubtful": 1.0,
        "watch": [toy(folder, "watched", 4)],
        "updates": 12,
        "reports": 8,
        "samples": 16,
        "epochs": 2,
        "minibatch": 4,
        "rate": 0.003,
        "value_rate": 0.01,
        "warmup": 1,
        "clip": 0.2,
        "value_clip": 0.2,
        "entropy": 0.0,
        "whiten": "batch",
        "kl": {"coefficient": 0.001, "target": None, "horizon": 1000, "stop": 100.0},
        "dpo_beta": 0.1,
        "check_every": 4,
        "save_every": 1,
    }
    kl = {**raw["kl"], **changes.pop("kl", {})}
    return Settings.of({**raw, **changes, "kl": kl})


def weights(adapter: Path) -> dict[str, torch.Tensor]:
    return load_file(str(adapter / "adapter_model.safetensors"))


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("method", ["ppo", "rloo", "grpo"])
def test_a_toy_task_is_learnt_from_the_reward(
    tmp_path: Path, loud_base: Path, start: Path, method: str
) -> None:
    train(settings(tmp_path, loud_base, start, method=method))
    rows = curves.read(tmp_path / "run")
    # Before the first update the policy is the SFT policy: no distance, and what that one earns.
    assert rows[0]["held_kl"] == pytest.approx(0, abs=1e-9)
    assert rows[1]["kl"] == pytest.approx(0, abs=1e-9)
    assert rows[1]["reward"] == pytest.approx(0, abs=0.3)
    assert rows[-1]["reward"] > 0.8  # type: ignore[operator]
    assert rows[-1]["held_errors"] < rows[0]["held_errors"] / 4  # type: ignore[operator]
    assert rows[-1]["steps"] == 12 * 2 * 2


def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(
    tmp_path: Path, loud_base: Path, start: Path
) -> None:
    kl = {"target": 0.01}
    given = settings(tmp_path, loud_base, start, updates=5, kl=kl)
    unbroken = train(given)
    broken = replace(given, out=tmp_path / "broken")
    train(replace(broken, stop_after=2))
    assert (tmp_path / "broken" / "adapter").is_dir()
    resumed = train(broken)
    assert equal(weights(unbroken), weights(resumed))
    assert not equal(weights(unbroken), weights(start))
    ours, theirs = (curves.read(folder) for folder in (given.out, broken.out))
    for row in (*ours, *theirs):
        row.pop("seconds", None)
    # The look at the end of the part is the one thing more that the broken run has.
    theirs[2] = {k: None if k.startswith("held_") else v for k, v in theirs[2].items()}
    assert ours == theirs
    assert ours[-1]["coefficient"] != given.kl.coefficient


def test_a_checkpoint_of_another_run_is_refused(
    tmp_path: Path, loud_base: Path, start: Path
) -> None:
    given = settings(tmp_path, loud_base, start, updates=1)
    train(given)
    with pytest.raises(ValueError, match=r"run\.pt is of another run"):
        train(replace(given, clip=0.3))


def test_an_update_ends_where_the_policy_has_gone_far(
    tmp_path: Path, loud_base: Path, start: Path
) -> None:
    train(settings(tmp_path, loud_base, start, updates=1, kl={"stop": 1e-6}))
    # The first step starts from the policy that drew; before the second it has moved.
    assert curves.read(tmp_path / "run")[-1]["steps"] == 1


def test_a_heavy_penalty_holds_the_policy(tmp_path: Path, loud_base: Path, start: Path) -> None:
    far = settings(tmp_path, loud_base, start, updates=5)
    near = replace(far, out=tmp_path / "near", kl=replace(far.kl, coefficient=1000.0))
    train(far)
    train(near)
    distance = [curves.read(run.out)[-1]["held_kl"] for run in (far, near)]
    assert distance[1] < distance[0] / 10  # type: ignore[operator]


def test_continued_sft_has_the_same_updates_and_looks(
    tmp_path: Path, loud_base: Path, start: Path
) -> None:
    ppo = settings(tmp_path, loud_base, start, updates=4)
    sft = replace(ppo, method="continued", out=tmp_path / "sft")
    train(ppo)
    train(sft)
    ours, theirs = curves.read(ppo.out), curves.read(sft.out)
    assert [row["steps"] for row in ours[1:]] == [row["steps"] for row in theirs[1:]]
    looks = [
        [row["update"] for row in rows if row["held_errors"] is not None] for rows in (ours, theirs)
    ]
    assert looks[0] == looks[1] == [0, 4]
    assert theirs[-1]["held_errors"] < theirs[0]["held_errors"]  # type: ignore[operator]


def test_dpo_learns_which_of_two_is_better(tmp_path: Path, loud_base: Path, start: Path) -> None:
    given = settings(tmp_path, loud_base, start, method="dpo", updates=4, reward="agreement")
    given = replace(given, preferences=pairs(tmp_path, given))
    train(given)
    rows = curves.read(given.out)
    assert rows[1]["policy_loss"] == pytest.approx(math.log(2), abs=0.05)
    assert rows[-1]["pair_accuracy"] > 0.9  # type: ignore[operator]
    assert rows[-1]["policy_loss"] < 0.5  # type: ignore[operator]


def pairs(folder: Path, given: Settings) -> Path:
    """The expert's answers against the same with the one finding turned round."""
    examples = data.read(given.sources[0], LABELS)
    found = []
    for example in examples:
        wrong = list(example.answers)
        wrong[10] = 1 - wrong[10]
        found.append(
            Preference(
                key(example.text), example.id, "learnt", example.answers, tuple(wrong), "expert",
                1.0, "missed" if example.answers[10] == 0 else "invented",
            )
        )  # fmt: skip
    path = folder / "pairs.jsonl"
    pairfile.write(path, Pairs(tuple(found), tuple(given.sources), ()), LABELS)
    return path

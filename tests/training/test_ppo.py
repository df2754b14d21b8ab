"""PPO and the methods beside it, on a tiny real model: they learn, resume, stop and stay close."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, MistralConfig, Qwen2Config

from chexdesk.labels import chexpert14
from training import base, data, predict, rlhf_compare, rlhf_folds
from training.evaluation import systems
from training.ppo import train
from training.rlhf import curves, pairfile, policy
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
    given = settings(tmp_path, loud_base, start, method="dpo", updates=8, rate=0.01, dpo_beta=1.0)
    given = replace(given, preferences=pairs(tmp_path, given))
    train(given)
    rows = curves.read(given.out)
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


@pytest.mark.parametrize("family", [MistralConfig, Qwen2Config])
def test_the_architectures_of_7b_bases_learn_by_the_same_code(
    tmp_path: Path, loud_base: Path, family: Any
) -> None:
    torch.manual_seed(6)
    config = family(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    for file in loud_base.glob("tokenizer*"):
        shutil.copy(file, tmp_path / "base")
    sft = tmp_path / "sft"
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    get_peft_model(base.load(tmp_path / "base")[0], lora).save_pretrained(str(sft))
    adapter = train(settings(tmp_path, tmp_path / "base", sft, updates=2))
    before, after = weights(sft), weights(adapter)
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert before.keys() == after.keys()
    # All seven matrices of both layers learn, through the slots' attention.
    assert len([name for name in moved if "lora_B" in name]) == 14


def test_saving_memory_changes_no_gradient(loud_base: Path, start: Path) -> None:
    model, tokenizer = base.load(loud_base)
    learner = policy.load(model, start, predict.wire(tokenizer, LABELS))
    tokens = [learner.wire.report(text) for text in ("an effusion.", "the lungs are clear.")]

    def gradients() -> list[torch.Tensor]:
        logits, values = learner(tokens)
        (logits.square().mean() + values.mean()).backward()
        found = [p.grad.clone() for p in learner.parameters() if p.grad is not None]
        learner.zero_grad()
        return found

    plain = gradients()
    learner.save_memory()
    saved = gradients()
    assert len(plain) == len(saved) == 28 + 2
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(plain, saved, strict=True))
    assert all(not p.requires_grad for n, p in learner.named_parameters() if "base_layer" in n)


def test_folds_choose_where_to_stop_and_are_not_run_twice(
    tmp_path: Path, loud_base: Path, start: Path
) -> None:
    raw = settings(tmp_path, loud_base, start, updates=4, watch=[]).plain()
    for name in ("fold", "stop_after"):
        del raw[name]
    raw["folds"] = {
        "source": "learnt",
        "of": 2,
        "out": str(tmp_path / "{method}-folds" / "{fold}"),
        "start": str(start),
        "reward": "agreement",
    }
    path = tmp_path / "ppo.yaml"
    path.write_text(yaml.safe_dump(raw))
    chosen = rlhf_folds.run(path, {})
    record = json.loads(chosen.read_text())
    assert chosen.parent.name == "ppo-folds"
    assert record["stop_after"] == 4
    assert record["held_out_reports"] == 16
    assert [look["update"] for look in record["looks"]] == [0, 4]
    made = {f: f.stat().st_mtime_ns for f in chosen.parent.rglob("*.safetensors")}
    assert len(made) == 2
    assert rlhf_folds.run(path, {}) == chosen
    assert all(file.stat().st_mtime_ns == time for file, time in made.items())
    with pytest.raises(ValueError, match="no fold 2"):
        Settings.load(path, fold=2)


def test_a_comparison_trains_labels_and_tests_every_row(
    tmp_path: Path, loud_base: Path, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(tmp_path, loud_base, start, updates=4)
    raw = {k: v for k, v in given.plain().items() if k not in ("fold", "stop_after")}
    (tmp_path / "ppo.yaml").write_text(yaml.safe_dump(raw))
    rows = {"sft": {"method": "start"}, "ppo": {"method": "ppo"}}
    compared = {
        "config": str(tmp_path / "ppo.yaml"),
        "out": str(tmp_path / "compare"),
        "seeds": [1, 2],
        "golds": ["toy"],
        "against": ["sft"],
        "rounds": 200,
        "common": {"updates": 3},
        "rows": {**rows, "continued": {"method": "continued"}},
    }
    path = tmp_path / "compare.yaml"
    path.write_text(yaml.safe_dump(compared))
    monkeypatch.setitem(systems.GOLD, "toy", given.watch[0])
    rlhf_compare.main(["--config", str(path)])
    made = sorted(f.name for f in (tmp_path / "compare" / "decisions").iterdir())
    assert made == [
        f"{row}.toy.jsonl" for row in ("continued.1", "continued.2", "ppo.1", "ppo.2", "sft.1")
    ]
    record = json.loads((tmp_path / "compare" / "results.json").read_text())
    gap = record["differences"]["sft"]["errors"]["ppo"]
    assert gap["value"] < 0
    assert gap["p"] < 0.05
    assert (tmp_path / "compare" / "results.md").read_text().count("| ppo |") == 2
    # Nothing is missing, so nothing is run: not even the model has to be there.
    before = (tmp_path / "compare" / "results.json").read_bytes()
    shutil.rmtree(tmp_path / "compare" / "ppo")
    rlhf_compare.main(["--config", str(path)])
    assert (tmp_path / "compare" / "results.json").read_bytes() == before
    with pytest.raises(SystemExit):
        rlhf_compare.main(["--config", str(path), "--only", "dpo"])

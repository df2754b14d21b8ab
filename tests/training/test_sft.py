"""Fine-tuning itself, on a tiny model: it learns, it resumes, it leaves an adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from chexdesk.labels import chexpert14
from training.sft import WEIGHTS, Config, examples, interpolate, train

LABELS = chexpert14()


def config(folder: Path, tiny_base: Path, **changes: Any) -> Config:
    rows = []
    for number in range(48):
        numbers: list[int | None] = [None] * len(LABELS)
        numbers[10] = number % 2
        text = "there is an effusion." if number % 2 else "there is no effusion."
        rows.append(json.dumps({"id": number, "text": text, "labels": numbers}))
    gold = folder / "gold.jsonl"
    gold.write_text("\n".join(rows) + "\n")
    raw = {
        "seed": 3,
        "out": str(folder / "run"),
        "base": str(tiny_base),
        "max_tokens": 64,
        "held_out": 0.25,
        "sources": [{"name": "toy", "path": str(gold)}],
        "lora": {"rank": 8, "alpha": 16},
        "epochs": 8,
        "batch": 4,
        "rate": 0.02,
        "warmup": 0.05,
        "check_every": 10,
        "patience": 50,
        "near_duplicates": False,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**raw, **changes}))
    return Config.load(path)


def test_it_learns_a_toy_task_and_leaves_an_adapter(tmp_path: Path, tiny_base: Path) -> None:
    adapter = train(config(tmp_path, tiny_base))
    record = json.loads((adapter / "training.json").read_text())
    assert record["held_out"]["macro_f1"] > 0.9
    assert record["examples"]["toy held out"] > 0
    assert (adapter / "adapter_model.safetensors").is_file()


def test_a_stopped_run_goes_on_from_its_checkpoint(tmp_path: Path, tiny_base: Path) -> None:
    first = train(config(tmp_path, tiny_base, epochs=2))
    before = sorted(p.name for p in (tmp_path / "run" / "checkpoints").glob("checkpoint-*"))
    train(config(tmp_path, tiny_base, epochs=3))
    state = max((tmp_path / "run" / "checkpoints").glob("checkpoint-*/trainer_state.json"))
    history = json.loads(state.read_text())["log_history"]
    steps = [entry["step"] for entry in history]
    assert before
    assert first.is_dir()
    # One history without a break or a second beginning: the later run took up the earlier one's.
    assert steps == sorted(steps)
    assert steps[0] < int(before[-1].split("-")[1]) < steps[-1]


def test_an_unknown_field_is_named(tmp_path: Path, tiny_base: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.yaml"):
        config(tmp_path, tiny_base, learning="fast")


def test_a_stage_begins_with_the_adapter_of_the_one_before(tmp_path: Path, tiny_base: Path) -> None:
    first = train(config(tmp_path, tiny_base))
    changes = {"start": str(first), "out": str(tmp_path / "next"), "epochs": 1, "rate": 1e-5}
    # One look after few steps at a rate that changes nothing: what it knows, it knew before.
    adapter = train(config(tmp_path, tiny_base, **changes))
    record = json.loads((adapter / "training.json").read_text())
    assert record["held_out"]["macro_f1"] > 0.9


def test_a_fold_holds_out_its_reports_and_nothing_else(tmp_path: Path, tiny_base: Path) -> None:
    held: set[str] = set()
    for index in range(3):
        fold = {"source": "toy", "of": 3, "index": index}
        train_set, held_set, _ = examples(config(tmp_path, tiny_base, fold=fold), LABELS)
        here = {example.id for example in held_set}
        assert here
        assert not here & {example.id for example in train_set}
        assert not here & held
        held |= here
    assert len(held) == 48


def test_nothing_held_out_trains_to_the_end(tmp_path: Path, tiny_base: Path) -> None:
    adapter = train(config(tmp_path, tiny_base, held_out=0.0, epochs=1, check_every=1000))
    record = json.loads((adapter / "training.json").read_text())
    assert record["held_out"] == {}
    assert record["examples"]["toy trained on"] == 48


def test_an_adapter_between_two_lies_on_the_line(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        save_file({"w": torch.full((2, 2), value)}, tmp_path / name / WEIGHTS)
    interpolate(tmp_path / "a", tmp_path / "b", 0.25)
    assert load_file(tmp_path / "b" / WEIGHTS)["w"].tolist() == [[1.5, 1.5], [1.5, 1.5]]
    assert load_file(tmp_path / "a" / WEIGHTS)["w"].tolist() == [[1.0, 1.0], [1.0, 1.0]]

"""The reward model, on a tiny base: it reads each answer alone, learns, resumes, and is judged."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from chexdesk.labels import chexpert14
from training import base, predict, reward, sft
from training.data import SourceSpec
from training.preferences import distinct
from training.reward import Config
from training.rlhf import answer_slots, pairfile, reward_batches, reward_figures, reward_model
from training.rlhf.pairfile import Pairs
from training.rlhf.pairs import EXPERT, MISSED, Preference, key

LABELS = chexpert14()
TEXTS = ["no acute disease.", "small left effusion, possibly with atelectasis. no pneumothorax."]
SILENT = (3,) * len(LABELS)


def with_answer(finding: int, answer: int) -> tuple[int, ...]:
    return (*SILENT[:finding], answer, *SILENT[finding + 1 :])


@pytest.fixture(scope="session")
def sft_adapter(tmp_path_factory: pytest.TempPathFactory, loud_base: Path) -> Path:
    """An adapter of a stage that saw other reports; hardly trained."""
    folder = tmp_path_factory.mktemp("sft")
    gold = folder / "gold.jsonl"
    labels = [None] * len(LABELS)
    rows = [{"id": n, "text": f"report {n} is unremarkable.", "labels": labels} for n in range(8)]
    gold.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = sft.Config(
        seed=1,
        out=folder / "run",
        base=loud_base,
        max_tokens=64,
        held_out=0.0,
        sources=[SourceSpec("other", str(gold))],
        lora={"rank": 8, "alpha": 16},
        epochs=1,
        batch=4,
        rate=1e-4,
        warmup=0.0,
        check_every=10,
        patience=5,
        near_duplicates=False,
        raw={
            "sources": [{"name": "other", "path": str(gold)}],
            "held_out": 0.0,
            "start": None,
        },
    )
    return sft.train(config)


@pytest.fixture
def toy(tmp_path: Path, loud_base: Path, sft_adapter: Path) -> Config:
    """Pairs that can only be told apart by reading: is there an effusion, or is there none?"""
    gold = tmp_path / "toy.jsonl"
    rows, found = [], []
    for number in range(60):
        there = number % 2 == 0
        text = f"{'there is an' if there else 'there is no'} effusion. study {number}."
        answers = with_answer(10, 0 if there else 1)
        numbers: list[int | None] = [None] * len(LABELS)
        numbers[10] = 1 if there else 0
        rows.append(json.dumps({"id": number, "text": text, "labels": numbers}))
        wrong = with_answer(10, 1 if there else 0)
        found.append(Preference(key(text), str(number), "toy", answers, wrong, EXPERT, 1.0, MISSED))
    gold.write_text("\n".join(rows) + "\n")
    path = tmp_path / "pairs.jsonl"
    pairfile.write(path, Pairs(tuple(found), (SourceSpec("toy", str(gold)),), ()), LABELS)
    raw: dict[str, Any] = {
        "seed": 1,
        "out": str(tmp_path / "reward"),
        "base": str(loud_base),
        "start": str(sft_adapter),
        "pairs": str(path),
        "max_tokens": 64,
        "held_out": 0.3,
        "epochs": 10,
        "batch": 4,
        "rate": 0.01,
        "warmup": 0.05,
        "schedule": "cosine",
        "check_every": 20,
    }
    file = tmp_path / "reward.yaml"
    file.write_text(yaml.safe_dump(raw))
    return Config.load(file)


def test_a_table_is_what_each_output_earns_alone(loud_base: Path, sft_adapter: Path) -> None:
    """Every entry equals plain causal reading of instruction, report, one marker, one answer."""
    torch.manual_seed(0)
    model, _, wire = reward_model.begin(loud_base, sft_adapter, LABELS)
    model.eval()
    table = reward_model.table(model, wire, TEXTS)
    assert table.shape == (2, len(LABELS), 4)
    assert table.std(axis=-1).min() > 0
    model.set_attn_implementation("eager")
    for text, own in zip(TEXTS, table, strict=True):
        for finding, answer in [(0, 0), (10, 2), (13, 3)]:
            ids = [*wire.prefix, *wire.report(text), wire.markers[finding], wire.answers[answer]]
            with torch.no_grad():
                plain = model(input_ids=torch.tensor([ids])).logits[0, -1, 0]
            assert own[finding, answer] == pytest.approx(plain.item(), abs=1e-4)


def test_differences_of_a_batch_are_those_of_the_table(loud_base: Path, sft_adapter: Path) -> None:
    """What no pair disagrees on is not asked, and changes nothing."""
    torch.manual_seed(0)
    model, _, wire = reward_model.begin(loud_base, sft_adapter, LABELS)
    model.eval()
    found = [
        Preference(key(text), text, "s", chosen, rejected, EXPERT, 1.0, MISSED)
        for text in TEXTS
        for chosen, rejected in [
            (with_answer(10, 0), SILENT),
            (with_answer(4, 2), with_answer(5, 1)),
        ]
    ]
    texts = {key(text): text for text in TEXTS}
    rows = reward_batches.rows(wire, found, texts, 512)
    batch = reward_batches.PreferenceCollator(wire)(rows)
    assert len(batch["places"]) == 2 * 6
    with torch.no_grad():
        packed = reward_batches.differences(batch, reward_model.rewards(model, batch)).numpy()
    table = reward_model.table(model, wire, TEXTS)
    whole = reward_figures.differences(table, [key(text) for text in TEXTS], found)
    assert np.allclose(packed, whole, atol=1e-4)
    assert np.abs(whole).min() > 0


def test_answers_see_their_report_and_marker_only() -> None:
    parents = torch.tensor([-1, -1, 2, 3, 2, 3])
    mask = answer_slots.block_mask(1, parents).int().tolist()
    assert mask == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 1, 0, 0],
        [1, 1, 1, 1, 0, 1, 0],
        [1, 1, 1, 0, 1, 0, 1],
    ]


def test_it_learns_and_the_control_without_reports_does_not(toy: Config) -> None:
    reward.train(toy)
    reward.train(replace(toy, blind=True))
    found = reward.evaluate(toy)
    assert found["held out"]["all"]["pairs"] > 8
    assert found["held out"]["all"]["accuracy"] > 0.9
    assert found["blind"]["all"]["accuracy"] < 0.75
    assert found["blind"]["worse by"] > 0.15
    assert found["best answers"]["toy"]["reports"] == found["held out"]["all"]["reports"]
    assert json.loads((toy.out / "figures.json").read_text()) == found


def test_reports_are_never_on_both_sides(toy: Config) -> None:
    pairs = pairfile.read(toy.pairs, LABELS)
    twice = [replace(p, chosen=with_answer(3, 2)) for p in pairs.preferences]
    both = replace(pairs, preferences=(*pairs.preferences, *twice))
    learnt, held = reward.split(toy, both, LABELS)
    assert len(learnt) + len(held) == 120
    assert held
    assert not {p.report for p in learnt} & {p.report for p in held}


def test_a_fold_is_held_out_whole(toy: Config) -> None:
    pairs = pairfile.read(toy.pairs, LABELS)
    held: set[str] = set()
    for index in range(3):
        fold = {"source": "toy", "of": 3, "index": index}
        own = {p.report for p in reward.split(replace(toy, fold=fold), pairs, LABELS)[1]}
        assert own
        assert not own & held
        held |= own
    assert held == {p.report for p in pairs.preferences}


def test_a_stopped_run_ends_as_an_unbroken_one(toy: Config) -> None:
    """The schedule is the whole run's, so a run is stopped by taking its last checkpoint away."""
    short = replace(toy, epochs=4, check_every=15)
    whole = load(reward.train(short))
    later = short.folder / "checkpoints"
    steps = sorted(int(p.name.split("-")[1]) for p in later.glob("checkpoint-*"))
    assert len(steps) == 2
    (later / f"checkpoint-{steps[-1]}").rename(short.out / "gone")
    resumed = load(reward.train(short))
    for name, tensor in whole.items():
        assert torch.allclose(tensor, resumed[name], atol=1e-6), name


def load(adapter: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    found: dict[str, Any] = load_file(adapter / "adapter_model.safetensors")
    return found


def test_a_trained_model_is_kept_with_its_head(toy: Config) -> None:
    adapter = reward.train(replace(toy, epochs=1))
    first, wire = reward_model.load(adapter, toy.base, LABELS)
    again, _ = reward_model.load(adapter, toy.base, LABELS)
    one, two = (reward_model.table(model, wire, TEXTS) for model in (first, again))
    assert np.array_equal(one, two)


def test_calibration_tells_boasting_from_knowing() -> None:
    right = np.array([1.0] * 75 + [-1.0] * 25)
    honest = reward_figures.calibration(right * math.log(3))
    boasting = reward_figures.calibration(right * 9)
    assert honest["error"] < 0.3 * boasting["error"]
    assert honest["log loss"] == pytest.approx(0.5623, abs=1e-3)
    assert boasting["log loss"] > 2


def test_what_is_missing_is_named(toy: Config, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.jsonl"):
        reward.train(replace(toy, pairs=tmp_path / "nowhere.jsonl"))
    with pytest.raises(FileNotFoundError, match="no adapter"):
        reward_model.begin(toy.base, tmp_path, LABELS)
    with pytest.raises(FileNotFoundError, match="reward model"):
        reward_model.load(tmp_path, toy.base, LABELS)


def test_equal_tokens_for_policy_and_reward(loud_base: Path) -> None:
    """Up to the markers, a report is packed as the policy reads it."""
    from training import slots

    _, tokenizer = base.load(loud_base)
    wire = predict.wire(tokenizer, LABELS)
    tokens = [wire.report(text) for text in TEXTS]
    policy = slots.pack(wire, tokens)["input_ids"][0].tolist()
    every = [answer_slots.everything(wire)] * 2
    packed = answer_slots.pack(wire, tokens, every)
    row = packed["input_ids"][0]
    kept = torch.ones(len(row), dtype=torch.bool)
    kept[packed["places"]] = False
    assert row[kept].tolist() == policy


def test_pairs_said_twice_count_once() -> None:
    one = Preference("r", "1", "s", SILENT, with_answer(1, 0), EXPERT, 1.0, MISSED)
    turned = replace(one, chosen=one.rejected, rejected=one.chosen, weight=2.0)
    assert distinct([one, one]) == [one]
    assert distinct([one, turned]) == [turned]

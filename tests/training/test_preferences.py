"""Preferences: who may label what, how candidates are ranked, and what a file holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from chexdesk.labels import CERTAINTIES, chexpert14
from chexdesk.services.preferences import render_completion, render_prompt
from training import data, preferences
from training.data import Example, SourceSpec
from training.preferences import Config, Expert
from training.rlhf import exported, pairfile, pairs, unseen
from training.rlhf.pairs import CERTAINTY, CORRECTION, EXPERT, INVENTED, MISSED, Costs
from training.rlhf.unseen import LeakError

LABELS = chexpert14()
POSITIVE, NEGATIVE, UNCERTAIN, NONE = range(4)
OUTPUTS = st.tuples(*[st.integers(0, 3)] * len(LABELS))
SECRET = "small pleural effusion of zanzibar."


def output(**answers: int) -> tuple[int, ...]:
    """All silent but for these, as in `f10=POSITIVE`."""
    return tuple(answers.get(f"f{place}", NONE) for place in range(len(LABELS)))


def gold_file(path: Path, texts: list[str], answers: tuple[int, ...]) -> SourceSpec:
    numbers = [CERTAINTIES[answer].value_number for answer in answers]
    rows = [{"id": f"r{n}", "text": text, "labels": numbers} for n, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SourceSpec("toy", str(path))


def record(adapter: Path, sources: list[dict[str, Any]], start: Path | None = None) -> Path:
    adapter.mkdir()
    config = {"sources": sources, "held_out": 0.0, "start": str(start) if start else None}
    (adapter / "training.json").write_text(json.dumps({"config": config}))
    return adapter


def folds_file(path: Path, examples: list[Example], of: int) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        path,
        ids=np.array([e.id for e in examples]),
        logits=rng.normal(size=(len(examples), len(LABELS), 4)).astype(np.float32),
        gold=np.array([e.answers for e in examples], dtype=np.int8),
        fold=np.array([data.fold(e.id, of) for e in examples]),
    )
    return path


@pytest.fixture
def config(tmp_path: Path) -> Config:
    spec = gold_file(
        tmp_path / "toy.jsonl", [f"{SECRET} study {n}" for n in range(12)], output(f10=POSITIVE)
    )
    folds = folds_file(tmp_path / "folds.npz", data.read(spec, LABELS), 5)
    raw = {
        "seed": 1,
        "out": str(tmp_path / "out"),
        "base": None,
        "near_duplicates": False,
        "folds_of": 5,
        "temperature": 1.5,
        "samples": 8,
        "cap": 6,
        "costs": {"missed": 2, "invented": 2, "certainty": 1},
        "experts": [
            {"reports": {"name": "toy", "path": spec.path}, "folds": str(folds), "weight": 1}
        ],
        "exports": [],
    }
    path = tmp_path / "preferences.yaml"
    path.write_text(yaml.safe_dump(raw))
    return Config.load(path)


def test_missed_and_invented_positives_cost_more_than_a_wrong_certainty() -> None:
    costs = Costs()
    truth = output(f1=POSITIVE, f2=NEGATIVE, f3=UNCERTAIN)
    same = costs.total(truth, truth)
    doubted = costs.total(truth, output(f1=UNCERTAIN, f2=NEGATIVE, f3=UNCERTAIN))
    unsaid = costs.total(truth, output(f1=POSITIVE, f3=UNCERTAIN))
    missed = costs.total(truth, output(f1=NEGATIVE, f2=NEGATIVE, f3=UNCERTAIN))
    invented = costs.total(truth, output(f1=POSITIVE, f2=POSITIVE, f3=UNCERTAIN))
    assert same == 0
    assert 0 < doubted == unsaid < missed == invented
    with pytest.raises(ValueError, match="above 0"):
        Costs(certainty=0)


def test_the_kind_is_the_heaviest_error_of_the_rejected_alone() -> None:
    truth = output(f1=POSITIVE, f2=UNCERTAIN)
    chosen = output(f1=NEGATIVE, f2=UNCERTAIN)
    assert pairs.kind(truth, truth, chosen, Costs()) == MISSED
    # Both miss f1, so that is not what tells them apart.
    assert pairs.kind(truth, chosen, output(f1=NEGATIVE), Costs()) == CERTAINTY
    worse = output(f1=NEGATIVE, f3=POSITIVE)
    assert pairs.kind(truth, chosen, worse, Costs()) == INVENTED
    with pytest.raises(ValueError, match="no error of its own"):
        pairs.kind(truth, chosen, truth, Costs())


@settings(max_examples=50, deadline=None)
@given(truth=OUTPUTS, others=st.lists(OUTPUTS, max_size=8), cap=st.integers(1, 9))
def test_ranked_pairs_keep_order_and_cap(
    truth: tuple[int, ...], others: list[tuple[int, ...]], cap: int
) -> None:
    costs = Costs()
    found = pairs.ranked(truth, [truth, *others], costs, cap, np.random.default_rng(0))
    every = pairs.ranked(truth, [truth, *others], costs, 999, np.random.default_rng(0))
    distinct = {costs.total(truth, said) for said in others} - {0}
    assert len(found) == min(cap, len(every))
    assert bool(every) == bool(distinct)
    assert len({pair[:2] for pair in every}) == len(every)
    for better, worse, kind in every:
        assert costs.total(truth, better) < costs.total(truth, worse)
        assert kind in pairs.errors(truth, worse).values()


def test_a_cap_leaves_room_for_each_kind() -> None:
    many = [output(f1=POSITIVE, **{f"f{n}": NEGATIVE}) for n in range(2, 12)]
    found = pairs.ranked(
        output(f1=POSITIVE), [output(f1=POSITIVE), output(), *many], Costs(), 2,
        np.random.default_rng(0),
    )  # fmt: skip
    assert {kind for _, _, kind in found} == {MISSED, CERTAINTY}


def test_a_cold_policy_repeats_itself_and_a_warm_one_does_not() -> None:
    logits = np.random.default_rng(0).normal(size=(len(LABELS), 4)).astype(np.float32)
    cold = pairs.sample(logits, 1e-3, 20, np.random.default_rng(1))
    warm = pairs.sample(logits, 2.0, 20, np.random.default_rng(1))
    assert cold == [tuple(logits.argmax(-1).tolist())]
    assert len(warm) > 10
    assert len(set(warm)) == len(warm)


def test_samples_follow_the_policy() -> None:
    logits = np.log(np.array([[0.7, 0.1, 0.1, 0.1]], dtype=np.float32))
    rng = np.random.default_rng(0)
    drawn = [pairs.sample(logits, 1.0, 1, rng)[0][0] for _ in range(2000)]
    assert np.bincount(drawn, minlength=4)[0] / 2000 == pytest.approx(0.7, abs=0.04)


def test_a_report_of_another_fold_is_refused(tmp_path: Path, config: Config) -> None:
    """Each report's logits must be of the very fold that held it out."""
    examples = data.read(config.experts[0].reports, LABELS)
    path = folds_file(tmp_path / "f.npz", examples, 5)
    found, logits = unseen.crossfitted(path, examples, 5, LABELS)
    assert found == examples
    assert logits.shape == (12, len(LABELS), 4)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["fold"] = (arrays["fold"] + 1) % 5
    np.savez(path, **arrays)
    with pytest.raises(LeakError, match="not in fold"):
        unseen.crossfitted(path, examples, 5, LABELS)


def test_what_any_earlier_stage_saw_is_not_labelled_by_it(tmp_path: Path) -> None:
    first = gold_file(tmp_path / "a.jsonl", ["one.", "two."], output())
    second = gold_file(tmp_path / "b.jsonl", ["three.", "two."], output())
    fresh = gold_file(tmp_path / "c.jsonl", ["two.", "three.", "one.", "four."], output())
    early = record(tmp_path / "early", [{"name": "a", "path": first.path}])
    late = record(tmp_path / "late", [{"name": "b", "path": second.path}], early)
    examples = data.read(fresh, LABELS)
    assert [e.text for e in unseen.unseen(examples, early, LABELS)] == ["three.", "four."]
    assert [e.text for e in unseen.unseen(examples, late, LABELS)] == ["four."]
    with pytest.raises(LeakError, match="trained on 3"):
        unseen.logits(late, None, examples, LABELS, tmp_path / "cache")
    (tmp_path / "bare").mkdir()
    with pytest.raises(LeakError, match="does not say"):
        unseen.unseen(examples, tmp_path / "bare", LABELS)


def test_a_built_file_holds_decisions_and_no_text(config: Config) -> None:
    path = preferences.build(config, LABELS)
    assert "zanzibar" not in path.read_text()
    read = pairfile.read(path, LABELS)
    assert read.preferences
    per_report = [p.report for p in read.preferences]
    assert max(map(per_report.count, per_report)) <= config.cap
    assert {p.source for p in read.preferences} == {EXPERT}
    assert path.read_bytes() == preferences.build(config, LABELS).read_bytes()


def test_pairs_are_rendered_as_the_app_renders_its_own(tmp_path: Path, config: Config) -> None:
    read = pairfile.read(preferences.build(config, LABELS), LABELS)
    out = tmp_path / "rendered.jsonl"
    assert pairfile.render(out, read, LABELS) == len(read.preferences)
    row = json.loads(out.read_text().splitlines()[0])
    first = read.preferences[0]
    number = int(first.id.removeprefix("r"))
    assert row["prompt"] == render_prompt(LABELS, f"{SECRET} study {number}")
    assert row["chosen"] == render_completion(LABELS, tuple(CERTAINTIES[a] for a in first.chosen))
    back, texts = exported.read(out, LABELS)
    assert [(p.report, p.chosen, p.rejected) for p in back] == [
        (p.report, p.chosen, p.rejected) for p in read.preferences
    ]
    assert texts == read.texts(LABELS)


def test_corrections_of_the_app_join_the_experts(tmp_path: Path, config: Config) -> None:
    export = tmp_path / "app.jsonl"
    chosen, rejected = output(f3=POSITIVE), output()
    row = {
        "prompt": render_prompt(LABELS, "Lung lesion of zanzibar."),
        "chosen": render_completion(LABELS, tuple(CERTAINTIES[a] for a in chosen)),
        "rejected": render_completion(LABELS, tuple(CERTAINTIES[a] for a in rejected)),
        "source": CORRECTION,
        "weight": 2.0,
        "id": "x",
    }
    export.write_text(json.dumps(row) + "\n")
    read = pairfile.read(preferences.build(replace(config, exports=(export,)), LABELS), LABELS)
    own = [p for p in read.preferences if p.source == CORRECTION]
    assert [(p.chosen, p.rejected, p.weight, p.kind) for p in own] == [
        (chosen, rejected, 2.0, MISSED)
    ]
    assert read.texts(LABELS)[own[0].report] == "lung lesion of zanzibar."
    export.write_text(json.dumps({**row, "prompt": "zanzibar"}) + "\n")
    with pytest.raises(exported.ExportedError, match=r"app\.jsonl:1") as error:
        exported.read(export, LABELS)
    assert "zanzibar" not in str(error.value)


def test_counts_are_shown_by_source_and_kind(config: Config) -> None:
    read = pairfile.read(preferences.build(config, LABELS), LABELS)
    console = Console(record=True, width=100)
    preferences.show(read, console)
    shown = console.export_text()
    assert f"{len(read.preferences)} pairs of 12 reports" in shown
    assert "source: expert" in shown
    for kind in {p.kind for p in read.preferences}:
        assert f"error: {kind}" in shown


def test_what_is_wrong_is_named(tmp_path: Path, config: Config) -> None:
    path = preferences.build(config, LABELS)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace('"expert"', '"rumour"')]))
    with pytest.raises(pairfile.PairFileError, match=r"pairs\.jsonl:2.*rumour"):
        pairfile.read(path, LABELS)
    Path(config.experts[0].reports.path).write_text("")
    path.write_text("\n".join(lines))
    with pytest.raises(pairfile.PairFileError, match="build the pairs anew"):
        pairfile.read(path, LABELS).texts(LABELS)
    bad = tmp_path / "bad.yaml"
    bad.write_text("seed: 1\n")
    with pytest.raises(ValueError, match=r"bad\.yaml"):
        Config.load(bad)


def test_unknown_answers_make_no_pairs(config: Config) -> None:
    expert = Expert(config.experts[0].reports, config.experts[0].folds, None, 1.0)
    example = Example("r", "toy", "text.", (data.UNKNOWN, *output()[1:]))
    logits = np.zeros((1, len(LABELS), 4), dtype=np.float32)
    assert preferences.from_expert(config, expert, [example], logits) == []

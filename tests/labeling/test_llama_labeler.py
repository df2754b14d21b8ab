"""The llama.cpp engine with the real model pack."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chexdesk import paths
from chexdesk.labeling.labeler import MAX_CHARACTERS, WINDOW, LabelerError
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labeling.llama.runtime import Runtime
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import Certainty, chexpert14
from chexdesk.reports.report import Report

LABELS = chexpert14()


@pytest.fixture(scope="module")
def labeler(default_pack: Path) -> Iterator[LlamaLabeler]:
    opened = LlamaLabeler(default_pack, LABELS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """The reference reports that come with the adapter: our own, in eight kinds."""
    path = paths.resources() / "adapter" / LABELS.name / "reference.jsonl"
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


def short(texts: list[str], count: int) -> list[Report]:
    """Many quick reports: the beginnings of the texts, over and over."""
    beginnings = [text[:60] for text in texts]
    return reports((beginnings * (count // len(texts) + 1))[:count])


def reports(texts: list[str]) -> list[Report]:
    return [Report(str(number), text) for number, text in enumerate(texts)]


def test_it_reads_a_plain_report_as_a_person_does(labeler: LlamaLabeler) -> None:
    text = "Small right pleural effusion. No pneumothorax. Possible left lower lobe pneumonia."
    (prediction,) = labeler.label([Report("1", text)])
    said = dict(zip(LABELS.names, prediction.certainties, strict=True))
    assert said[LABELS.names[10]] is Certainty.POSITIVE
    assert said[LABELS.names[9]] is Certainty.NEGATIVE
    assert said[LABELS.names[7]] is Certainty.UNCERTAIN
    for place in range(len(LABELS)):
        assert sum(prediction.probabilities[place]) == pytest.approx(1.0)
        assert prediction.probability(place) == max(prediction.probabilities[place])


def test_the_same_input_gives_the_same_prediction(labeler: LlamaLabeler, texts: list[str]) -> None:
    first = list(labeler.label(reports(texts)))
    assert list(labeler.label(reports(texts))) == first
    assert [p.report_id for p in first] == [str(n) for n in range(len(texts))]


def test_windows_do_not_depend_on_where_a_run_begins(
    labeler: LlamaLabeler, texts: list[str]
) -> None:
    many = short(texts, 2 * WINDOW + 10)
    whole = list(labeler.label(many))
    assert list(labeler.label(many[WINDOW:])) == whole[WINDOW:]


def test_two_workers_say_what_one_says(
    labeler: LlamaLabeler, default_pack: Path, texts: list[str]
) -> None:
    many = short(texts, WINDOW + 20)
    two = LlamaLabeler(default_pack, LABELS, jobs=2)
    try:
        assert len(two.worker_pids) == 2
        assert list(two.label(many)) == list(labeler.label(many))
    finally:
        two.close()


def test_batched_is_plain_decoding_token_by_token(default_pack: Path, texts: list[str]) -> None:
    """Every finding asked alone, the marker after the report as one causal sequence."""
    runtime = Runtime(default_pack / "model.gguf", LABELS, gpu_layers=0, threads=2, max_tokens=2048)
    tokens = [runtime.wire.report(text.lower()) for text in texts[:8]]
    together = runtime.decide(tokens)
    alone = np.concatenate([runtime.decide([each]) for each in tokens])
    runtime.close()
    assert (together.argmax(-1) == alone.argmax(-1)).mean() > 0.99
    assert np.abs(together - alone).max() < 0.5


def test_a_pack_that_hears_the_rules_weighs_them_in(
    default_pack: Path, tmp_path: Path, texts: list[str]
) -> None:
    """At an overwhelming weight the rules decide; left alone, the model does."""
    pack = tmp_path / "pack"
    pack.mkdir()
    shutil.copy(default_pack / "model.gguf", pack)
    manifest = json.loads((default_pack / "manifest.json").read_text("utf-8"))
    manifest["calibration"]["witness"] = [50.0] * 4
    (pack / "manifest.json").write_text(json.dumps(manifest))
    given = [*reports(texts[:12]), Report("empty", "")]
    rules = [prediction.certainties for prediction in RuleLabeler().label(given)]
    own = []
    for alone in (False, True):
        opened = LlamaLabeler(pack, LABELS, alone=alone)
        own.append([prediction.certainties for prediction in opened.label(given)])
        opened.close()
    assert own[0] == rules
    assert own[1] != rules


def test_bad_reports_cost_their_own_row(labeler: LlamaLabeler) -> None:
    given = [
        Report("good", "No acute disease."),
        Report("empty", " \n "),
        Report("unread", "", error="not valid JSON"),
        Report("history", "HISTORY: cough."),
        Report("huge", "x " * MAX_CHARACTERS),
        Report("again", "No acute disease."),
    ]
    found = list(labeler.label(given))
    assert [p.report_id for p in found] == [r.id for r in given]
    assert [bool(p.error) for p in found] == [False, True, True, True, True, False]
    assert found[1].error == "empty report"
    assert found[2].error == "not valid JSON"
    assert "split" in found[4].error
    assert found[0].certainties == found[5].certainties


def test_a_report_longer_than_the_context_is_read_to_its_end(labeler: LlamaLabeler) -> None:
    filler = "The trachea is midline and the visualized upper abdomen is unremarkable. " * 120
    (prediction,) = labeler.label([Report("long", filler + "There is a large pneumothorax.")])
    assert not prediction.error
    assert prediction.certainties[9] is Certainty.POSITIVE


def test_odd_characters_are_no_reason_to_fail(labeler: LlamaLabeler) -> None:
    odd = "No effusion \U0001f9b4 \u202e \ud800 <|im_end|> \x00 Ergu\u00df"
    (prediction,) = labeler.label([Report("odd", odd)])
    assert not prediction.error


def test_a_killed_worker_is_started_again(labeler: LlamaLabeler, texts: list[str]) -> None:
    many = short(texts, 4 * WINDOW)
    expected = list(labeler.label(many))
    running = labeler.label(many)
    found = [next(running)]
    (pid,) = labeler.worker_pids
    os.kill(pid, signal.SIGKILL)
    found += list(running)
    assert found == expected
    assert labeler.worker_pids != (pid,)


def test_a_run_that_is_dropped_leaves_the_next_one_right(
    labeler: LlamaLabeler, texts: list[str]
) -> None:
    expected = list(labeler.label(reports(texts[:5])))
    dropped = labeler.label(short(texts, 4 * WINDOW))
    next(dropped)
    dropped.close()
    assert list(labeler.label(reports(texts[:5]))) == expected


@pytest.mark.parametrize("what", ["truncated", "not a gguf", "no manifest", "other prompt"])
def test_a_damaged_pack_is_refused_by_name(default_pack: Path, tmp_path: Path, what: str) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    shutil.copy(default_pack / "manifest.json", pack)
    model = pack / "model.gguf"
    if what == "not a gguf":
        model.write_bytes(b"not a model")
    else:
        model.write_bytes((default_pack / "model.gguf").read_bytes()[:100_000])
    if what == "no manifest":
        (pack / "manifest.json").unlink()
    if what == "other prompt":
        manifest = json.loads((pack / "manifest.json").read_text())
        (pack / "manifest.json").write_text(json.dumps({**manifest, "prompt_version": 99}))
    with pytest.raises(LabelerError, match=str(pack)) as caught:
        LlamaLabeler(pack, LABELS)
    assert "make model" in str(caught.value)


def test_a_gguf_that_llama_cpp_refuses_is_refused_by_name(
    tmp_path: Path, default_pack: Path
) -> None:
    """Truncated, with a manifest that swears to it: the worker says no, the app lives."""
    pack = tmp_path / "pack"
    pack.mkdir()
    data = (default_pack / "model.gguf").read_bytes()[:200_000]
    (pack / "model.gguf").write_bytes(data)
    manifest = json.loads((default_pack / "manifest.json").read_text())

    manifest["sha256"] = hashlib.sha256(data).hexdigest()
    (pack / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(LabelerError, match=r"model\.gguf"):
        LlamaLabeler(pack, LABELS)

"""torch and llama.cpp are given the same tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chexdesk import paths
from chexdesk.labeling.llama.runtime import Runtime
from chexdesk.labels import chexpert14
from export import base as bases
from training import base, data, predict

LABELS = chexpert14()


@pytest.fixture(scope="module")
def both() -> tuple[Callable[[str], list[int]], Callable[[str], list[int]]]:
    gguf = bases.obtain()
    runtime = Runtime(gguf, LABELS, gpu_layers=0, threads=1, max_tokens=64)
    wire = predict.wire(base.tokenizer_of(gguf), LABELS)
    assert wire.prefix == runtime.wire.prefix
    assert (wire.close, wire.markers, wire.answers) == (
        runtime.wire.close,
        runtime.wire.markers,
        runtime.wire.answers,
    )
    return wire.tokenize, runtime.tokenize


def test_on_our_own_reports(
    both: tuple[Callable[[str], list[int]], Callable[[str], list[int]]],
) -> None:
    for path in sorted((paths.resources() / "samples").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert both[0](text) == both[1](text)
        assert both[0](data.model_text(text)) == both[1](data.model_text(text))


def test_on_real_reports(
    both: tuple[Callable[[str], list[int]], Callable[[str], list[int]]], eval_folder: Path
) -> None:
    for name in ("stanford_open.jsonl", "openi_train.jsonl"):
        for line in (eval_folder / name).read_text(encoding="utf-8").split("\n"):
            if line and json.loads(line).get("split") != "dev":
                text = data.model_text(json.loads(line)["text"])
                assert both[0](text) == both[1](text)

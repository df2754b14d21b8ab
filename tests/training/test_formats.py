"""The wire formats that are compared: their tokens, their packing, their decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chexdesk.labeling.wire import Wire
from chexdesk.labels import CERTAINTIES, chexpert14
from training import base, predict, slots
from training.data import Example
from training.formats import blocks
from training.formats.layouts import FORMATS, Script, chain, json_object

LABELS = chexpert14()
EXAMPLES = [
    Example("a", "toy", "no acute disease.", (0,) + (3,) * 13),
    Example(
        "b", "toy", "small left effusion, possibly with atelectasis.", (3, 1, 2, 0) * 3 + (2, 0)
    ),
    Example("c", "toy", "heart size normal. no pneumothorax.", (3, 3, 1, 3, 2, 1, 0) * 2),
]
TEXTS = [example.text for example in EXAMPLES]


@pytest.fixture(scope="module")
def loaded(tiny_base: Path) -> tuple[Any, Any, Wire]:
    model, tokenizer = base.load(tiny_base)
    model.set_attn_implementation(blocks.ATTENTION)
    # Larger weights than a new model's, so that what was read decides, and not the last token.
    for parameter in model.model.layers.parameters():
        if parameter.dim() == 2:
            parameter.data.mul_(5)
    return model.eval(), tokenizer, predict.wire(tokenizer, LABELS)


def plain_logits(model: Any, ids: list[int]) -> torch.Tensor:
    """Logits of one plain causal pass over one sequence, by the library's own attention."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([ids]), use_cache=False).logits[0]
    model.set_attn_implementation(blocks.ATTENTION)
    return logits


def completion(layout: Script, example: Example) -> list[int]:
    return layout.row(example).tokens[len(layout.wire.report(example.text)) :]


def test_the_chain_is_marker_certainty_and_only_certainties_are_scored(
    loaded: tuple[Any, Any, Wire],
) -> None:
    wire = loaded[2]
    for example in EXAMPLES:
        row = chain(wire).row(example)
        report = wire.report(example.text)
        answers = [wire.answers[answer] for answer in example.answers]
        assert row.tokens[: len(report)] == report
        assert row.tokens[len(report) :: 2] == list(wire.markers)
        assert row.tokens[len(report) + 1 :: 2] == answers
        assert [row.tokens[place] for place in row.decisions] == list(wire.markers)
        assert [row.targets[place] for place in row.decisions] == answers
        assert sum(target != blocks.IGNORED for target in row.targets) == len(LABELS)


def test_the_json_is_the_labels_and_all_of_it_is_scored(loaded: tuple[Any, Any, Wire]) -> None:
    _, tokenizer, wire = loaded
    layout = json_object(wire)
    for example in EXAMPLES:
        row = layout.row(example)
        tokens = completion(layout, example)
        text = tokenizer.decode(tokens)
        labels = [CERTAINTIES[answer].title for answer in example.answers]
        assert list(json.loads(text).items()) == list(zip(LABELS.names, labels, strict=True))
        # The pieces are tokens as the tokenizer itself would cut the whole.
        assert tokens == wire.tokenize(text)
        assert [target for target in row.targets if target != blocks.IGNORED] == tokens
        assert [row.targets[place] for place in row.decisions] == [
            layout.answers[answer] for answer in example.answers
        ]


def test_the_slots_are_packed_as_the_trainer_packs_them(loaded: tuple[Any, Any, Wire]) -> None:
    wire = loaded[2]
    layout = FORMATS["slots"](wire)
    packed = blocks.pack(wire.prefix, [layout.row(example) for example in EXAMPLES])
    expected = slots.pack(wire, [wire.report(text) for text in TEXTS])
    for name, tensor in expected.items():
        assert torch.equal(packed[name], tensor), name
    answers = torch.tensor(wire.answers)[torch.tensor([e.answers for e in EXAMPLES])]
    assert torch.equal(packed["targets"], answers.view(-1))


@pytest.mark.parametrize("name", ["chain", "json"])
def test_a_packed_report_is_read_as_if_it_were_alone(
    loaded: tuple[Any, Any, Wire], name: str
) -> None:
    model, _, wire = loaded
    layout = FORMATS[name](wire)
    rows = [layout.row(example) for example in EXAMPLES]
    with torch.no_grad():
        packed = blocks.logits(model, blocks.pack(wire.prefix, rows), layout.markers)
    alone = []
    for row in rows:
        scored = torch.tensor(row.targets) != blocks.IGNORED
        alone.append(plain_logits(model, [*wire.prefix, *row.tokens])[len(wire.prefix) :][scored])
    assert torch.allclose(packed, torch.cat(alone), atol=1e-4)


@pytest.mark.parametrize("name", list(FORMATS))
def test_decisions_in_steps_equal_teacher_forced_ones(
    loaded: tuple[Any, Any, Wire], name: str
) -> None:
    model, _, wire = loaded
    layout = FORMATS[name](wire)
    stepwise = layout.decide(model, TEXTS)
    chosen = stepwise.argmax(-1).tolist()
    rows = [
        layout.row(Example(e.id, e.source, e.text, tuple(answers)))
        for e, answers in zip(EXAMPLES, chosen, strict=True)
    ]
    packed = blocks.pack(wire.prefix, rows, decisions_only=True)
    with torch.no_grad():
        forced = blocks.logits(model, packed, layout.markers)[:, list(layout.answers)]
    assert np.allclose(stepwise, forced.view(stepwise.shape).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", ["chain", "json"])
def test_decisions_equal_a_loop_over_single_reports(
    loaded: tuple[Any, Any, Wire], name: str
) -> None:
    model, _, wire = loaded
    layout = FORMATS[name](wire)
    assert isinstance(layout, Script)
    batched = layout.decide(model, TEXTS)
    assert len(np.unique(batched.argmax(-1))) > 1
    for text, found in zip(TEXTS, batched, strict=True):
        ids = [*wire.prefix, *wire.report(text)]
        for before, decision in zip(layout.before, found, strict=True):
            ids += before
            expected = plain_logits(model, ids)[-1, list(layout.answers)]
            assert np.allclose(decision, expected.numpy(), atol=1e-4)
            ids += layout.values[int(expected.argmax())]

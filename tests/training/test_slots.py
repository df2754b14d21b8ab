"""The packed batch says what each report says alone."""

from __future__ import annotations

from pathlib import Path

import torch

from chexdesk.labels import chexpert14
from training import base, predict, slots

LABELS = chexpert14()
TEXTS = [
    "no acute disease.",
    "small left effusion, possibly with atelectasis. no pneumothorax.",
    "heart size normal.",
]


def test_packing_changes_no_decision(tiny_base: Path) -> None:
    """Every slot equals plain causal decoding of instruction, report and one marker."""
    model, tokenizer = base.load(tiny_base)
    model.eval()
    wire = predict.wire(tokenizer, LABELS)
    packed = predict.decision_logits(model, wire, TEXTS)
    model.set_attn_implementation("eager")
    for text, row in zip(TEXTS, packed, strict=True):
        for marker, slot in zip(wire.markers, row, strict=True):
            ids = torch.tensor([[*wire.prefix, *wire.report(text), marker]])
            with torch.no_grad():
                plain = model(ids).logits[0, -1, list(wire.answers)]
            assert torch.allclose(torch.from_numpy(slot), plain, atol=1e-4)


def test_markers_see_the_report_and_themselves_only() -> None:
    mask = slots.block_mask(prefix=2, length=5, markers=2)
    assert mask.tolist() == [
        [True, True, True, False, False, False, False],
        [True, True, True, True, False, False, False],
        [True, True, True, True, True, False, False],
        [True, True, True, True, True, True, False],
        [True, True, True, True, True, False, True],
    ]


def test_too_long_reports_are_left_out_whole(tiny_base: Path) -> None:
    from training.data import Example

    _, tokenizer = base.load(tiny_base)
    wire = predict.wire(tokenizer, LABELS)
    answers = (3,) * len(LABELS)
    short, long = (Example(n, "s", t, answers) for n, t in (("a", "clear."), ("b", "x " * 600)))
    kept = slots.rows(wire, [short, long], max_tokens=100)
    assert [row["input_ids"] for row in kept] == [wire.report("clear.")]

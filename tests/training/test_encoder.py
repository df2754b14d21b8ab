"""The encoder baseline on a tiny BERT: it learns, it is loaded again, padding changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from chexdesk.labels import chexpert14
from training import data
from training.baselines import encoder

LABELS = chexpert14()
WORDS = ["[PAD]", "[UNK]", "there", "is", "an", "no", "effusion", ".", "small", "left", "today"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
        )
    ).save_pretrained(folder)
    return folder


def config(tmp_path: Path, tiny: Path) -> encoder.Config:
    rows = []
    for number in range(60):
        labels: list[int | None] = [None] * len(LABELS)
        labels[10] = number % 2
        text = "there is an effusion ." if number % 2 else "there is no effusion ."
        rows.append(json.dumps({"id": number, "text": text, "labels": labels}))
    gold = tmp_path / "gold.jsonl"
    gold.write_text("\n".join(rows) + "\n")
    return encoder.Config(
        out=tmp_path / "run",
        held_out=0.25,
        sources=[data.SourceSpec("toy", str(gold))],
        epochs=20,
        batch=8,
        rate=5e-3,
        head_rate=2e-2,
        warmup=0.05,
        base=tiny,
    )


def test_it_learns_a_toy_task_and_is_loaded_again(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "dev_texts", lambda: iter(()))
    weights = encoder.train(config(tmp_path, tiny))
    model, tokenizer = encoder.load(weights, tiny, LABELS)
    texts = ["there is no effusion .", "there is an effusion .", "there is no effusion ."]
    found = encoder.decide(model, tokenizer, texts)
    assert found.shape == (3, len(LABELS), 4)
    assert found.argmax(-1)[:, 10].tolist() == [1, 0, 1]


def test_padding_and_order_change_nothing(tiny: Path) -> None:
    torch.manual_seed(1)
    model = encoder.Encoder(tiny, len(LABELS))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny)
    texts = ["there is no effusion . small left effusion today .", "no effusion", "left"]
    together = encoder.decide(model, tokenizer, texts)
    alone = np.concatenate([encoder.decide(model, tokenizer, [text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "encoder.yaml"
    path.write_text("out: x\nsources: []\nspeed: 3\n")
    with pytest.raises(ValueError, match=r"encoder\.yaml"):
        encoder.Config.load(path)

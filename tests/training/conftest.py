"""A model small enough to train in a test, with the real base's vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from export import base as bases
from training import base


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama with random weights and SmolLM2's tokenizer."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    base.tokenizer_of(bases.obtain()).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        rope_theta=100_000.0,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Any = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def loud_base(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """The tiny base with a wider last norm: else its logits are too near one another to learn."""
    folder = tmp_path_factory.mktemp("loud") / "base"
    model, tokenizer = base.load(tiny_base)
    with torch.no_grad():
        model.model.norm.weight.fill_(10.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

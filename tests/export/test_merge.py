"""numpy's merge of a GGUF equals PEFT's merge of the Hugging Face model, tensor by tensor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from export import adapter as adapters
from export.adapter import AdapterError
from export.merge import merge, permute_rotary
from training.sft import TARGETS

HEADS, KV_HEADS, LAYERS = 4, 2, 2


@pytest.fixture
def model() -> Any:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=96,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def write_gguf(model: Any, path: Path) -> None:
    """The model as llama.cpp's converter would lay it out, in F32."""
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_string("tokenizer.chat_template", "{{ never }}")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    for name, weight in model.state_dict().items():
        array = weight.numpy()
        if name.startswith("model.layers."):
            _, _, layer, *rest = name.split(".")
            stem = names[".".join(rest[:-1])]
            if stem in ("attn_q", "attn_k"):
                array = permute_rotary(array, HEADS if stem == "attn_q" else KV_HEADS)
            writer.add_tensor(f"blk.{layer}.{stem}.weight", np.ascontiguousarray(array))
        elif name == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_adapter(model: Any, folder: Path) -> Any:
    """A random adapter, saved as PEFT saves it, and the model with it."""
    tuned = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM")
    )
    torch.manual_seed(2)
    for name, parameter in tuned.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn_like(parameter) * 0.2
    tuned.save_pretrained(str(folder))
    (folder / "adapter.json").write_text(json.dumps({"name": "test"}))
    return tuned


def test_the_merged_gguf_is_the_merged_model(model: Any, tmp_path: Path) -> None:
    base = tmp_path / "base.gguf"
    write_gguf(model, base)
    tuned = make_adapter(model, tmp_path / "adapter")
    merge(base, adapters.load(tmp_path / "adapter"), tmp_path / "merged.gguf")
    wanted = tmp_path / "wanted.gguf"
    write_gguf(tuned.merge_and_unload(), wanted)
    found = {t.name: t for t in gguf.GGUFReader(tmp_path / "merged.gguf").tensors}
    expected = {t.name: t for t in gguf.GGUFReader(wanted).tensors}
    original = {t.name: t for t in gguf.GGUFReader(base).tensors}
    assert found.keys() == expected.keys()
    changed = 0
    for name, tensor in expected.items():
        np.testing.assert_allclose(
            found[name].data.astype(np.float32), tensor.data, rtol=2e-3, atol=2e-3
        )
        changed += not np.allclose(original[name].data, tensor.data, atol=1e-2)
    assert changed == LAYERS * len(TARGETS)


def test_metadata_is_kept_and_the_chat_template_is_not(model: Any, tmp_path: Path) -> None:
    write_gguf(model, tmp_path / "base.gguf")
    merge(tmp_path / "base.gguf", None, tmp_path / "out.gguf")
    fields = gguf.GGUFReader(tmp_path / "out.gguf").fields
    assert fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    assert fields["llama.attention.head_count"].contents() == HEADS
    assert "tokenizer.chat_template" not in fields


def test_an_adapter_of_another_base_is_refused(model: Any, tmp_path: Path) -> None:
    make_adapter(model, tmp_path / "adapter")
    small = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=96,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS,
        )
    )
    write_gguf(small, tmp_path / "other.gguf")
    with pytest.raises(AdapterError, match="another base"):
        merge(tmp_path / "other.gguf", adapters.load(tmp_path / "adapter"), tmp_path / "o.gguf")


def test_a_damaged_adapter_is_refused_by_name(model: Any, tmp_path: Path) -> None:
    make_adapter(model, tmp_path / "adapter")
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(AdapterError, match="adapter"):
        adapters.load(tmp_path / "adapter")

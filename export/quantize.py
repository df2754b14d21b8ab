"""F16 GGUF -> quantized GGUF, by llama.cpp's own `llama_model_quantize`."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path
from typing import Final

import llama_cpp

QUANTIZATIONS: Final = {
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q6_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
    "Q5_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
}


class QuantizeError(RuntimeError):
    """llama.cpp refused the file or could not write the result."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(_level: int, _text: bytes, _data: object) -> None:
    """One line a tensor is of no use to anyone."""


def quantize(source: Path, out: Path, quantization: str) -> None:
    """Write `out` from an F16 GGUF.

    Raises:
        QuantizeError: unknown quantization, unreadable source, or no room for the result.
    """
    if quantization not in QUANTIZATIONS:
        raise QuantizeError(f"{quantization} is not one of {', '.join(QUANTIZATIONS)}")
    if quantization == "F16":
        shutil.copyfile(source, out)
        return
    llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = QUANTIZATIONS[quantization]
    params.nthread = os.cpu_count() or 1
    code = llama_cpp.llama_model_quantize(
        str(source).encode(), str(out).encode(), ctypes.byref(params)
    )
    if code != 0:
        raise QuantizeError(f"llama.cpp could not quantize {source} to {out} (code {code})")

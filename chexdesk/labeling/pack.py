"""Model packs: a folder with `model.gguf` and `manifest.json`.

The manifest says what the model is, how its wire format is spoken and what it scored; its sha256
ties it to the one file it describes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chexdesk.labeling.calibration import Calibration
from chexdesk.labeling.labeler import ModelId
from chexdesk.labeling.wire import PROMPT_VERSION
from chexdesk.labels import LabelSet

MODEL_FILE: Final = "model.gguf"
MANIFEST_FILE: Final = "manifest.json"
FORMAT: Final = 1
WIRE: Final = "slots"
_GGUF_MAGIC: Final = b"GGUF"


class PackError(RuntimeError):
    """A folder is no usable model pack; the message names the file and what to do."""


@dataclass(frozen=True)
class Pack:
    """A model pack whose manifest has been read.

    Attributes:
        folder: where it lies.
        manifest: the whole manifest.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def model_file(self) -> Path:
        """The GGUF."""
        return self.folder / MODEL_FILE

    @property
    def model(self) -> ModelId:
        """The identity that predictions carry."""
        m = self.manifest
        return ModelId(str(m["name"]), str(m["sha256"]), str(m["version"]))

    @property
    def calibration(self) -> Calibration:
        """How decision logits become probabilities; a plain softmax where not calibrated.

        Raises:
            ValueError: the manifest's calibration is none.
        """
        found = self.manifest.get("calibration", {})
        return Calibration.from_dict(found, len(self.manifest["label_set"]["findings"]))


def open_pack(folder: Path, label_set: LabelSet) -> Pack:
    """Read a pack's manifest and check that this version of ChexDesk can speak to its model.

    Raises:
        PackError: a file is missing or unreadable, or the pack is of another format.
    """
    if folder.is_file() and folder.name == MODEL_FILE:
        folder = folder.parent
    path = folder / MANIFEST_FILE
    if not path.is_file() or not (folder / MODEL_FILE).is_file():
        raise PackError(
            f"there is no model pack in {folder} ({MODEL_FILE} and {MANIFEST_FILE} belong there); "
            "make the default one with `make model`, or name a pack with --model"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found = (manifest["format"], manifest["wire"], manifest["prompt_version"])
        findings = tuple(manifest["label_set"]["findings"])
        Pack(folder, manifest).model  # noqa: B018
        Pack(folder, manifest).calibration  # noqa: B018
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackError(
            f"{path} is not a pack's manifest ({error!r}); make the pack again"
        ) from None
    if found != (FORMAT, WIRE, PROMPT_VERSION):
        raise PackError(
            f"{folder} is a pack of format {found[0]}, wire {found[1]}, prompt {found[2]}; this "
            f"ChexDesk speaks {FORMAT}, {WIRE}, {PROMPT_VERSION}. Make it again with `make model`."
        )
    if findings != label_set.names:
        raise PackError(f"{folder} labels other findings than the label set {label_set.name}")
    return Pack(folder, manifest)


def verify_pack(pack: Pack) -> None:
    """Check that the model is the very file the manifest describes.

    Raises:
        PackError: the file is no GGUF, is truncated, or has another sha256.
    """
    path = pack.model_file
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}") from error
    if magic != _GGUF_MAGIC:
        raise PackError(f"{path} is not a GGUF model; make the pack again with `make model`")
    if digest != pack.manifest["sha256"]:
        raise PackError(
            f"{path} is damaged or replaced: its sha256 is {digest[:12]}…, the manifest says "
            f"{str(pack.manifest['sha256'])[:12]}…; make the pack again with `make model`"
        )

"""Where ChexDesk reads what ships with it and writes what it keeps.

Nothing here creates a folder: reading a path must never leave a trace on disk.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from platformdirs import user_data_path


def resources() -> Path:
    """The folder of shipped files: labels, lexicon, prompt, samples, model pack.

    Raises:
        FileNotFoundError: none of the places an installation can have it exists.
    """
    package = Path(__file__).resolve().parent
    places = [package / "_resources", package.parent / "resources"]
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        places.insert(0, Path(bundle) / "resources")
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"ChexDesk's own files are missing (looked in {', '.join(map(str, places))}); reinstall it"
    )


def default_pack() -> Path:
    """The folder of the model pack that `make model` leaves in the checkout."""
    return resources() / "model"


def home() -> Path:
    """The folder for all that the app writes; `CHEXDESK_HOME` moves it."""
    override = os.environ.get("CHEXDESK_HOME")
    if override:
        return Path(override).expanduser().absolute()
    return user_data_path("chexdesk", appauthor=False)

"""Where a passphrase comes from when nobody is there to be asked.

The file is better than a variable with the passphrase itself, which every program of the user can
read, and better than an option, which stands in the list of processes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from chexdesk.store.records import StoreError

VARIABLE: Final = "CHEXDESK_PASSPHRASE_FILE"


def from_environment() -> str | None:
    """The first line of the file that the variable names; None where it is not set.

    Raises:
        StoreError: the file cannot be read, or its first line is empty.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    path = Path(name)
    try:
        words = path.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}, which {VARIABLE} names, cannot be read") from error
    if not words:
        raise StoreError(f"{path}, which {VARIABLE} names, has no passphrase in its first line")
    return words

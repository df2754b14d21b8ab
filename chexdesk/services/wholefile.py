"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from chexdesk.outputs.write import OutputError


@contextmanager
def whole_file(out: Path | IO[str]) -> Iterator[IO[str]]:
    """Write a text file that takes its name only when it is whole and on the disk.

    Until then it is `NAME.partial` beside it, readable by its owner alone; when the block raises,
    that is removed and an older file of the name stays. A stream is written as it is.

    Raises:
        OSError: the file cannot be made or written.
    """
    if not isinstance(out, Path):
        yield out
        return
    partial = out.with_name(out.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(out)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def output_file(path: Path) -> Iterator[TextIOWrapper]:
    """As `whole_file`, for a name that the user gave; bytes go to the stream's `buffer`.

    Raises:
        OutputError: the file cannot be made or written; the message names it.
    """
    try:
        with whole_file(path) as stream:
            assert isinstance(stream, TextIOWrapper)
            yield stream
    except OSError as error:
        raise OutputError(
            path, f"cannot be written ({error.strerror}). Choose another name or folder."
        ) from error

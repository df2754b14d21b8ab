from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chexdesk.services.library import Library


@pytest.fixture
def open_library(tmp_path: Path) -> Iterator[Callable[..., Library]]:
    """Opens libraries on one file (another by `name`), and closes them all in the end."""
    opened: list[Library] = []

    def open_one(name: str = "library.sqlite3", reviewer: str = "ada") -> Library:
        library = Library.open(tmp_path / name, reviewer=reviewer)
        opened.append(library)
        return library

    yield open_one
    for library in opened:
        library.close()


@pytest.fixture
def library(open_library: Callable[..., Library]) -> Library:
    return open_library()

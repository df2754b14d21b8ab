import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from library_samples import A, B, predicted

from chexdesk.services.library import Library


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "library.sqlite3"
    Library.open(path).close()
    return path


@pytest.fixture
def open_library(tmp_path: Path, empty_file: Path) -> Iterator[Callable[..., Library]]:
    """Opens libraries on one file, and closes them all in the end."""
    path = tmp_path / "library.sqlite3"
    shutil.copy(empty_file, path)
    opened: list[Library] = []

    def open_one(reviewer: str = "ada") -> Library:
        library = Library.open(path, reviewer=reviewer)
        opened.append(library)
        return library

    yield open_one
    for library in opened:
        library.close()


@pytest.fixture
def library(open_library: Callable[..., Library]) -> Library:
    return open_library()


@pytest.fixture
def filled(library: Library) -> Library:
    """Reports 1 and 2, labelled."""
    library.add_reports([A, B])
    library.save_predictions([(1, predicted(A)), (2, predicted(B))])
    return library

"""A desk for each test: the real window over a library in a folder of the test's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from gui_desk import Desk

from chexdesk.gui import theme
from chexdesk.services.library import Library


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty library to copy: making one anew takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "library.sqlite3"
    Library.open(path).close()
    return path


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, empty_library: Path) -> Iterator[Desk]:
    """A window over an empty library, not yet shown."""
    theme.wear(theme.Appearance.LIGHT)
    shutil.copytree(empty_library.parent, tmp_path, dirs_exist_ok=True)
    made = Desk(qtbot, tmp_path / "library.sqlite3")
    yield made
    made.labeler.gate.set()
    made.close()

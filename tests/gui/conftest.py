"""A desk for each test: the real window over a library in a folder of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from gui_desk import Desk

from chexdesk.gui import theme


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    """A window over an empty library, not yet shown."""
    theme.wear(theme.Appearance.LIGHT)
    made = Desk(qtbot, tmp_path / "library.sqlite3")
    yield made
    made.labeler.gate.set()
    made.window.close()

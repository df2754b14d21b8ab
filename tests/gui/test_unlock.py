"""An encrypted library asks for its passphrase before the window opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from chexdesk.gui import unlock
from chexdesk.reports.report import Report
from chexdesk.services.library import Library

WORDS = "tysta båtar"


@pytest.fixture(autouse=True)
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path))
    library = Library.open(passphrase=WORDS)
    library.add_reports([Report("1", "No edema.")])
    library.close()


class Person:
    """Types into the questions that come, one after another (None: cancels), and reads."""

    def __init__(self, *given: str | None) -> None:
        self.shown: list[str] = []
        self.there = True
        self._waiting = list(given)
        QTimer.singleShot(0, self._look)

    def _look(self) -> None:
        if not self.there:
            return
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            self.shown.append(box.text())
            box.accept()
        elif isinstance(box, QInputDialog) and self._waiting:
            self.shown.append(box.labelText())
            assert box.textEchoMode() is QLineEdit.EchoMode.Password
            words = self._waiting.pop(0)
            if words is None:
                box.reject()
            else:
                box.setTextValue(words)
                box.accept()
        QTimer.singleShot(20, self._look)


@pytest.fixture
def person() -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def come(*given: str | None) -> Person:
        people.append(Person(*given))
        return people[-1]

    yield come
    for each in people:
        each.there = False


def test_the_right_passphrase_opens_it_after_a_wrong_one(
    qtbot: QtBot, person: Callable[..., Person]
) -> None:
    shown = person("wrong", WORDS)
    library = unlock.open_library()
    assert library is not None
    assert [entry.id for entry in library.entries()] == ["1"]
    library.close()
    assert "not the right one" in shown.shown[1]


def test_who_does_not_know_it_may_leave(qtbot: QtBot, person: Callable[..., Person]) -> None:
    person(None)
    assert unlock.open_library() is None


def test_three_wrong_ones_are_enough(
    qtbot: QtBot, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlock, "_WAITS_S", (0.0, 0.0, 0.0))
    shown = person("a", "b", "c")
    assert unlock.open_library() is None
    assert len(shown.shown) >= 4

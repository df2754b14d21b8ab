"""The program from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gui_desk import folder
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from chexdesk.gui import app
from chexdesk.gui.main_window import MainWindow
from chexdesk.labels import Certainty
from chexdesk.services.library import Library


def when(ready: Callable[[], bool], then: Callable[[], None]) -> None:
    """Do something as soon as something is so, from within the program's own loop."""

    def look() -> None:
        if ready():
            then()
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(0, look)


def window() -> MainWindow | None:
    shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
    return next((w for w in shown if w.isVisible()), None)


def test_without_a_model_pack_the_rule_engine_labels_and_the_window_says_so(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path / "home"))
    place = folder(tmp_path / "reports", a="No pneumothorax. Mild pulmonary edema.")
    said: list[str] = []

    def labelled() -> bool:
        shown = window()
        return (
            shown is not None
            and shown.session.idle
            and shown.session.findings.row(0).certainty is not None
        )

    def close() -> None:
        shown = window()
        assert shown is not None
        said.extend(shown.messages.texts())
        shown.close()

    when(labelled, close)
    assert app.run([place], pack=tmp_path / "no-pack") == 0
    assert len(said) == 1
    assert "rule engine" in said[0]
    assert "no-pack" in said[0]
    library = Library.open(tmp_path / "home" / "chexdesk.sqlite3")
    (entry,) = library.entries()
    detail = library.detail(entry.key)
    library.close()
    assert detail.prediction is not None
    assert detail.prediction.model.name == "rules"
    assert detail.decisions is not None
    assert detail.decisions[library.label_set.index("Pneumothorax")] is Certainty.NEGATIVE
    assert detail.decisions[library.label_set.index("Edema")] is Certainty.POSITIVE


def test_the_window_opens_within_the_screen(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path / "home"))
    fits: list[bool] = []

    def look() -> None:
        shown = window()
        assert shown is not None
        room = shown.screen().availableSize()
        fits.append(shown.size().boundedTo(room) == shown.size())
        shown.close()

    when(lambda: window() is not None, look)
    assert app.run([], pack=tmp_path / "no-pack") == 0
    assert fits == [True]


def test_a_file_that_is_no_library_is_named_and_left_alone(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path))
    other = tmp_path / "chexdesk.sqlite3"
    other.write_bytes(b"not a library at all" * 100)
    said: list[str] = []

    def close() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        said.append(box.text())
        box.accept()

    when(lambda: QApplication.activeModalWidget() is not None, close)
    assert app.run([]) == 1
    assert str(other) in said[0]
    assert other.read_bytes() == b"not a library at all" * 100


def test_without_a_display_the_program_says_what_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert app.run([]) == 1
    assert "chexdesk label" in capsys.readouterr().err

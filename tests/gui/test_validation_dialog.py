"""The validation report in the real window, and the files it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import Qt

from chexdesk.gui.dashboard_view import DashboardView
from chexdesk.gui.page_switch import WindowPage
from chexdesk.gui.validation_dialog import ValidationDialog

CTRL = Qt.KeyboardModifier.ControlModifier


def opened(desk: Desk) -> ValidationDialog:
    desk.press(Qt.Key.Key_3, mods=CTRL)
    view = desk.window.pages.view(WindowPage.OVERVIEW)
    assert isinstance(view, DashboardView)
    view.validation_button.click()
    desk.settle()
    dialog = desk.window.findChild(ValidationDialog)
    assert dialog is not None
    return dialog


@pytest.fixture
def dialog(desk: Desk, tmp_path: Path) -> ValidationDialog:
    place = folder(tmp_path / "reports", a="Mild edema.", b="No edema.", c="Edema. Fracture.")
    desk.start([place])
    desk.press("e", "0", Qt.Key.Key_Space, Qt.Key.Key_Space)
    return opened(desk)


def test_the_report_is_made_of_the_reviews(dialog: ValidationDialog, desk: Desk) -> None:
    assert "Validation report" in dialog.page.toPlainText()
    assert "Edema" in dialog.page.toPlainText()
    assert [dialog.models.itemText(n) for n in range(dialog.models.count())][1:] == ["words 1"]
    assert dialog.save_button.isEnabled()
    dialog.sample.setCurrentIndex(1)
    dialog.sample.activated.emit(1)
    desk.settle()
    assert dialog.seed.isEnabled()
    assert "random sample of 3 reports" in dialog.page.toPlainText()


@pytest.mark.parametrize("ending", ["html", "pdf", "csv"])
def test_it_is_saved_by_the_name_s_ending(
    dialog: ValidationDialog, desk: Desk, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"report.{ending}"
    dialog.save(path)
    desk.settle()
    written = path.read_bytes()
    if ending == "pdf":
        assert written.startswith(b"%PDF")
        assert written.rstrip().endswith(b"%%EOF")
        assert len(written) > 5000
    else:
        assert b"Edema" in written
    assert dialog.said.text() == f"Written to report.{ending}"
    assert [p.name for p in tmp_path.glob("report.*")] == [path.name]


@pytest.mark.parametrize("name", ["report.docx", "missing/report.pdf"])
def test_what_cannot_be_written_is_said(
    dialog: ValidationDialog, desk: Desk, tmp_path: Path, name: str
) -> None:
    dialog.save(tmp_path / name)
    desk.settle()
    assert str(tmp_path / name) in dialog.said.text()
    assert not (tmp_path / name).exists()


def test_labels_of_a_file_are_the_reference(
    dialog: ValidationDialog, desk: Desk, tmp_path: Path
) -> None:
    gold = tmp_path / "gold.csv"
    cells = ",".join("1.0" if name == "Edema" else "" for name in desk.names)
    gold.write_text(f"id,{','.join(desk.names)}\na.txt,{cells}\n")
    dialog.use_labels(gold)
    desk.settle()
    assert "made elsewhere" in dialog.page.toPlainText()
    gold.write_text("x\n1\n")
    dialog.use_labels(gold)
    desk.settle()
    assert "gold.csv" in dialog.page.toPlainText()
    assert not dialog.save_button.isEnabled()


def test_without_reviews_the_dialog_says_what_to_do(desk: Desk, tmp_path: Path) -> None:
    desk.start([folder(tmp_path / "reports", a="Mild edema.")])
    dialog = opened(desk)
    assert "Accept or correct some first" in dialog.page.toPlainText()
    assert not dialog.save_button.isEnabled()

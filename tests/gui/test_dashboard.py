"""The overview page in the real window: figures, bars that open reports, exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from chexdesk.gui.bar_plot import BarPlot
from chexdesk.gui.dashboard_view import DashboardView
from chexdesk.gui.page_switch import WindowPage
from chexdesk.labels import Certainty
from chexdesk.services.library import ReviewStatus
from chexdesk.services.overview import Differing, Standing

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def reviewed(desk: Desk, tmp_path: Path) -> Desk:
    """Three labelled reports; in the first the reader set one label otherwise, and accepted it."""
    place = folder(tmp_path / "reports", a="Mild edema.", b="No edema.", c="Edema. Fracture.")
    desk.start([place])
    desk.press("e", "0", Qt.Key.Key_Space)
    desk.press(Qt.Key.Key_3, mods=CTRL)
    return desk


def board(desk: Desk) -> DashboardView:
    view = desk.window.pages.view(WindowPage.OVERVIEW)
    assert isinstance(view, DashboardView)
    return view


def place_of(plot: BarPlot, bar: object) -> int:
    return next(n for n, drawn in enumerate(plot.bars) if drawn.bar == bar)


def shown(desk: Desk) -> list[str]:
    reports = desk.session.reports
    return sorted(str(reports.index(n).data()) for n in range(reports.rowCount()))


def test_the_page_counts_what_lies_in_the_store(reviewed: Desk) -> None:
    view = board(reviewed)
    edema = reviewed.names.index("Edema")
    negative = view.prevalence.bars[place_of(view.prevalence, Standing(edema, Certainty.NEGATIVE))]
    assert "2 reports, 67 %" in negative.words
    assert "alike in 0 of 1" in view.agreement.bars[edema].words
    assert view.doubts.empty.text() == ""
    assert view.times.empty.isVisible()
    assert reviewed.stored("a.txt").entry.status is ReviewStatus.CORRECTED


def test_a_click_on_a_bar_lists_its_reports(reviewed: Desk) -> None:
    view = board(reviewed)
    bar = Standing(reviewed.names.index("Edema"), Certainty.NEGATIVE)
    point = view.prevalence.point_of(place_of(view.prevalence, bar)).toPoint()
    canvas = view.prevalence._canvas.viewport()
    inside = canvas.mapFrom(view.prevalence, point)
    reviewed.qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=inside)
    reviewed.settle()
    assert reviewed.window.pages.page is WindowPage.REVIEW
    assert shown(reviewed) == ["a.txt", "b.txt"]


def test_bars_are_reached_and_opened_by_keys_and_a_chip_takes_the_limit_away(
    reviewed: Desk,
) -> None:
    view = board(reviewed)
    edema = reviewed.names.index("Edema")
    view.agreement.setFocus(Qt.FocusReason.TabFocusReason)
    reviewed.press(*(Qt.Key.Key_Down,) * edema)
    assert view.agreement.bars[edema].bar == Differing(edema)
    reviewed.press(Qt.Key.Key_Return)
    assert shown(reviewed) == ["a.txt"]
    assert reviewed.current() == "a.txt"
    (chip,) = reviewed.window.queue_bar.chips()
    assert "reviewer differs" in chip.text()
    reviewed.qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    reviewed.settle()
    assert shown(reviewed) == ["a.txt", "b.txt", "c.txt"]


def test_figure_and_table_are_written(reviewed: Desk, tmp_path: Path) -> None:
    view = board(reviewed)
    assert view.save_figure(tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() >= 3 * view.prevalence.width()
    assert view.save_figure(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().count("<path") > 10
    assert not view.save_figure(tmp_path / "missing" / "a.png")
    view._model.export_table(tmp_path / "t.csv")
    reviewed.settle()
    assert "prevalence,Edema,negative,2" in (tmp_path / "t.csv").read_text()
    assert reviewed.window.said.text() == "Table written to t.csv"


def test_the_figures_follow_while_the_page_is_in_front(reviewed: Desk) -> None:
    view = board(reviewed)
    reviewed.session.paste("Large pneumothorax.")
    reviewed.settle()
    reviewed.qtbot.waitUntil(lambda: "4 reports" in view._words.text(), timeout=10_000)

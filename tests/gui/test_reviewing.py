"""Reading, correcting and accepting reports with the keyboard and the mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from chexdesk.gui import keys
from chexdesk.labels import Certainty
from chexdesk.services.library import ReviewStatus

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

TEXT = "No pneumothorax. There is mild edema. Left base may be atelectasis."


@pytest.fixture
def three(desk: Desk, tmp_path: Path) -> Desk:
    """A window on three labelled reports, the first at hand."""
    place = folder(
        tmp_path / "reports", a=TEXT, b="Large pneumothorax.", c="No pleural effusion. Edema."
    )
    desk.start([place])
    assert desk.current() == "a.txt"
    return desk


def test_a_pasted_report_is_labelled_shown_and_stored(desk: Desk) -> None:
    desk.start()
    assert desk.window.welcome.isVisible()
    desk.paste(TEXT)
    assert not desk.window.welcome.isVisible()
    assert desk.row("Edema").certainty is Certainty.POSITIVE
    assert desk.row("Pneumothorax").certainty is Certainty.NEGATIVE
    assert desk.row("Atelectasis").certainty is Certainty.UNCERTAIN
    assert desk.row("Fracture").certainty is Certainty.NOT_MENTIONED
    assert desk.row("Edema").probability == pytest.approx(0.7)
    stored = desk.stored(desk.current())
    assert stored.text == TEXT
    assert stored.prediction is not None
    assert stored.prediction.model == desk.labeler.model


def test_pasting_nothing_adds_nothing(desk: Desk) -> None:
    desk.start()
    desk.paste(" \n ")
    assert desk.session.reports.rowCount() == 0
    assert desk.window.welcome.isVisible()


def test_a_letter_and_a_digit_correct_a_finding_at_once(three: Desk) -> None:
    three.press("e", "0")
    assert three.row("Edema").certainty is Certainty.NEGATIVE
    assert three.row("Edema").predicted is Certainty.POSITIVE
    assert three.row("Edema").changed
    stored = three.stored("a.txt")
    assert stored.entry.status is ReviewStatus.CORRECTED
    assert stored.corrected == {three.names.index("Edema")}
    assert stored.decisions is not None
    assert stored.decisions[three.names.index("Edema")] is Certainty.NEGATIVE
    assert stored.prediction is not None
    assert stored.prediction.certainties[three.names.index("Edema")] is Certainty.POSITIVE


@pytest.mark.parametrize(
    ("key", "certainty"),
    [
        (Qt.Key.Key_1, Certainty.POSITIVE),
        (Qt.Key.Key_0, Certainty.NEGATIVE),
        (Qt.Key.Key_Minus, Certainty.UNCERTAIN),
        (Qt.Key.Key_Backspace, Certainty.NOT_MENTIONED),
    ],
)
def test_each_certainty_has_its_key(three: Desk, key: Qt.Key, certainty: Certainty) -> None:
    # A finding of which none of the four is the prediction's own for all: two are tried.
    for name in ("Pneumothorax", "Fracture"):
        three.press(three.row(name).finding.key, key)
        decisions = three.stored("a.txt").decisions
        assert decisions is not None
        assert decisions[three.names.index(name)] is certainty
        assert three.row(name).certainty is certainty


def test_every_finding_has_a_letter_that_reaches_it(three: Desk) -> None:
    assert keys.clashes(three.session.label_set) == []
    for place, finding in enumerate(three.session.label_set.findings):
        three.press(finding.key)
        assert three.session.finding == place
        assert three.window.findings.currentIndex().row() == place


def test_arrows_go_round_the_findings(three: Desk) -> None:
    three.press(Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert three.session.finding == 2
    three.press(Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up)
    assert three.session.finding == len(three.names) - 1


def test_undo_and_redo_across_reports_go_to_the_report(three: Desk) -> None:
    three.press("e", "0")
    three.press(Qt.Key.Key_Right)
    three.press("x", "0")
    assert three.current() == "b.txt"
    three.press(Qt.Key.Key_Z, mods=CTRL)
    assert three.row("Pneumothorax").certainty is Certainty.POSITIVE
    three.press(Qt.Key.Key_Z, mods=CTRL)
    assert three.current() == "a.txt"
    assert three.row("Edema").certainty is Certainty.POSITIVE
    assert three.stored("a.txt").corrected == frozenset()
    three.press(Qt.Key.Key_Z, mods=CTRL | SHIFT)
    assert three.row("Edema").certainty is Certainty.NEGATIVE
    assert three.stored("a.txt").corrected == {three.names.index("Edema")}


def test_undo_with_nothing_to_undo_says_so(three: Desk) -> None:
    three.press(Qt.Key.Key_Z, mods=CTRL)
    assert three.window.said.text() == "Nothing to undo."


def test_space_accepts_and_goes_on(three: Desk) -> None:
    three.press(Qt.Key.Key_Space)
    assert three.current() == "b.txt"
    assert three.window.report_list.currentIndex().row() == 1
    assert three.stored("a.txt").entry.status is ReviewStatus.ACCEPTED
    assert three.stored("b.txt").entry.status is ReviewStatus.UNREVIEWED


def test_a_list_is_reviewed_by_keys_alone(three: Desk) -> None:
    three.press("e", "-", Qt.Key.Key_Space, Qt.Key.Key_Space, "k", "1", Qt.Key.Key_Space)
    assert three.stored("a.txt").entry.status is ReviewStatus.CORRECTED
    assert three.stored("b.txt").entry.status is ReviewStatus.ACCEPTED
    last = three.stored("c.txt")
    assert last.decisions is not None
    assert last.decisions[three.names.index("Consolidation")] is Certainty.POSITIVE
    assert three.current() == "c.txt"


def test_space_does_not_accept_what_has_no_labels(desk: Desk) -> None:
    desk.labeler.gate.clear()
    desk.window.show()
    desk.session.start()
    desk.session.paste(TEXT)
    desk.qtbot.waitUntil(lambda: desk.session.page is not None)
    desk.qtbot.keyClick(desk.window, Qt.Key.Key_Space)
    desk.labeler.gate.set()
    desk.settle()
    assert desk.stored(desk.current()).entry.status is ReviewStatus.UNREVIEWED


def test_what_is_typed_ahead_falls_on_the_report_it_is_meant_for(three: Desk) -> None:
    session, edema = three.session, three.names.index("Edema")
    session.accept()
    session.correct(Certainty.UNCERTAIN, edema)
    session.accept()
    session.correct(Certainty.NEGATIVE, edema)
    three.settle()
    assert three.current() == "c.txt"
    found = [three.stored(f"{name}.txt").decisions for name in "abc"]
    assert [d[edema] for d in found if d] == [
        Certainty.POSITIVE,
        Certainty.UNCERTAIN,
        Certainty.NEGATIVE,
    ]
    assert three.stored("a.txt").entry.status is ReviewStatus.ACCEPTED


def test_going_elsewhere_forgets_what_was_typed_ahead(three: Desk) -> None:
    three.session.step_report(1)
    three.session.accept()
    three.session.step_report(1)
    three.settle()
    assert three.current() == "c.txt"
    for name in "abc":
        assert three.stored(f"{name}.txt").entry.status is ReviewStatus.UNREVIEWED


def test_a_key_held_down_accepts_one_report_only(three: Desk) -> None:
    space = keys.sequences(keys.Command.ACCEPT)[0]
    (accept,) = [a for a in three.window.actions() if space in a.shortcuts()]
    assert not accept.autoRepeat()


def test_left_right_and_the_list_show_reports(three: Desk) -> None:
    three.press(Qt.Key.Key_Right, Qt.Key.Key_PageDown, Qt.Key.Key_Right)
    assert three.current() == "c.txt"
    three.press(Qt.Key.Key_Left)
    assert three.current() == "b.txt"
    view = three.window.report_list
    place = view.visualRect(view.model().index(0, 0)).center()
    three.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    three.settle()
    assert three.current() == "a.txt"


def test_keys_work_wherever_the_focus_is(three: Desk) -> None:
    for widget in (three.window.report_list, three.window.findings, three.window.report_view):
        widget.setFocus()
        assert QApplication.focusWidget() is widget
        before = three.row("Fracture").certainty
        wanted = "0" if before is not Certainty.NEGATIVE else "1"
        three.press("r", wanted)
        assert three.row("Fracture").certainty is not before
        three.press(Qt.Key.Key_Down)
        assert three.current() == "a.txt"


def test_a_click_on_a_segment_sets_a_label(three: Desk) -> None:
    view = three.window.findings
    place = three.names.index("Fracture")
    point = view.segment(place, Certainty.UNCERTAIN)
    three.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    three.settle()
    assert three.session.finding == place
    assert three.row("Fracture").certainty is Certainty.UNCERTAIN
    assert three.stored("a.txt").corrected == {place}


def test_a_click_beside_the_segments_only_selects(three: Desk) -> None:
    view = three.window.findings
    place = three.names.index("Edema")
    rect = view.visualRect(view.model().index(place, 0))
    point = QPoint(rect.left() + 40, rect.center().y())
    three.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    three.settle()
    assert three.session.finding == place
    assert three.stored("a.txt").entry.status is ReviewStatus.UNREVIEWED


def test_the_title_says_nothing_of_a_report(three: Desk) -> None:
    three.press("e", "0", Qt.Key.Key_Right)
    assert three.window.windowTitle() == "ChexDesk"


def test_a_screen_reader_gets_labels_and_changes_in_words(three: Desk) -> None:
    three.press("e", "0")
    index = three.session.findings.index(three.names.index("Edema"))
    words = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert words.startswith("Edema: negative, changed from positive")

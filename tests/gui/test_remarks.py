"""Notes, flags and the consistency helper: by keys, stored, undone across reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from chexdesk.labels import Certainty, chexpert14
from chexdesk.services.consistency import suggestion
from chexdesk.services.library import ReviewStatus

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LABELS = chexpert14()


@pytest.fixture
def two(desk: Desk, tmp_path: Path) -> Desk:
    """A window on two labelled reports, the first at hand."""
    place = folder(tmp_path / "reports", a="There is mild edema.", b="Large pneumothorax.")
    desk.start([place])
    return desk


def write(desk: Desk, words: str) -> None:
    """Type into the note, letter by letter."""
    desk.press("w")
    assert QApplication.focusWidget() is desk.window.note.field
    desk.qtbot.keyClicks(desk.window.note.field, words)


def test_a_note_is_written_by_keys_and_stored(two: Desk) -> None:
    write(two, "e0 ask - why?")
    two.press(Qt.Key.Key_Return)
    assert QApplication.focusWidget() is two.window.report_view
    stored = two.stored("a.txt")
    assert stored.note == "e0 ask - why?"
    assert stored.entry.noted
    assert stored.entry.status is ReviewStatus.UNREVIEWED
    two.press(Qt.Key.Key_Right)
    assert two.window.note.field.toPlainText() == ""
    two.press(Qt.Key.Key_Left)
    assert two.window.note.field.toPlainText() == "e0 ask - why?"


def test_escape_puts_the_old_note_back(two: Desk) -> None:
    write(two, "first")
    two.press(Qt.Key.Key_Return)
    write(two, " and more")
    two.press(Qt.Key.Key_Escape)
    assert two.window.note.field.toPlainText() == "first"
    assert two.stored("a.txt").note == "first"


def test_a_note_may_have_lines(two: Desk) -> None:
    write(two, "one")
    two.press(Qt.Key.Key_Return, mods=SHIFT)
    two.qtbot.keyClicks(two.window.note.field, "two")
    two.press(Qt.Key.Key_Return)
    assert two.stored("a.txt").note == "one\ntwo"


def test_going_elsewhere_with_the_mouse_stores_what_was_written(two: Desk) -> None:
    write(two, "half a")
    view = two.window.report_list
    place = view.visualRect(view.model().index(1, 0)).center()
    two.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    two.settle()
    assert two.current() == "b.txt"
    assert two.stored("a.txt").note == "half a"
    assert two.stored("b.txt").note == ""
    assert two.window.note.field.toPlainText() == ""


def test_closing_the_window_stores_what_was_written(two: Desk) -> None:
    write(two, "last words")
    two.window.close()
    assert two.stored("a.txt").note == "last words"


def test_labels_that_arrive_leave_the_note_alone(two: Desk) -> None:
    write(two, "half")
    two.session.follow_suggestion()
    two.session.toggle_flag()
    two.settle()
    assert two.window.note.field.toPlainText() == "half"
    two.qtbot.keyClicks(two.window.note.field, " done")
    two.press(Qt.Key.Key_Return)
    stored = two.stored("a.txt")
    assert (stored.note, stored.entry.flagged) == ("half done", True)


def test_a_flag_goes_up_and_down_with_one_key(two: Desk) -> None:
    two.press("s")
    assert two.stored("a.txt").entry.flagged
    assert "flagged" in two.window.heading.accessibleName()
    two.press("s")
    assert not two.stored("a.txt").entry.flagged


def test_undo_takes_back_notes_and_flags_across_reports(two: Desk) -> None:
    two.press("s")
    write(two, "look")
    two.press(Qt.Key.Key_Return, Qt.Key.Key_Right, "x", "0", "s")
    assert two.current() == "b.txt"

    def state() -> tuple[str, bool, bool, bool]:
        a, b = two.stored("a.txt"), two.stored("b.txt")
        return a.note, a.entry.flagged, bool(b.corrected), b.entry.flagged

    assert state() == ("look", True, True, True)
    wanted = [
        ("look", True, True, False),
        ("look", True, False, False),
        ("", True, False, False),
        ("", False, False, False),
    ]
    for each in wanted:
        two.press(Qt.Key.Key_Z, mods=CTRL)
        assert state() == each
    assert two.current() == "a.txt"
    assert two.window.note.field.toPlainText() == ""
    for each in [*reversed(wanted[:-1]), ("look", True, True, True)]:
        two.press(Qt.Key.Key_Z, mods=CTRL | SHIFT)
        assert state() == each
    assert two.current() == "b.txt"


def test_nothing_found_beside_a_finding_is_remarked_and_mended_by_one_key(two: Desk) -> None:
    assert not two.window.suggestion.isVisible()
    two.press("n", "1")
    assert two.window.suggestion.isVisible()
    assert two.window.suggestion.text() == "No Finding beside Edema."
    # It forces nothing: what was set is stored as it is.
    nothing = LABELS.index("No Finding")
    decisions = two.stored("a.txt").decisions
    assert decisions is not None
    assert decisions[nothing] is Certainty.POSITIVE
    two.press("y")
    assert not two.window.suggestion.isVisible()
    decisions = two.stored("a.txt").decisions
    assert decisions is not None
    assert decisions[nothing] is Certainty.NOT_MENTIONED
    two.press(Qt.Key.Key_Z, mods=CTRL)
    assert two.window.suggestion.isVisible()


def test_what_disagrees_can_be_accepted_all_the_same(two: Desk) -> None:
    two.press("n", "1", Qt.Key.Key_Space)
    assert two.current() == "b.txt"
    assert not two.window.suggestion.isVisible()
    assert two.stored("a.txt").entry.status is ReviewStatus.CORRECTED


def test_a_key_without_a_suggestion_changes_nothing(two: Desk) -> None:
    two.press("y")
    assert two.stored("a.txt").entry.status is ReviewStatus.UNREVIEWED
    assert two.window.said.text() == "There is nothing to suggest here."


def test_the_suggestions_button_does_the_same(two: Desk) -> None:
    two.press("n", "1")
    two.qtbot.mouseClick(two.window.suggestion.button, Qt.MouseButton.LeftButton)
    two.settle()
    assert two.row("No Finding").certainty is Certainty.NOT_MENTIONED


@pytest.mark.parametrize("name", LABELS.names[1:])
@pytest.mark.parametrize("certainty", list(Certainty))
def test_only_a_finding_that_is_no_device_speaks_against(name: str, certainty: Certainty) -> None:
    decisions = [Certainty.NOT_MENTIONED] * len(LABELS)
    decisions[LABELS.index(name)] = certainty
    assert suggestion(LABELS, decisions) is None
    decisions[0] = Certainty.POSITIVE
    against = certainty in (Certainty.POSITIVE, Certainty.UNCERTAIN)
    expected = against and name not in LABELS.beside_no_finding
    made = suggestion(LABELS, decisions)
    assert (made is not None) == expected
    if made is not None:
        assert made.because == (LABELS.index(name),)

"""Queues, search and filters in the window, by keys and by mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from chexdesk.labels import Certainty
from chexdesk.services.library import ReviewStatus
from chexdesk.services.queues import Filter, Queue, Sample

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def four(desk: Desk, tmp_path: Path) -> Desk:
    """A window on four labelled reports, the first at hand."""
    place = folder(
        tmp_path / "reports",
        a="No pneumothorax. There is mild edema.",
        b="Large pneumothorax.",
        c="No pleural effusion. Edema.",
        d="May be pneumonia. No edema.",
    )
    desk.start([place])
    return desk


def listed(desk: Desk) -> list[str]:
    model = desk.session.reports
    return [model.index(row).data() for row in range(model.rowCount())]


def choose(desk: Desk, *letters: str) -> None:
    """Open the menu of queues by its key and pick by letters."""
    # Without a window system nobody gives it back after a submenu.
    desk.window.activateWindow()
    desk.settle()
    desk.press("q")
    for letter in letters:
        menu = QApplication.activePopupWidget()
        assert menu is not None
        desk.qtbot.keyClick(menu, letter)
    desk.settle()


def test_a_queue_is_chosen_by_two_keys(four: Desk) -> None:
    four.press("s", Qt.Key.Key_Right, Qt.Key.Key_Right, "s")
    choose(four, "g")
    assert listed(four) == ["a.txt", "c.txt"]
    assert four.current() == "a.txt"
    assert four.window.queue_bar.heading.text() == "Flagged"
    choose(four, "a")
    assert listed(four) == ["a.txt", "b.txt", "c.txt", "d.txt"]


def test_space_goes_to_the_next_of_the_queue_not_of_the_library(four: Desk) -> None:
    four.press("s", Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, "s")
    choose(four, "g")
    four.press(Qt.Key.Key_Space)
    assert four.current() == "d.txt"
    four.press(Qt.Key.Key_Space)
    found = [four.stored(f"{name}.txt").entry.status for name in "abcd"]
    accepted, unreviewed = ReviewStatus.ACCEPTED, ReviewStatus.UNREVIEWED
    assert found == [accepted, unreviewed, unreviewed, accepted]


def test_what_is_reviewed_stays_in_its_place_until_the_queue_is_chosen_again(four: Desk) -> None:
    choose(four, "r")
    four.press(Qt.Key.Key_Space)
    assert listed(four) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    assert four.current() == "b.txt"
    choose(four, "r")
    assert listed(four) == ["b.txt", "c.txt", "d.txt"]
    assert four.current() == "b.txt"


def test_undo_shows_a_report_that_is_not_in_the_queue(four: Desk) -> None:
    four.press("e", "0")
    choose(four, "r")
    assert listed(four) == ["b.txt", "c.txt", "d.txt"]
    four.press(Qt.Key.Key_Z, mods=CTRL)
    assert four.current() == "a.txt"
    assert four.row("Edema").certainty is Certainty.POSITIVE
    assert not four.window.report_list.currentIndex().isValid()
    assert four.stored("a.txt").entry.status is ReviewStatus.UNREVIEWED
    four.press(Qt.Key.Key_Right)
    assert four.current() == "b.txt"


def test_search_by_keys_and_back(four: Desk) -> None:
    four.press("/", "e", "d", "e", "m", "a")
    assert four.window.queue_bar.search.text() == "edema"
    assert listed(four) == ["a.txt", "c.txt", "d.txt"]
    four.press(Qt.Key.Key_Space, "p", "n", "e", "u", "m", "o", "t")
    assert listed(four) == ["a.txt"]
    four.press(Qt.Key.Key_Return)
    assert QApplication.focusWidget() is four.window.report_view
    four.press("e", "0")
    assert four.stored("a.txt").entry.status is ReviewStatus.CORRECTED
    four.press("/", Qt.Key.Key_Escape)
    assert listed(four) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    assert QApplication.focusWidget() is four.window.report_view


def test_typing_in_the_search_corrects_nothing(four: Desk) -> None:
    four.press("/", "e", "0", "1", "-", Qt.Key.Key_Backspace, Qt.Key.Key_Space, "s", "w", "y")
    assert four.window.queue_bar.search.text() == "e01 swy"
    for name in "abcd":
        stored = four.stored(f"{name}.txt")
        assert stored.entry.status is ReviewStatus.UNREVIEWED
        assert not stored.entry.flagged


def test_nothing_found_leaves_no_report_at_hand_and_says_why(four: Desk) -> None:
    four.session.queue.search("nowhere")
    four.settle()
    assert listed(four) == []
    assert four.session.page is None
    four.press(Qt.Key.Key_Space)
    four.window.report_list.grab()
    four.session.queue.search("large")
    four.settle()
    assert four.current() == "b.txt"
    assert four.stored("a.txt").entry.status is ReviewStatus.UNREVIEWED


def test_by_finding_and_certainty_with_chips_that_take_it_back(four: Desk) -> None:
    choose(four, "f", "e", "p")
    assert listed(four) == ["a.txt", "c.txt"]
    (chip,) = four.window.queue_bar.chips()
    assert chip.text() == "Edema: positive"
    choose(four, "f", "x", "n")
    assert listed(four) == ["a.txt"]
    assert len(four.window.queue_bar.chips()) == 2
    four.qtbot.mouseClick(four.window.queue_bar.chips()[0], Qt.MouseButton.LeftButton)
    four.settle()
    assert listed(four) == ["a.txt"]
    four.qtbot.mouseClick(four.window.queue_bar.chips()[0], Qt.MouseButton.LeftButton)
    four.settle()
    assert four.window.queue_bar.chips() == []
    assert len(listed(four)) == 4


def test_a_sample_is_drawn_and_can_be_left(four: Desk) -> None:
    four.session.queue.draw(Sample(seed=3, size=2))
    four.settle()
    drawn = listed(four)
    assert len(drawn) == 2
    (chip,) = four.window.queue_bar.chips()
    assert chip.text() == "2 reports, seed 3"
    four.press(Qt.Key.Key_Space)
    assert four.current() == drawn[1]
    assert four.stored(drawn[0]).entry.status is ReviewStatus.ACCEPTED
    four.qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    four.settle()
    assert len(listed(four)) == 4


def test_counts_are_alive_in_heading_and_menu(four: Desk) -> None:
    heading = four.window.queue_bar.heading
    assert heading.aside() == "0 of 4 reviewed"
    four.press("e", "0", "s", Qt.Key.Key_Right, Qt.Key.Key_Space)
    assert heading.aside() == "2 of 4 reviewed"
    four.press("q")
    words = [action.text() for action in four.window.queue_bar.menu.actions()]
    four.window.queue_bar.menu.close()
    assert "Fla&gged\t1" in words
    assert "&Corrected\t1" in words
    assert "To &review\t2" in words


def test_a_pasted_report_is_shown_whatever_was_searched_for(four: Desk) -> None:
    four.session.queue.show(Filter(Queue.CORRECTED, words="nowhere"))
    four.settle()
    four.paste("No fracture.")
    assert four.row("Fracture").certainty is Certainty.NEGATIVE
    assert len(listed(four)) == 5
    assert four.window.queue_bar.search.text() == ""


def test_doubtful_reports_are_ordered_anew_when_labelling_ends(four: Desk, tmp_path: Path) -> None:
    choose(four, "d")
    four.press("e", "1" if four.row("Edema").certainty is not Certainty.POSITIVE else "0")
    at_hand = four.current()
    four.session.label_all()
    four.settle()
    assert four.current() == at_hand
    assert four.stored(at_hand).entry.status is ReviewStatus.CORRECTED


def test_disagreements_are_where_words_and_labels_differ(desk: Desk, tmp_path: Path) -> None:
    # The test's labeler takes a word for a finding; the rules know that this is none.
    place = folder(tmp_path / "reports", a="Clear lungs.", b="The fracture clinic was informed.")
    desk.start([place])
    choose(desk, "i")
    names = listed(desk)
    assert names == [name for name in ("a.txt", "b.txt") if differs(desk, name)]
    assert "a.txt" not in names


def differs(desk: Desk, name: str) -> bool:
    desk.session.queue.reset()
    desk.settle()
    desk.session.show_row(listed(desk).index(name))
    desk.settle()
    assert desk.session.page is not None
    return any(row.disagrees for row in desk.session.page.rows)

"""The compare page in the real window: keys, what lies in the store, what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, folder
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from chexdesk.gui.compare_view import CompareView
from chexdesk.gui.models.compare import Question
from chexdesk.gui.page_switch import WindowPage
from chexdesk.gui.report_view import ReportView
from chexdesk.services.comparing import Kind
from chexdesk.services.library import Library, Preference

CTRL = Qt.KeyboardModifier.ControlModifier


class Compare:
    """The compare page of a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.press(Qt.Key.Key_2, mods=CTRL)
        view = desk.window.pages.view(WindowPage.COMPARE)
        assert isinstance(view, CompareView)
        self.view = view

    @property
    def question(self) -> Question:
        question = self.view._model.question
        assert question is not None
        return question

    def stored(self) -> list[tuple[str, Preference]]:
        library = Library.open(self.desk.path)
        try:
            return [(report.id, pair) for report, pair in library.preferences()]
        finally:
            library.close()


@pytest.fixture
def compare(desk: Desk, tmp_path: Path) -> Compare:
    texts = {f"r{n}": f"Report {n}. Mild edema. Pneumothorax is not seen." for n in range(4)}
    desk.start([folder(tmp_path / "reports", **texts)])
    return Compare(desk)


def test_a_report_stands_between_two_different_candidates(compare: Compare) -> None:
    assert compare.desk.window.pages.currentWidget() is compare.view
    assert isinstance(compare.view.report, ReportView)
    question = compare.question
    differing = {row.finding.name for row in question.left if row.differs}
    assert differing
    assert differing == {row.finding.name for row in question.right if row.differs}
    for left, right in zip(question.left, question.right, strict=True):
        assert (left.certainty is not right.certainty) == left.differs
    assert all(name in compare.view.left.accessibleName() for name in differing)
    assert {span.finding for span in question.page.spans} <= differing


@pytest.mark.parametrize(("key", "left"), [(Qt.Key.Key_Left, True), (Qt.Key.Key_Right, False)])
def test_an_arrow_keeps_the_choice_and_goes_on(compare: Compare, key: Qt.Key, left: bool) -> None:
    asked = compare.question.comparison
    compare.desk.press(key)
    ((report_id, pair),) = compare.stored()
    assert report_id == asked.report_id
    assert pair.chosen == (asked.left if left else asked.right)
    assert pair.rejected == (asked.right if left else asked.left)
    assert compare.question.comparison.key != asked.key
    assert compare.view.panel.title() == "1 pair"
    assert compare.desk.stored(report_id).corrected == frozenset()


def test_down_says_neither_and_page_down_passes_over(compare: Compare) -> None:
    first = compare.question.comparison
    compare.desk.press(Qt.Key.Key_Down)
    assert [pair.source for _, pair in compare.stored()] == ["neither"]
    assert compare.view.panel.title() == "0 pairs"
    assert "neither was better 1" in compare.view.panel.aside()
    second = compare.question.comparison
    compare.desk.press(Qt.Key.Key_PageDown)
    assert len(compare.stored()) == 1
    assert compare.question.comparison.key not in (first.key, second.key)


def test_an_answer_is_taken_back_and_asked_again(compare: Compare) -> None:
    first = compare.question.comparison
    compare.desk.press(Qt.Key.Key_Left)
    then = compare.question.comparison
    compare.desk.press(Qt.Key.Key_Z, mods=CTRL)
    assert compare.stored() == []
    assert compare.question.comparison == first
    compare.desk.press(Qt.Key.Key_Right)
    assert [pair.chosen for _, pair in compare.stored()] == [first.right]
    assert compare.question.comparison == then


def test_a_key_struck_twice_answers_one_question_once(compare: Compare) -> None:
    target = QApplication.focusWidget()
    assert target is not None
    for _ in range(2):
        compare.desk.qtbot.keyClick(target, Qt.Key.Key_Left)
    compare.desk.settle()
    stored = compare.stored()
    assert len(stored) == len({report_id for report_id, _ in stored})


def test_when_all_are_asked_the_page_says_so(compare: Compare) -> None:
    for _ in range(4):
        compare.desk.press(Qt.Key.Key_Left)
    assert compare.view.empty.isVisible()
    assert "Nothing to compare" in compare.view.empty.text()
    compare.desk.press(Qt.Key.Key_Left)
    assert len(compare.stored()) == 4


def test_candidates_may_come_from_the_rules_without_telling_whose_is_whose(
    compare: Compare,
) -> None:
    kinds = compare.view.kinds
    kinds.setCurrentIndex(kinds.findData(Kind.RULES))
    kinds.activated.emit(kinds.currentIndex())
    compare.desk.settle()
    comparison = compare.question.comparison
    assert {model.name for model in comparison.models} == {"rules", "words"}
    said = compare.view.left.accessibleName() + compare.view.right.accessibleName()
    assert "rules" not in said
    compare.desk.press(Qt.Key.Key_Right)
    ((_, pair),) = compare.stored()
    assert pair.model == comparison.models[0].name


def test_the_review_keys_rest_while_the_report_is_out_of_sight(compare: Compare) -> None:
    compare.desk.press("e", "0", Qt.Key.Key_Space)
    for n in range(4):
        stored = compare.desk.stored(f"r{n}.txt")
        assert stored.corrected == frozenset()
        assert stored.entry.status.value == "unreviewed"
    compare.desk.press(Qt.Key.Key_1, mods=CTRL)
    compare.desk.press("e", "0")
    assert compare.desk.stored(compare.desk.current()).corrected


def test_a_page_with_nothing_to_ask_asks_once_there_are_labels(desk: Desk) -> None:
    desk.start()
    compare = Compare(desk)
    assert compare.view.empty.isVisible()
    desk.session.paste("Mild edema.")
    desk.settle()
    desk.qtbot.waitUntil(lambda: not compare.view.empty.isVisible(), timeout=10_000)
    assert compare.question.page.text == "Mild edema."


def test_a_click_on_a_card_chooses_it(compare: Compare) -> None:
    asked = compare.question.comparison
    compare.desk.qtbot.mouseClick(compare.view.right, Qt.MouseButton.LeftButton)
    compare.desk.settle()
    assert [pair.chosen for _, pair in compare.stored()] == [asked.right]


def test_the_switch_goes_to_a_page_and_new_reports_bring_the_first_back(compare: Compare) -> None:
    window = compare.desk.window
    assert window.pages.page is WindowPage.COMPARE
    compare.desk.paste("No fracture.")
    assert window.pages.page is WindowPage.REVIEW
    place = window.switch.rect_of(WindowPage.COMPARE).center().toPoint()
    compare.desk.qtbot.mouseClick(window.switch, Qt.MouseButton.LeftButton, pos=place)
    compare.desk.settle()
    assert window.pages.page is WindowPage.COMPARE

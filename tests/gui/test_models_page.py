"""The models page in the real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from gui_desk import Desk, WordLabeler, folder
from PySide6.QtCore import Qt

from chexdesk.gui.models.engine import Engine
from chexdesk.gui.packs_view import PacksView
from chexdesk.gui.page_switch import WindowPage
from chexdesk.labeling.labeler import ModelId
from chexdesk.services import packs
from chexdesk.services.packs import PackComparison

CTRL = Qt.KeyboardModifier.ControlModifier


class NewerLabeler(WordLabeler):
    """Labels as the first, under another name."""

    @property
    def model(self) -> ModelId:
        return ModelId("newer", "1" * 64, "2")


@pytest.fixture
def page(desk: Desk, tmp_path: Path, default_pack: Path) -> PacksView:
    desk.start([folder(tmp_path / "reports", a="Mild edema.", b="No edema.")])
    desk.press(Qt.Key.Key_4, mods=CTRL)
    view = desk.window.pages.view(WindowPage.MODELS)
    assert isinstance(view, PacksView)
    return view


def test_the_pack_in_use_is_shown_with_its_card(page: PacksView, default_pack: Path) -> None:
    assert page.list.count() >= 1
    assert "in use" in page.list.item(0).text()
    card = packs.card(default_pack, page._model._label_set)
    words = page.card.toPlainText()
    assert card.model.sha256 in words
    assert "radiologists" in words
    assert not page.use_button.isEnabled()
    assert page.remove_button.isHidden()


def test_the_file_is_checked_in_the_background(page: PacksView, desk: Desk) -> None:
    page.verify_button.click()
    assert not page.verify_button.isEnabled()
    desk.settle()
    assert "is whole" in desk.window.said.text()
    assert page.verify_button.isEnabled()


def test_a_file_that_is_no_pack_is_refused_in_words(
    page: PacksView, desk: Desk, tmp_path: Path
) -> None:
    wrong = tmp_path / "notes.zip"
    wrong.write_text("no archive")
    page._model.bring_in(wrong)
    desk.settle()
    assert any("notes.zip" in words for words in desk.window.messages.texts())
    assert page.import_button.isEnabled()


def test_where_two_models_differ_their_reports_are_listed(page: PacksView, desk: Desk) -> None:
    key = desk.session.library.entries()[1].key
    found = PackComparison(
        ModelId("one", "a", "1"),
        ModelId("two", "b", "2"),
        reports=2,
        decisions=28,
        alike=27,
        by_finding=tuple(int(name == "Edema") for name in desk.names),
        keys=frozenset([key]),
    )
    page._model.compared.emit(found)
    assert "96.4 %" in page.card.toPlainText()
    page.differing_button.click()
    desk.settle()
    assert desk.window.pages.page is WindowPage.REVIEW
    assert desk.session.reports.rowCount() == 1
    assert desk.current() == "b.txt"


def test_another_engine_labels_from_now_on_and_reviews_stay(page: PacksView, desk: Desk) -> None:
    desk.press(Qt.Key.Key_1, mods=CTRL)
    desk.press("e", "0", Qt.Key.Key_Space)
    reviewed = desk.stored("a.txt")
    newer = NewerLabeler()
    desk.session.switch_engine(lambda: Engine(newer))
    desk.settle()
    desk.session.label_all()
    desk.settle()
    assert desk.labeler.closed
    assert newer.seen == ["a.txt", "b.txt"]
    after = desk.stored("a.txt")
    assert after.prediction is not None
    assert after.prediction.model.name == "newer"
    assert after.decisions == reviewed.decisions
    assert after.entry.status == reviewed.entry.status


def test_a_comparison_does_not_hold_up_the_end(page: PacksView, desk: Desk) -> None:
    model = page._model
    (card, *_) = model.cards
    seen: list[str] = []
    model.busy.connect(seen.append)
    model.compare(card, card)
    desk.session.tasks.close()
    assert desk.session.tasks.closed
    assert seen[0] == "Comparing…"
    assert desk.stored("a.txt").prediction is not None

"""Colours that can be read, signs that can be told apart, and a binding that is sound."""

from __future__ import annotations

import sys

import pytest
from gui_desk import Desk
from PySide6.QtGui import QFont

from chexdesk.gui import theme
from chexdesk.gui.models.findings import FindingRow
from chexdesk.gui.models.report_list import ReportListModel
from chexdesk.gui.theme import DARK, LIGHT, SIGNS, STROKES, Theme, contrast
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.services.library import Entry, ReviewStatus

# WCAG 2.2, level AA, for words of ordinary size.
READABLE = 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read_on_every_ground_they_stand_on(colours: Theme) -> None:
    grounds = [colours.window, colours.surface, colours.accent_ground]
    pairs = [(ink, g) for ink in (colours.text, colours.muted, colours.faint) for g in grounds]
    for certainty in CERTAINTIES:
        ink = colours.inks[certainty]
        pairs += [(ink, g) for g in (colours.surface, colours.accent_ground)]
        pairs += [(ink, colours.tints[certainty]), (colours.on_ink, ink)]
        pairs.append((colours.text, colours.tints[certainty]))
    pairs += [
        (colours.text, colours.raised),
        (colours.faint, colours.raised),
        (colours.text, colours.warning_ground),
        (colours.text, colours.info_ground),
        (colours.warning, colours.surface),
        (colours.warning, colours.accent_ground),
        (colours.accent, colours.surface),
        (colours.on_ink, colours.accent),
    ]
    poor = [(a, b, round(contrast(a, b), 2)) for a, b in pairs if contrast(a, b) < READABLE]
    assert poor == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_certainties_differ_in_more_than_colour() -> None:
    assert len({STROKES[c] for c in CERTAINTIES}) == len(CERTAINTIES)
    assert len({SIGNS[c] for c in CERTAINTIES}) == len(CERTAINTIES)
    for colours in (LIGHT, DARK):
        assert len({colours.inks[c] for c in CERTAINTIES}) == len(CERTAINTIES)


def test_the_window_changes_its_dress_while_it_is_open(desk: Desk) -> None:
    desk.start()
    assert theme.of(desk.window.report_view) is LIGHT
    theme.wear(theme.Appearance.DARK)
    assert theme.of(desk.window.report_view) is DARK
    assert theme.of(desk.window.findings) is DARK


def test_a_hundred_thousand_reports_are_a_list_like_any_other(desk: Desk) -> None:
    desk.start()
    desk.paste("Edema.")
    entries = [
        Entry(key, f"report {key}", "", ReviewStatus.UNREVIEWED, True, 0.2, "")
        for key in range(1, 100_001)
    ]
    model = desk.session.reports
    keys = [entry.key for entry in entries]
    asked: list[list[int]] = []
    model.wanted.connect(asked.append)
    model.show(keys, {key: row for row, key in enumerate(keys)}, {})
    assert model.row(100_000) == 99_999
    view = desk.window.report_list
    view.select(99_999)
    assert view.visualRect(model.index(99_999)).bottom() <= view.viewport().height()
    view.grab()
    # Only what is in view is asked for.
    assert {key for some in asked for key in some} == set(range(99_801, 100_001))
    model.fill({entry.key: entry for entry in entries[99_990:]})
    assert model.index(99_999).data() == "report 100000"


def test_new_entries_leave_the_place_in_the_list_as_it_was(desk: Desk) -> None:
    model: ReportListModel = desk.session.reports
    first = Entry(1, "a", "", ReviewStatus.UNREVIEWED, False, None, "")
    model.show([1], {1: 0}, {1: first})
    kept = model.index(0)
    second = Entry(2, "b", "", ReviewStatus.UNREVIEWED, False, None, "")
    model.fill({1: Entry(1, "a", "", ReviewStatus.ACCEPTED, True, 0.1, ""), 2: second})
    model.append([1, 2], {2: second})
    assert kept.isValid()
    assert [model.entry(n) for n in range(2)] == [
        Entry(1, "a", "", ReviewStatus.ACCEPTED, True, 0.1, ""),
        second,
    ]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot be used up there")
def test_the_qt_binding_does_not_use_up_none() -> None:
    font = QFont()
    before = sys.getrefcount(None)
    for _ in range(1000):
        font.setBold(True)
    assert sys.getrefcount(None) > before - 500


@pytest.mark.parametrize(
    ("probability", "words"), [(None, ""), (0.514, "51%"), (0.994, "99%"), (0.9999, "> 99%")]
)
def test_the_model_is_never_said_to_be_wholly_sure(probability: float | None, words: str) -> None:
    row = FindingRow(chexpert14().findings[0], Certainty.POSITIVE, probability=probability)
    assert row.sureness == words

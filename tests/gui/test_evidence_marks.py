"""Evidence under the lines: every span has a lane of its own and can be picked."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import pytest
from gui_desk import Desk, folder
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF

from chexdesk.evidence.span import Span
from chexdesk.gui import lanes
from chexdesk.gui.models.page import DISPLAY_LIMIT, Style, stretches
from chexdesk.gui.report_layout import Mark, Measures, ReportLayout
from chexdesk.gui.theme import scaled
from chexdesk.labels import Certainty

NEGATED = "No focal consolidation, pneumothorax or pleural effusion."

intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda t: (t[0], t[0] + t[1])),
    max_size=20,
)


@given(intervals, st.integers(0, 4))
def test_lanes_hold_nothing_that_overlaps_and_are_as_few_as_can_be(
    given_intervals: list[tuple[int, int]], gap: int
) -> None:
    placed = lanes.pack(given_intervals, gap)
    assert len(placed) == len(given_intervals)
    for (one, a), (other, b) in combinations(zip(given_intervals, placed, strict=True), 2):
        if a == b:
            assert one[1] + gap <= other[0] or other[1] + gap <= one[0]
    deepest = max(
        (
            sum(start < at + 1 and at < end + gap for start, end in given_intervals)
            for at, _ in given_intervals
        ),
        default=0,
    )
    assert max(placed, default=-1) + 1 == deepest


@pytest.fixture
def negated(desk: Desk, tmp_path: Path) -> Desk:
    """A window on a negated list: three findings share the same "no"."""
    desk.start([folder(tmp_path / "reports", a=NEGATED)])
    return desk


def click(desk: Desk, point: QPointF) -> None:
    view = desk.window.report_view
    place = view.viewport_point(point).toPoint()
    desk.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    desk.settle()


def test_overlapping_spans_lie_in_lanes_of_their_own(negated: Desk) -> None:
    view = negated.window.report_view
    marks = view.marks()
    findings = {view.span(mark).finding for mark in marks}
    assert {"Consolidation", "Pneumothorax", "Pleural Effusion"} <= findings
    for one, other in combinations(marks, 2):
        assert not one.rect.intersects(other.rect)
    for mark in marks:
        assert mark.rect.top() >= mark.words.bottom()


def test_every_mark_can_be_picked_by_a_click(negated: Desk) -> None:
    view = negated.window.report_view
    for mark in view.marks():
        click(negated, mark.rect.center())
        assert negated.names[negated.session.finding] == view.span(mark).finding


def test_clicks_on_shared_words_go_through_their_findings(negated: Desk) -> None:
    view = negated.window.report_view
    first = view.marks()[0].words
    shared = QPointF(first.left() + 4, first.center().y())
    here = {view.span(m).finding for m in view.marks() if m.words.contains(shared)}
    assert len(here) > 1
    seen = set()
    for _ in here:
        click(negated, shared)
        seen.add(negated.names[negated.session.finding])
    assert seen == here


def test_a_tool_tip_names_finding_certainty_probability_and_cue(negated: Desk) -> None:
    view = negated.window.report_view
    mark = next(m for m in view.marks() if view.span(m).finding == "Pneumothorax")
    words = view.tip(view.viewport_point(mark.rect.center()))
    assert words == "Pneumothorax: negative, 70%, cue “No”"
    assert view.tip(QPointF(1, 1)) == ""


def test_evidence_follows_a_correction(negated: Desk) -> None:
    view = negated.window.report_view
    negated.press("x", Qt.Key.Key_Backspace)
    assert "Pneumothorax" not in {view.span(mark).finding for mark in view.marks()}
    assert negated.row("Pneumothorax").disagrees
    assert negated.row("Pneumothorax").warning() == (
        "label: not mentioned, but the words read as negative"
    )
    negated.press(Qt.Key.Key_Z, mods=Qt.KeyboardModifier.ControlModifier)
    assert "Pneumothorax" in {view.span(mark).finding for mark in view.marks()}
    assert not negated.row("Pneumothorax").disagrees


def test_a_selected_finding_scrolls_its_evidence_into_view(desk: Desk, tmp_path: Path) -> None:
    text = "The lungs are clear.\n" * 80 + "There is a fracture.\n"
    desk.start([folder(tmp_path / "reports", a=text)])
    view = desk.window.report_view
    assert view.verticalScrollBar().value() == 0
    desk.press("r")
    mark = next(m for m in view.marks() if view.span(m).finding == "Fracture")
    assert view.viewport().rect().contains(view.viewport_point(mark.rect.center()).toPoint())


def test_a_very_long_report_is_cut_for_display_only(desk: Desk, tmp_path: Path) -> None:
    text = "The lungs are clear. " * (DISPLAY_LIMIT // 20) + "There is a fracture."
    desk.start([folder(tmp_path / "reports", a=text)])
    assert desk.session.page is not None
    assert len(desk.session.page.text) == DISPLAY_LIMIT
    assert desk.row("Fracture").certainty is Certainty.POSITIVE
    assert "not shown here" in desk.window.messages.texts()[0]


def layout(desk: Desk, text: str, *spans: Span, width: float = 400) -> ReportLayout:
    measures = Measures.of(scaled(desk.window.font(), 1.2))
    return ReportLayout(text, (), spans, {}, measures, width)


def words(made: ReportLayout, place: int) -> list[QRectF]:
    return [mark.words for mark in made.marks if mark.span == place]


def test_offsets_count_code_points_whatever_comes_before(desk: Desk) -> None:
    prefix = "\U0001fac1\U0001fac1\r\n\U0001fac1 \x07"
    text = f"{prefix}no edema"
    made = layout(desk, text, Span("Edema", Certainty.NEGATIVE, len(prefix), len(text), "no"))
    (rect,) = words(made, 0)
    metrics = QFontMetricsF(made.measures.font)
    assert rect.left() == pytest.approx(metrics.horizontalAdvance("\U0001fac1  "), abs=2)
    assert rect.width() == pytest.approx(metrics.horizontalAdvance("no edema"), abs=2)
    assert rect.top() > made.blocks[0].bottom


def test_a_span_over_several_lines_is_marked_on_each(desk: Desk) -> None:
    text = "no " + "very " * 60 + "large effusion"
    made = layout(desk, text, Span("Pleural Effusion", Certainty.NEGATIVE, 0, len(text), "no"))
    marks: list[Mark] = list(made.marks)
    assert len(marks) > 2
    assert [mark.first for mark in marks] == [True] + [False] * (len(marks) - 1)
    assert all(mark.rect.right() <= 400 for mark in marks)
    for above, below in pairwise(marks):
        assert below.words.top() > above.rect.bottom()


def test_short_words_side_by_side_do_not_hide_each_others_badges(desk: Desk) -> None:
    spans = [Span(f"F{n}", Certainty.POSITIVE, 2 * n, 2 * n + 1, "") for n in range(6)]
    made = layout(desk, "a b c d e f", *spans)
    for one, other in combinations(list(made.marks), 2):
        assert not one.rect.intersects(other.rect)


def test_headings_and_left_out_sections_are_told_apart() -> None:
    text = "INDICATION: Rule out edema.\n\nFINDINGS: No edema.\n"
    found = [(text[s.start : s.end], s.style) for s in stretches(text)]
    assert found == [
        ("INDICATION:", Style.LEFT_OUT_HEADING),
        ("Rule out edema.", Style.LEFT_OUT),
        ("FINDINGS:", Style.HEADING),
    ]

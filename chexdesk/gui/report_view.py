"""The report in the middle, with its evidence under the lines."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from chexdesk.evidence.span import Span
from chexdesk.gui import signs, theme
from chexdesk.gui.models.page import Page, Style
from chexdesk.gui.report_layout import Block, Mark, Measures, ReportLayout
from chexdesk.labels import LabelSet

_TEXT_SIZE: Final = 1.22
_MARGIN: Final = 28
# Longer lines are hard to follow back to their beginning.
_WIDEST: Final = 780


class ReportView(QAbstractScrollArea):
    """Shows one page; a click on evidence picks its finding.

    Signals:
        picked: the place of the finding whose evidence was clicked.
    """

    picked = Signal(int)

    def __init__(self, label_set: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places = {finding.name: n for n, finding in enumerate(label_set.findings)}
        self._letters = {finding.name: finding.key.upper() for finding in label_set.findings}
        self._page: Page | None = None
        self._layout: ReportLayout | None = None
        self._finding = -1
        self._hovered: int | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Report text"))
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(self.backgroundRole().Base)

    def use_letters(self, label_set: LabelSet) -> None:
        """Badge the evidence with other letters."""
        self._letters = {finding.name: finding.key.upper() for finding in label_set.findings}
        self.viewport().update()

    def show_page(self, page: Page | None) -> None:
        """Show another page, from its top, or the same one anew, where it was."""
        same = (
            page is not None and self._page is not None and page.entry.key == self._page.entry.key
        )
        place = self.verticalScrollBar().value()
        self._page = page
        self._hovered = None
        self.setAccessibleDescription("" if page is None else page.text)
        self._relayout()
        self.verticalScrollBar().setValue(place if same else 0)

    def select_finding(self, place: int) -> None:
        """Light up a finding's evidence and bring it into view."""
        self._finding = place
        self.viewport().update()
        marks = [mark for mark in self.marks() if self._place(mark) == place]
        if not marks:
            return
        bar, height = self.verticalScrollBar(), self.viewport().height()
        top = marks[0].words.top() + _MARGIN
        bottom = marks[0].rect.bottom() + _MARGIN
        if top < bar.value() or bottom > bar.value() + height:
            bar.setValue(round(top - height / 3))

    def scroll_lines(self, lines: int) -> None:
        """Scroll down, or up below 0."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + lines * bar.singleStep())

    def marks(self) -> list[Mark]:
        """The marks of evidence, from top to bottom, in page coordinates."""
        return [] if self._layout is None else list(self._layout.marks)

    def span(self, mark: Mark) -> Span:
        """The evidence that a mark stands for."""
        assert self._page is not None
        return self._page.spans[mark.span]

    def viewport_point(self, point: QPointF) -> QPointF:
        """Where a point of the page lies in the viewport."""
        return point + self._origin()

    def sizeHint(self) -> QSize:
        """Room for a comfortable line."""
        return QSize(620, 560)

    def event(self, event: QEvent) -> bool:
        """Set the text anew when font or colours change."""
        done = super().event(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._relayout()
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines to the new width."""
        super().resizeEvent(event)
        self._relayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the paragraphs in view: lit words, then text, then marks."""
        if self._layout is None or self._page is None:
            return
        colours = theme.of(self)
        painter = QPainter(self.viewport())
        if self._page.entry.error and not self._page.text:
            painter.setPen(QColor(colours.muted))
            room = self.viewport().rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
            painter.drawText(room, Qt.TextFlag.TextWordWrap, self._page.entry.error)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        origin = self._origin()
        painter.translate(origin)
        seen = QRectF(event.rect()).translated(-origin)
        for block in self._layout.between(seen.top(), seen.bottom()):
            self._paint_lit(painter, colours, block)
            painter.setPen(QColor(colours.text))
            block.layout.draw(painter, QPointF(0, 0))
            for mark in block.marks:
                self._paint_mark(painter, colours, mark)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the evidence under the pointer."""
        spans = self._spans_at(event.position())
        hovered = self._places[self._span(spans[0]).finding] if spans else None
        if hovered != self._hovered:
            self._hovered = hovered
            shape = Qt.CursorShape.ArrowCursor
            if spans:
                shape = Qt.CursorShape.PointingHandCursor
            self.viewport().setCursor(shape)
            self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the evidence under the pointer; where several share it, the next at each click."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        places = [self._places[self._span(n).finding] for n in self._spans_at(event.position())]
        if places:
            at = places.index(self._finding) + 1 if self._finding in places else 0
            self.picked.emit(places[at % len(places)])

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tool tip of the evidence under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.tip(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        if event.type() == QEvent.Type.Leave and self._hovered is not None:
            self._hovered = None
            self.viewport().update()
        return super().viewportEvent(event)

    def tip(self, point: QPointF) -> str:
        """Finding, certainty, probability and cue of the evidence under a viewport point."""
        return "\n".join(self._words(self._span(place)) for place in self._spans_at(point))

    def _words(self, span: Span) -> str:
        assert self._page is not None
        parts = [f"{span.finding}: {span.certainty.title}"]
        rows = self._page.rows
        row = rows[self._places[span.finding]] if rows else None
        if row is not None and row.probability is not None and row.predicted is span.certainty:
            parts.append(row.sureness)
        if span.cue:
            parts.append(f"cue “{span.cue}”")
        return ", ".join(parts)

    def _relayout(self) -> None:
        page = self._page
        if page is None:
            self._layout = None
        else:
            width = min(self.viewport().width() - 2 * _MARGIN, _WIDEST)
            self._layout = ReportLayout(
                page.text,
                page.stretches,
                page.spans,
                _formats(theme.of(self)),
                Measures.of(theme.scaled(self.font(), _TEXT_SIZE)),
                max(width, 120),
            )
        height = 0 if self._layout is None else round(self._layout.height) + 2 * _MARGIN
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(round(self.fontMetrics().height() * 1.6))
        bar.setRange(0, max(0, height - self.viewport().height()))
        self.viewport().update()

    def _origin(self) -> QPointF:
        spare = self.viewport().width() - 2 * _MARGIN - _WIDEST
        return QPointF(_MARGIN + max(0, spare) // 2, _MARGIN - self.verticalScrollBar().value())

    def _spans_at(self, point: QPointF) -> list[int]:
        return [] if self._layout is None else self._layout.at(point - self._origin())

    def _span(self, place: int) -> Span:
        assert self._page is not None
        return self._page.spans[place]

    def _place(self, mark: Mark) -> int:
        return self._places[self.span(mark).finding]

    def _paint_lit(self, painter: QPainter, colours: theme.Theme, block: Block) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for mark in block.marks:
            if self._place(mark) in (self._finding, self._hovered):
                painter.setBrush(QColor(colours.tints[self.span(mark).certainty]))
                painter.drawRoundedRect(mark.words.adjusted(-2, 0, 2, 0), 3, 3)

    def _paint_mark(self, painter: QPainter, colours: theme.Theme, mark: Mark) -> None:
        assert self._layout is not None
        span, measures = self.span(mark), self._layout.measures
        lit = self._place(mark) in (self._finding, self._hovered)
        box = QRectF(mark.rect.topLeft(), QSize(round(measures.badge_width), 1).toSizeF())
        box.setHeight(mark.rect.height())
        signs.badge(
            painter,
            colours,
            span.certainty,
            box.adjusted(0.5, 0.5, -0.5, -0.5),
            self._letters[span.finding],
            measures.badge_font,
            filled=lit,
        )
        start = QPointF(box.right() + 2, mark.rect.center().y())
        signs.underline(
            painter,
            colours,
            span.certainty,
            start,
            mark.rect.right() - start.x(),
            2.6 if lit else 1.7,
        )


def _formats(colours: theme.Theme) -> dict[Style, QTextCharFormat]:
    heading = QTextCharFormat()
    heading.setFontWeight(QFont.Weight.DemiBold)
    heading.setForeground(QColor(colours.accent))
    left_out = QTextCharFormat()
    left_out.setForeground(QColor(colours.faint))
    left_out_heading = QTextCharFormat(left_out)
    left_out_heading.setFontWeight(QFont.Weight.DemiBold)
    return {
        Style.HEADING: heading,
        Style.LEFT_OUT: left_out,
        Style.LEFT_OUT_HEADING: left_out_heading,
    }

"""The findings at the right: a row each, with its label, how sure it is, and how to change it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.models.findings import ROW_ROLE, FindingRow, FindingsModel
from chexdesk.gui.theme import SIGNS, Theme
from chexdesk.labels import CERTAINTIES, Certainty

_PAD: Final = 12
_SEGMENT: Final = QSize(27, 25)
_BAR: Final = QSize(54, 5)
_WARNING: Final = 15


class FindingsView(QListView):
    """The rows. A click selects a finding; a click on a segment sets its label.

    Signals:
        chosen: the place of a finding and the certainty that was clicked.
        picked: the place of a finding that was clicked elsewhere.
    """

    chosen = Signal(int, object)
    picked = Signal(int)

    def __init__(self, model: FindingsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._delegate = _FindingDelegate(self)
        self.setItemDelegate(self._delegate)
        self.setModel(model)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(self.tr("Findings"))

    def select(self, place: int) -> None:
        """Select a row without announcing it."""
        self.setCurrentIndex(self.model().index(place, 0))

    def segment(self, place: int, certainty: Certainty) -> QPoint:
        """The middle of a row's segment, in viewport coordinates."""
        rect = QRectF(self.visualRect(self.model().index(place, 0)))
        return segment_rect(rect, certainty).center().toPoint()

    def sizeHint(self) -> QSize:
        """Room for the longest name."""
        names = [self.model().index(n, 0).data() for n in range(self.model().rowCount())]
        widest = max(self.fontMetrics().horizontalAdvance(name) for name in names)
        return QSize(widest + 4 * _SEGMENT.width() + 6 * _PAD + _WARNING + 28, len(names) * 40)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Spread the rows over the new height."""
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select, or set a label."""
        index = self.indexAt(event.position().toPoint())
        if event.button() is not Qt.MouseButton.LeftButton or not index.isValid():
            return
        certainty = self._segment_at(index, event.position())
        if certainty is None:
            self.picked.emit(index.row())
        else:
            self.chosen.emit(index.row(), certainty)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show what a click would do."""
        index = self.indexAt(event.position().toPoint())
        certainty = self._segment_at(index, event.position()) if index.isValid() else None
        self._hover(None if certainty is None else (index.row(), certainty))

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tool tip of a segment or of a row; forget the hover when the pointer leaves."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(event.pos()), self.viewport())
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def _hover(self, what: tuple[int, Certainty] | None) -> None:
        if what != self._delegate.hovered:
            self._delegate.hovered = what
            shape = (
                Qt.CursorShape.ArrowCursor if what is None else Qt.CursorShape.PointingHandCursor
            )
            self.viewport().setCursor(shape)
            self.viewport().update()

    def _segment_at(self, index: QModelIndex, point: QPointF) -> Certainty | None:
        rect = QRectF(self.visualRect(index))
        for certainty in CERTAINTIES:
            if segment_rect(rect, certainty).contains(point):
                return certainty
        return None

    def _tip(self, point: QPoint) -> str:
        index = self.indexAt(point)
        if not index.isValid():
            return ""
        certainty = self._segment_at(index, QPointF(point))
        if certainty is not None:
            return f"{index.data()}: {certainty.title}"
        row: FindingRow = index.data(ROW_ROLE)
        return row.words()


def segment_rect(row: QRectF, certainty: Certainty) -> QRectF:
    """Where the segment for a certainty lies in a row."""
    width, height = _SEGMENT.width(), _SEGMENT.height()
    left = row.right() - _PAD - width * (len(CERTAINTIES) - CERTAINTIES.index(certainty))
    return QRectF(left, row.center().y() - height / 2, width, height)


class _FindingDelegate(QStyledItemDelegate):
    def __init__(self, view: FindingsView) -> None:
        super().__init__(view)
        self._view = view
        self.hovered: tuple[int, Certainty] | None = None

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        metrics = QFontMetricsF(self._view.font())
        least = round(metrics.height() * 2.05) + 4
        model: QAbstractItemModel = self._view.model()
        share = self._view.viewport().height() // max(1, model.rowCount())
        return QSize(self._view.viewport().width(), min(max(least, share), least + 16))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        colours = theme.of(self._view)
        row: FindingRow = index.data(ROW_ROLE)
        rect = QRectF(self._view.visualRect(index))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._view.currentIndex().row() == index.row():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent_ground))
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), 6, 6)
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(
                QRectF(rect.left() + 4, rect.top() + 6, 3, rect.height() - 12), 1.5, 1.5
            )
        font = self._view.font()
        cap = QRectF(rect.left() + _PAD + 2, rect.center().y() - 10, 20, 20)
        signs.key_cap(painter, colours, cap, row.finding.key.upper(), theme.scaled(font, 0.85))
        segments = segment_rect(rect, CERTAINTIES[0]).left()
        words = QRectF(cap.right() + 10, rect.top(), segments - cap.right() - 20, rect.height())
        sign = QRectF(words.right() - _WARNING, rect.center().y() - 7, _WARNING, 13)
        words.setRight(sign.left() - 8)
        if row.disagrees:
            signs.warning(painter, colours, sign)
        self._paint_words(painter, colours, font, words, row)
        self._paint_segments(painter, colours, font, rect, index.row(), row)
        painter.restore()

    def _paint_words(
        self, painter: QPainter, colours: Theme, font: QFont, rect: QRectF, row: FindingRow
    ) -> None:
        silent = row.certainty in (None, Certainty.NOT_MENTIONED)
        small = theme.scaled(font, 0.88)
        above, below = QFontMetricsF(font), QFontMetricsF(small)
        lines = above.height() + (0 if row.certainty is None else below.height())
        top = rect.center().y() - lines / 2
        room = rect.width() + (0 if row.disagrees else _WARNING + 8)
        painter.setFont(font)
        painter.setPen(QColor(colours.muted if silent and not row.changed else colours.text))
        name = above.elidedText(row.finding.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(rect.left(), top + above.ascent()), name)
        if row.certainty is not None:
            painter.save()
            painter.setClipRect(rect)
            line = _Line(painter, rect.left(), top + above.height() + below.ascent(), small)
            _paint_label(painter, colours, line, rect.right(), row, row.certainty)
            painter.restore()

    def _paint_segments(
        self,
        painter: QPainter,
        colours: Theme,
        font: QFont,
        rect: QRectF,
        place: int,
        row: FindingRow,
    ) -> None:
        first, last = (segment_rect(rect, CERTAINTIES[n]) for n in (0, -1))
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(first.united(last).adjusted(-0.5, -0.5, 0.5, 0.5), 6, 6)
        for certainty in CERTAINTIES:
            segment = segment_rect(rect, certainty).adjusted(1.5, 1.5, -1.5, -1.5)
            active = certainty is row.certainty
            ink = QColor(colours.inks[certainty])
            painter.setPen(Qt.PenStyle.NoPen)
            if active:
                quiet = certainty is Certainty.NOT_MENTIONED
                painter.setBrush(QColor(colours.raised) if quiet else ink)
                painter.drawRoundedRect(segment, 5, 5)
            elif self.hovered == (place, certainty):
                painter.setBrush(QColor(colours.tints[certainty]))
                painter.drawRoundedRect(segment, 5, 5)
            filled = active and certainty is not Certainty.NOT_MENTIONED
            painter.setPen(QColor(colours.on_ink if filled else colours.faint))
            signs.centred(painter, segment, SIGNS[certainty], theme.scaled(font, 1.05, bold=active))


class _Line:
    """Words one after another on a baseline."""

    def __init__(self, painter: QPainter, x: float, y: float, font: QFont) -> None:
        self._painter = painter
        self.x = x
        self.y = y
        self._font = font

    def say(self, words: str, colour: str, *, bold: bool = False, struck: bool = False) -> None:
        """Paint words and move on by their width."""
        font = QFont(self._font)
        font.setBold(bold)
        font.setStrikeOut(struck)
        self._painter.setFont(font)
        self._painter.setPen(QColor(colour))
        self._painter.drawText(QPointF(self.x, self.y), words)
        self.x += QFontMetricsF(font).horizontalAdvance(words)


def _paint_label(
    painter: QPainter,
    colours: Theme,
    line: _Line,
    right: float,
    row: FindingRow,
    certainty: Certainty,
) -> None:
    """The second line of a row: old and new label, or label, probability and its bar."""
    if row.changed and row.predicted is not None:
        line.say(row.predicted.title, colours.faint, struck=True)
        line.say(" \N{RIGHTWARDS ARROW} ", colours.faint)
        line.say(certainty.title, colours.inks[certainty], bold=True)
        return
    line.say(certainty.title, colours.inks[certainty])
    if row.probability is None:
        return
    line.say(f"  {row.sureness}", colours.faint)
    bar = QRectF(right - _BAR.width(), line.y - 2 - _BAR.height(), _BAR.width(), _BAR.height())
    if bar.left() < line.x + 6:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.raised))
    painter.drawRoundedRect(bar, 2.5, 2.5)
    bar.setWidth(max(bar.height(), bar.width() * row.probability))
    painter.setBrush(QColor(colours.inks[certainty]))
    painter.drawRoundedRect(bar, 2.5, 2.5)

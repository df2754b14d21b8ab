"""The list of reports at the left."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.models.report_list import ENTRY_ROLE, ReportListModel, state_words
from chexdesk.services.library import Entry, ReviewStatus

_SIGN: Final = 16
_PAD: Final = 14


class ReportListView(QTableView):
    """One line for each report: state, id, doubt.

    A table of one column rather than a list view, which asks the model for every row each time it
    lays them out: seconds with 100,000 of them.

    Signals:
        chosen: the row that was clicked or reached.
    """

    chosen = Signal(int)

    def __init__(self, model: ReportListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._empty = ""
        self.setItemDelegate(_EntryDelegate(self))
        self.setModel(model)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._size_rows()
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        # The row at hand is the current one, and painted by the delegate.
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(self.tr("Reports"))

    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Announce the row, however it was reached."""
        super().currentChanged(current, previous)
        if current.isValid():
            self.chosen.emit(current.row())

    def select(self, row: int) -> None:
        """Go to a row and bring it into view."""
        index = self.model().index(row, 0)
        self.setCurrentIndex(index)
        if index.isValid():
            # New rows may not have reached the scroll bar yet.
            self.updateGeometries()
            self.scrollTo(index)

    def keyboardSearch(self, search: str) -> None:
        """Nothing: the search field is for that, and this would ask for every row."""

    def changeEvent(self, event: QEvent) -> None:
        """Grow with the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._size_rows()

    def _size_rows(self) -> None:
        height = round(QFontMetricsF(self.font()).height() * 1.9) + 14
        self.verticalHeader().setMinimumSectionSize(height)
        self.verticalHeader().setDefaultSectionSize(height)

    def say(self, words: str) -> None:
        """What stands here while the list is empty."""
        self._empty = words
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows, or why there are none."""
        super().paintEvent(event)
        if not self.model().rowCount() and self._empty:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.of(self).muted))
            room = self.viewport().rect().adjusted(_PAD, _PAD + 4, -_PAD, 0)
            painter.drawText(room, Qt.TextFlag.TextWordWrap, self._empty)

    def sizeHint(self) -> QSize:
        """Room for a file's name."""
        return QSize(250, 560)


class _EntryDelegate(QStyledItemDelegate):
    def __init__(self, view: ReportListView) -> None:
        super().__init__(view)
        self._view = view

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        colours = theme.of(self._view)
        entry: Entry | None = index.data(ENTRY_ROLE)
        rect = QRectF(self._view.visualRect(index))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._view.currentIndex().row() == index.row():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent_ground))
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), 6, 6)
        if entry is not None:
            self._paint_entry(painter, colours, rect, entry)
        painter.restore()

    def _paint_entry(
        self, painter: QPainter, colours: theme.Theme, rect: QRectF, entry: Entry
    ) -> None:
        sign = QRectF(rect.left() + _PAD, rect.center().y() - _SIGN / 2, _SIGN, _SIGN)
        if entry.error:
            signs.warning(painter, colours, sign.adjusted(0, 1, 0, -1))
        elif entry.status is ReviewStatus.ACCEPTED:
            signs.accepted(painter, colours, sign)
        elif entry.status is ReviewStatus.CORRECTED:
            signs.corrected(painter, colours, sign)
        else:
            signs.unreviewed(painter, colours, sign, waiting=not entry.labelled)
        right = rect.right() - _PAD
        reviewed = entry.status is not ReviewStatus.UNREVIEWED
        if entry.doubt is not None and entry.doubt >= theme.DOUBTFUL / 2 and not reviewed:
            mark = QRectF(right - 11, rect.center().y() - 5.5, 11, 11)
            signs.doubt(painter, colours, mark, entry.doubt)
            right = mark.left() - 8
        for shown, draw in ((entry.flagged, signs.flag), (entry.noted, signs.note)):
            if shown:
                mark = QRectF(right - 12, rect.center().y() - 6.5, 12, 13)
                draw(painter, colours, mark)
                right = mark.left() - 8
        font, small = self._view.font(), theme.scaled(self._view.font(), 0.85)
        above, below = QFontMetricsF(font), QFontMetricsF(small)
        left = sign.right() + 11
        top = rect.center().y() - (above.height() + below.height()) / 2
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        name = above.elidedText(entry.id, Qt.TextElideMode.ElideMiddle, right - left)
        painter.drawText(QPointF(left, top + above.ascent()), name)
        painter.setFont(small)
        painter.setPen(QColor(colours.warning if entry.error else colours.faint))
        words = below.elidedText(state_words(entry), Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(QPointF(left, top + above.height() + below.ascent()), words)

"""What stands above the list: which queue it is, the search, and a chip for each filter."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.models.queue import QueueModel
from chexdesk.gui.queue_menu import QueueMenu, names
from chexdesk.labels import Certainty, LabelSet
from chexdesk.services.library import Counts
from chexdesk.services.queues import Filter, Queue, Tally

_PAD: Final = 14


class QueueBar(QWidget):
    """Heading, search and chips over the list of reports.

    Signals:
        left: the search was left by a key; the report should have the focus again.
    """

    left = Signal()

    def __init__(
        self, queue: QueueModel, label_set: LabelSet, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._queue = queue
        self._label_set = label_set
        self.heading = QueueHeading(self.tr("Queue"))
        self.menu = QueueMenu(queue, label_set, self)
        self.search = SearchField()
        self._chips = QWidget()
        self._chip_box = QVBoxLayout(self._chips)
        self._chip_box.setContentsMargins(10, 0, 10, 8)
        self._chip_box.setSpacing(4)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.heading)
        row = QWidget()
        inner = QVBoxLayout(row)
        inner.setContentsMargins(10, 9, 10, 7)
        inner.addWidget(self.search)
        box.addWidget(row)
        box.addWidget(self._chips)
        self._chips.hide()
        self.heading.clicked.connect(self.open_menu)
        self.search.textChanged.connect(queue.search)
        self.search.left.connect(self.left)
        queue.filtered.connect(self._show_filter)
        queue.counted.connect(self._show_counts)
        self._show_filter(queue.filter)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground of the list goes on below the search."""
        QPainter(self).fillRect(self.rect(), QColor(theme.of(self).surface))

    def use_letters(self, label_set: LabelSet) -> None:
        """Name the findings' letters otherwise in the menu."""
        self._label_set = label_set
        self.menu.use_letters(label_set)

    def show_key(self, key: str) -> None:
        """Say in the empty search field which key leads there."""
        words = self.tr("Search reports")
        self.search.setPlaceholderText(f"{words} ({key})" if key else words)

    def open_menu(self) -> None:
        """Let the user choose a queue, by keys or mouse."""
        place = self.heading.rect().bottomLeft()
        self.menu.popup(self.heading.mapToGlobal(place))

    def chips(self) -> list[Chip]:
        """The chips that are shown, from top to bottom."""
        items = (self._chip_box.itemAt(n) for n in range(self._chip_box.count()))
        widgets = [None if item is None else item.widget() for item in items]
        return [widget for widget in widgets if isinstance(widget, Chip)]

    def _show_filter(self, chosen: Filter) -> None:
        self.heading.name(names(self)[chosen.queue].replace("&", ""))
        if self.search.text() != chosen.words:
            self.search.setText(chosen.words)
        for chip in self.chips():
            self._chip_box.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        if chosen.queue is Queue.SAMPLE:
            words = self.tr("%1 reports, seed %2").replace("%1", f"{chosen.sample.size:,}")
            chip = Chip(words.replace("%2", str(chosen.sample.seed)), None)
            chip.clicked.connect(partial(self._queue.choose, Queue.ALL))
            self._chip_box.addWidget(chip)
        for place, certainty in sorted(chosen.findings, key=lambda each: each[0]):
            chip = Chip(f"{self._label_set.names[place]}: {certainty.title}", certainty)
            chip.clicked.connect(partial(self._queue.narrow, place, certainty))
            self._chip_box.addWidget(chip)
        if chosen.only is not None:
            chip = Chip(chosen.only.words, None)
            chip.clicked.connect(partial(self._queue.show, replace(chosen, only=None)))
            self._chip_box.addWidget(chip)
        self._chips.setVisible(bool(self.chips()))

    def _show_counts(self, counts: Counts, _: Tally) -> None:
        self.heading.say(counts.accepted + counts.corrected, counts.reports)


class QueueHeading(QAbstractButton):
    """The queue's name, which opens the menu, and how much of the library is reviewed."""

    def __init__(self, purpose: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._purpose = purpose
        self._done = self._total = 0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def name(self, words: str) -> None:
        """Name the queue."""
        self.setText(words)
        self._tell()

    def say(self, done: int, total: int) -> None:
        """How many reports of the library are reviewed."""
        self._done, self._total = done, total
        self._tell()

    def aside(self) -> str:
        """The words at the right, in full."""
        return (
            self.tr("%1 of %2 reviewed")
            .replace("%1", f"{self._done:,}")
            .replace("%2", f"{self._total:,}")
        )

    def sizeHint(self) -> QSize:
        """As high as the page's heading."""
        return QSize(100, round(QFontMetricsF(self.font()).height() * 1.2) + 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint name and arrow at the left, the count at the right where there is room."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.underMouse() or self.isDown()
        painter.fillRect(self.rect(), QColor(colours.raised if lit else colours.surface))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(colours.line))
        font, small = theme.scaled(self.font(), 1.0, bold=True), theme.scaled(self.font(), 0.9)
        bold, slight = QFontMetricsF(font), QFontMetricsF(small)
        middle = self.height() / 2
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        room = self.width() - 2 * _PAD - 16
        name = bold.elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(_PAD, middle + bold.capHeight() / 2), name)
        x = _PAD + bold.horizontalAdvance(name) + 7
        painter.setPen(QPen(QColor(colours.muted), 1.6))
        painter.drawPolyline(
            [QPointF(x, middle - 2), QPointF(x + 4, middle + 2), QPointF(x + 8, middle - 2)]
        )
        left_over = self.width() - x - 8 - 2 * _PAD
        short = f"{self._done:,}/{self._total:,}"
        shown = next(
            (w for w in (self.aside(), short) if slight.horizontalAdvance(w) < left_over), ""
        )
        painter.setFont(small)
        painter.setPen(QColor(colours.muted if lit else colours.faint))
        x = self.width() - _PAD - slight.horizontalAdvance(shown)
        painter.drawText(QPointF(x, middle + slight.capHeight() / 2), shown)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3, 3, -3, -4), 4, 4)

    def _tell(self) -> None:
        self.setAccessibleName(f"{self._purpose}: {self.text()}, {self.aside()}")
        self.setToolTip(self.aside())
        self.update()


class SearchField(QLineEdit):
    """Searches as one types.

    Signals:
        left: Enter or Esc was pressed; Esc empties the field first.
    """

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(self.tr("Search reports"))
        self.setAccessibleName(self.tr("Search report texts"))
        self.setToolTip(
            self.tr(
                "All words must be there, as beginnings of words.\n"
                "\u201cIn quotes\u201d: next to one another. \u2212word: without it."
            )
        )
        self.setClearButtonEnabled(True)

    def event(self, event: QEvent) -> bool:
        """Keep the keys of a text field, which are the window's shortcuts elsewhere."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.ShiftModifier,
                Qt.KeyboardModifier.KeypadModifier,
            )
            if plain and event.key() not in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave with Enter; with Esc empty the field, then leave."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)


class Chip(QAbstractButton):
    """One filter; a click takes it away."""

    def __init__(self, words: str, certainty: Certainty | None) -> None:
        super().__init__()
        self._certainty = certainty
        self.setText(words)
        self.setAccessibleName(self.tr("Take away the filter %1").replace("%1", words))
        self.setToolTip(self.tr("Take away"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(100, round(QFontMetricsF(self.font()).height()) + 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the certainty's sign and line, the words, and a cross."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        ink = QColor(colours.accent if self._certainty is None else colours.inks[self._certainty])
        ground = colours.info_ground if self._certainty is None else colours.tints[self._certainty]
        painter.setPen(QPen(ink, 2 if self.hasFocus() else 1))
        painter.setBrush(QColor(colours.raised if self.underMouse() else ground))
        painter.drawRoundedRect(rect, 5, 5)
        font = theme.scaled(self.font(), 0.92)
        metrics = QFontMetricsF(font)
        room = rect.width() - 38
        words = metrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        baseline = rect.center().y() + metrics.capHeight() / 2
        painter.drawText(QPointF(rect.left() + 9, baseline), words)
        cross = QRectF(rect.right() - 20, rect.center().y() - 8, 16, 16)
        painter.setPen(QColor(colours.muted))
        signs.centred(painter, cross, "\N{MULTIPLICATION SIGN}", self.font())

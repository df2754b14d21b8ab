"""The narrow parts around the page: key legend, messages, the report's heading."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.keys import LEGEND, Hint
from chexdesk.gui.models.page import Page
from chexdesk.gui.models.report_list import state_words

_MOST_MESSAGES: Final = 3


class KeyLegend(QWidget):
    """The keys and what they do, always in view. Too narrow, the least needed give way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hints: tuple[Hint, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_hints(LEGEND)

    def show_hints(self, hints: tuple[Hint, ...]) -> None:
        """Show the keys of another page."""
        self._hints = hints
        self.setAccessibleName(", ".join(f"{' '.join(hint.caps)}: {hint.words}" for hint in hints))
        self.update()

    def sizeHint(self) -> QSize:
        """One row of keys."""
        return QSize(400, round(QFontMetricsF(self.font()).height()) + 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint as many hints as there is room for."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.window))
        painter.fillRect(0, 0, self.width(), 1, QColor(colours.line))
        x = 14.0
        for hint in self._hints:
            if x + self._width(hint) > self.width() - 10:
                break
            x = self._paint_hint(painter, colours, hint, x) + 18

    def _width(self, hint: Hint) -> float:
        words = QFontMetricsF(self._words_font()).horizontalAdvance(hint.words)
        return sum(self._cap_width(cap) + 3 for cap in hint.caps) + 4 + words

    def _cap_width(self, cap: str) -> float:
        metrics = QFontMetricsF(self._cap_font())
        return max(metrics.height() + 5, metrics.horizontalAdvance(cap) + 12)

    def _cap_font(self) -> QFont:
        return theme.scaled(self.font(), 0.86)

    def _words_font(self) -> QFont:
        return theme.scaled(self.font(), 0.92)

    def _paint_hint(self, painter: QPainter, colours: theme.Theme, hint: Hint, x: float) -> float:
        middle = self.height() / 2 + 0.5
        height = QFontMetricsF(self._cap_font()).height() + 5
        for cap in hint.caps:
            rect = QRectF(x, middle - height / 2, self._cap_width(cap), height)
            signs.key_cap(painter, colours, rect, cap, self._cap_font())
            x = rect.right() + 3
        metrics = QFontMetricsF(self._words_font())
        painter.setFont(self._words_font())
        painter.setPen(QColor(colours.muted))
        painter.drawText(QPointF(x + 4, middle + metrics.capHeight() / 2), hint.words)
        length = metrics.horizontalAdvance(hint.words)
        if hint.certainty is not None:
            start = QPointF(x + 4, middle + metrics.capHeight() / 2 + 5)
            signs.underline(painter, colours, hint.certainty, start, length, 1.7)
        return x + 4 + length


class Tone(Enum):
    """How urgent a message is."""

    INFO = "info"
    WARNING = "warning"


class Messages(QWidget):
    """Messages above the page, kept until dismissed; the newest on top, the oldest give way.

    Signals:
        emptied: the last message was dismissed.
    """

    emptied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        self.setVisible(False)

    def say(self, words: str, tone: Tone = Tone.WARNING) -> None:
        """Show a message; one that is there already is not shown twice."""
        if words in self.texts():
            return
        self._box.insertWidget(0, _Message(words, tone, self))
        while self._box.count() > _MOST_MESSAGES:
            self._drop(self._box.count() - 1)
        self.setVisible(True)

    def texts(self) -> list[str]:
        """What is shown, the newest first."""
        return [message.words for message in self._messages()]

    def dismiss(self) -> None:
        """Take away the newest message."""
        if self._box.count():
            self._drop(0)

    def _messages(self) -> list[_Message]:
        items = (self._box.itemAt(n) for n in range(self._box.count()))
        widgets = [None if item is None else item.widget() for item in items]
        return [widget for widget in widgets if isinstance(widget, _Message)]

    def _drop(self, place: int) -> None:
        message = self._messages()[place]
        self._box.removeWidget(message)
        message.hide()
        message.deleteLater()
        if not self._box.count():
            self.setVisible(False)
            self.emptied.emit()

    def drop(self, message: QWidget) -> None:
        """Take away a message."""
        self._drop(self._box.indexOf(message))


class _Message(QWidget):
    def __init__(self, words: str, tone: Tone, parent: Messages) -> None:
        super().__init__(parent)
        self.words = words
        self._tone = tone
        box = QHBoxLayout(self)
        box.setContentsMargins(42, 8, 8, 8)
        label = QLabel(words)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.addWidget(label, 1)
        close = QToolButton()
        close.setText("×")
        close.setAutoRaise(True)
        close.setAccessibleName(self.tr("Dismiss"))
        close.setToolTip(self.tr("Dismiss (Esc)"))
        close.clicked.connect(lambda: parent.drop(self))
        box.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme.of(self)
        warns = self._tone is Tone.WARNING
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = colours.warning_ground if warns else colours.info_ground
        painter.fillRect(self.rect(), QColor(ground))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(colours.line))
        sign = QRectF(16, 0, 16, 14)
        sign.moveTop(self.rect().center().y() - 7)
        if warns:
            signs.warning(painter, colours, sign)
        else:
            ink = QColor(colours.accent)
            painter.setPen(ink)
            painter.drawEllipse(sign.center(), 7.5, 7.5)
            signs.centred(painter, sign, "i", theme.scaled(self.font(), 0.95, bold=True))


class PageHeading(QWidget):
    """Which report is shown, how far it is reviewed, and whose labels these are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._state, self._model = "", "", ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_page(self, page: Page | None) -> None:
        """Show another report's heading."""
        self._name = "" if page is None else page.entry.id
        self._state = "" if page is None else state_words(page.entry)
        self._model = "" if page is None or not page.model else f"labelled by {page.model}"
        self.setAccessibleName(", ".join(p for p in (self._name, self._state, self._model) if p))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(300, round(QFontMetricsF(self.font()).height() * 1.2) + 22)

    def changeEvent(self, event: QEvent) -> None:
        """Grow with the font."""
        self.updateGeometry()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the name at the left, state and model at the right."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.surface))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(colours.line))
        bold, small = theme.scaled(self.font(), 1.08, bold=True), theme.scaled(self.font(), 0.9)
        metrics = QFontMetricsF(small)
        # The name comes first; then the state; the model only where there is room for it.
        room = self.width() - 76 - QFontMetricsF(bold).horizontalAdvance(self._name)
        whole = " \N{MIDDLE DOT} ".join(p for p in (self._state, self._model) if p)
        shown = next((w for w in (whole, self._state) if metrics.horizontalAdvance(w) <= room), "")
        x = self.width() - 28 - metrics.horizontalAdvance(shown)
        middle = self.height() / 2
        painter.setFont(small)
        painter.setPen(QColor(colours.faint))
        painter.drawText(QPointF(x, middle + metrics.capHeight() / 2), shown)
        metrics = QFontMetricsF(bold)
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        name = metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, x - 28 - 20)
        painter.drawText(QPointF(28, middle + metrics.capHeight() / 2), name)


class PanelHeading(QWidget):
    """A quiet heading over the list and the rows."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words, self._aside = words, ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, aside: str) -> None:
        """Words at the right."""
        self._aside = aside
        self.setAccessibleName(f"{self._words}, {aside}")
        self.update()

    def sizeHint(self) -> QSize:
        """As high as the page's heading."""
        return QSize(100, round(QFontMetricsF(self.font()).height() * 1.2) + 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words at the left and the aside at the right."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.surface))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(colours.line))
        font, small = theme.scaled(self.font(), 1.0, bold=True), theme.scaled(self.font(), 0.9)
        middle = self.height() / 2
        painter.setFont(font)
        painter.setPen(QColor(colours.muted))
        painter.drawText(QPointF(14, middle + QFontMetricsF(font).capHeight() / 2), self._words)
        metrics = QFontMetricsF(small)
        painter.setFont(small)
        painter.setPen(QColor(colours.faint))
        x = self.width() - 14 - metrics.horizontalAdvance(self._aside)
        painter.drawText(QPointF(x, middle + metrics.capHeight() / 2), self._aside)

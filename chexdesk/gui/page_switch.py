"""The switch between the pages of the window, and which page that is."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from chexdesk.gui import signs, theme

_PAD: Final = 13.0


class WindowPage(Enum):
    """The pages, in the order of their keys."""

    REVIEW = "review"
    COMPARE = "compare"
    OVERVIEW = "overview"
    MODELS = "models"


class PageSwitch(QWidget):
    """All pages in a row, the present one raised. Reached by Ctrl and a number, or a click.

    Signals:
        chosen: the `WindowPage` that was clicked.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._page = WindowPage.REVIEW
        self._words = {
            WindowPage.REVIEW: self.tr("Review"),
            WindowPage.COMPARE: self.tr("Compare"),
            WindowPage.OVERVIEW: self.tr("Overview"),
            WindowPage.MODELS: self.tr("Models"),
        }
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.show_page(self._page)

    def show_page(self, page: WindowPage) -> None:
        """Mark a page as the present one."""
        self._page = page
        self.setAccessibleName(self.tr("Page: %1").replace("%1", self._words[page]))
        self.update()

    def rect_of(self, page: WindowPage) -> QRectF:
        """Where a page's word can be clicked."""
        x = 4.0
        for each in WindowPage:
            width = self._width(each)
            if each is page:
                return QRectF(x, 3, width, self.height() - 6)
            x += width + 2
        raise ValueError(page)

    def sizeHint(self) -> QSize:
        """As high as the menu bar."""
        width = sum(self._width(page) + 2 for page in WindowPage) + 8
        return QSize(round(width), round(QFontMetricsF(self.font()).height()) + 9)

    def changeEvent(self, event: QEvent) -> None:
        """Grow with the font."""
        self.updateGeometry()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the page that was clicked."""
        page = self._at(event.position())
        if page is not None and event.button() is Qt.MouseButton.LeftButton:
            self.chosen.emit(page)

    def event(self, event: QEvent) -> bool:
        """Tell a page's key under the pointer."""
        if event.type() == QEvent.Type.ToolTip:
            page = self._at(QPointF(self.mapFromGlobal(self.cursor().pos())))
            words = "" if page is None else f"{self._words[page]} (Ctrl+{_number(page)})"
            QToolTip.showText(self.cursor().pos(), words, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words, the present page on a ground of its own."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for page in WindowPage:
            rect = self.rect_of(page)
            here = page is self._page
            if here:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(colours.accent_ground))
                painter.drawRoundedRect(rect, 5, 5)
            painter.setPen(QColor(colours.text if here else colours.muted))
            font = theme.scaled(self.font(), 1.0, bold=here)
            signs.centred(painter, rect, self._words[page], font)

    def _at(self, point: QPointF) -> WindowPage | None:
        return next((page for page in WindowPage if self.rect_of(page).contains(point)), None)

    def _width(self, page: WindowPage) -> float:
        bold = theme.scaled(self.font(), 1.0, bold=True)
        return QFontMetricsF(bold).horizontalAdvance(self._words[page]) + 2 * _PAD


def _number(page: WindowPage) -> int:
    return list(WindowPage).index(page) + 1

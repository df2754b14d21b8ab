"""A plot of bars that can be pointed at, walked through with the arrow keys, and opened."""

from __future__ import annotations

from typing import Any, Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedLayout, QToolTip, QVBoxLayout, QWidget

from chexdesk.gui import theme
from chexdesk.gui.models.dashboard import Drawn, Look, Plot
from chexdesk.labels import Certainty

_INKS: Final = {
    Look.POSITIVE: Certainty.POSITIVE,
    Look.UNCERTAIN: Certainty.UNCERTAIN,
    Look.NEGATIVE: Certainty.NEGATIVE,
    Look.DOUBTFUL: Certainty.UNCERTAIN,
}
_NEXT: Final = (Qt.Key.Key_Down, Qt.Key.Key_Right)
_BEFORE: Final = (Qt.Key.Key_Up, Qt.Key.Key_Left)


class BarPlot(QWidget):
    """Shows one `Plot` under a heading.

    Signals:
        opened: what is behind a bar that was clicked, or chosen with Enter.
        pointed: the words of the bar under the pointer or the keys; "" for none.
    """

    opened = Signal(object)
    pointed = Signal(str)

    def __init__(self, title: str, *, rows: bool, names: bool = True) -> None:
        """An empty plot.

        Args:
            rows: bars lie, one row each; else they stand.
            names: whether room is kept for the rows' names.
        """
        super().__init__()
        self._rows, self._names = rows, names
        self._plot = Plot((), (), 1.0)
        self._at = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading = PlotHeading(title)
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("quiet", True)
        self.empty.setWordWrap(True)
        self._canvas: Any = pg.PlotWidget(parent=self)
        self._item: Any = self._canvas.getPlotItem()
        self._dress_canvas()
        self._stack = QStackedLayout()
        self._stack.addWidget(self._canvas)
        self._stack.addWidget(self.empty)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.heading)
        box.addLayout(self._stack, 1)
        self.setAccessibleName(title)

    @property
    def bars(self) -> tuple[Drawn, ...]:
        """The bars, in the order in which the keys walk through them."""
        return self._plot.bars

    def show_plot(self, plot: Plot) -> None:
        """Show other bars."""
        self._plot = plot
        self._at = min(self._at, len(plot.bars) - 1)
        self.heading.say(plot.aside)
        self.empty.setText(plot.empty)
        self._stack.setCurrentIndex(1 if plot.empty else 0)
        self.setAccessibleDescription(plot.empty or "; ".join(bar.words for bar in plot.bars))
        self._draw()

    def point_of(self, place: int) -> QPointF:
        """The middle of a bar, in this widget's coordinates."""
        bar = self._plot.bars[place]
        middle = QPointF(bar.x + bar.width / 2, bar.y + bar.height / 2)
        scene = self._item.vb.mapViewToScene(middle)
        inside = self._canvas.mapFromScene(scene)
        return QPointF(self._canvas.mapTo(self, inside))

    def sizeHint(self) -> QSize:
        """Enough to tell bars apart."""
        return QSize(300, 160)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk through the bars with the arrows; open one with Enter."""
        key, last = event.key(), len(self._plot.bars) - 1
        if last >= 0 and key in (*_NEXT, *_BEFORE):
            step = 1 if key in _NEXT else -1
            self._point(min(max(self._at + step, 0), last))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at >= 0:
            self.opened.emit(self._plot.bars[self._at].bar)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Begin at the first bar, unless the mouse brought the focus."""
        super().focusInEvent(event)
        if self._at < 0 and self._plot.bars and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._point(0)
        self._draw()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the mark away."""
        super().focusOutEvent(event)
        self._point(-1)

    def changeEvent(self, event: QEvent) -> None:
        """Wear the new colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Open the bar that is clicked; tell the one under the pointer."""
        if isinstance(event, QMouseEvent):
            place = self._under(event.position())
            if event.type() == QEvent.Type.MouseButtonPress:
                if place >= 0 and event.button() is Qt.MouseButton.LeftButton:
                    self.opened.emit(self._plot.bars[place].bar)
                return True
            if event.type() == QEvent.Type.MouseMove:
                self._hover(place, event)
                return True
            if event.type() == QEvent.Type.MouseButtonRelease:
                return True
        if event.type() == QEvent.Type.Leave:
            self._point(-1)
        return super().eventFilter(watched, event)

    def _under(self, point: QPointF) -> int:
        scene = self._canvas.mapToScene(point.toPoint())
        at = self._item.vb.mapSceneToView(scene)
        for place, bar in enumerate(self._plot.bars):
            # A short bar can be hit anywhere in its row or column.
            rect = QRectF(bar.x, bar.y, bar.width, bar.height)
            if not self._rows:
                rect.setHeight(self._plot.reach)
            if rect.contains(at):
                return place
        return -1

    def _hover(self, place: int, event: QMouseEvent) -> None:
        self._point(place)
        shape = Qt.CursorShape.ArrowCursor if place < 0 else Qt.CursorShape.PointingHandCursor
        self._canvas.viewport().setCursor(shape)
        words = "" if place < 0 else self._plot.bars[place].words
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def _point(self, place: int) -> None:
        if place != self._at:
            self._at = place
            self.pointed.emit("" if place < 0 else self._plot.bars[place].words)
            self._draw()

    def _dress_canvas(self) -> None:
        self._canvas.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._canvas.setFrameShape(self._canvas.Shape.NoFrame)
        self._canvas.viewport().setMouseTracking(True)
        self._canvas.viewport().installEventFilter(self)
        self._item.setMenuEnabled(False)
        self._item.hideButtons()
        self._item.vb.setMouseEnabled(False, False)
        self._item.vb.setDefaultPadding(0.0)
        self._item.layout.setContentsMargins(4, 2, 24, 2)

    def _draw(self) -> None:
        colours = theme.of(self)
        self._item.clear()
        self._canvas.setBackground(QColor(colours.surface))
        self._draw_axes(colours)
        for place, bar in enumerate(self._plot.bars):
            brush, pen = _fill(colours, bar.look)
            if place == self._at:
                pen = QPen(QColor(colours.text), 2)
            pen.setCosmetic(True)
            item = pg.BarGraphItem(
                x0=[bar.x], y0=[bar.y], width=[bar.width], height=[bar.height], brush=brush, pen=pen
            )
            self._item.addItem(item)
            if bar.interval is not None:
                self._draw_interval(colours, bar, bar.interval)

    def _draw_interval(
        self, colours: theme.Theme, bar: Drawn, interval: tuple[float, float]
    ) -> None:
        low, high = interval
        pen = QPen(QColor(colours.text), 1.4)
        pen.setCosmetic(True)
        middle, end = bar.y + bar.height / 2, bar.height / 4
        for x, y in (
            ((low, high), (middle, middle)),
            ((low, low), (middle - end, middle + end)),
            ((high, high), (middle - end, middle + end)),
        ):
            self._item.plot(x, y, pen=pen)

    def _draw_axes(self, colours: theme.Theme) -> None:
        small = theme.scaled(self.font(), 0.88 if self._rows else 0.82)
        left, bottom = self._item.getAxis("left"), self._item.getAxis("bottom")
        for axis in (left, bottom):
            axis.setPen(QPen(QColor(colours.line)))
            axis.setTextPen(QColor(colours.muted))
            axis.setStyle(
                tickLength=0, tickFont=small, autoReduceTextSpace=False, hideOverlappingLabels=False
            )
        ticks = list(self._plot.ticks)
        self._item.vb.disableAutoRange()
        self._item.showAxis("left", bool(ticks))
        self._item.showAxis("bottom", bool(ticks))
        if not self._rows:
            bottom.setTicks([ticks])
            left.setTicks(_counts(self._plot.reach))
            last = max((x for x, _ in ticks), default=1.0)
            self._item.vb.setRange(xRange=(0, last), yRange=(0, self._plot.reach * 1.06), padding=0)
            left.setWidth(QFontMetricsF(small).horizontalAdvance(f"{self._plot.reach:,.0f}") + 12)
            return
        self._item.vb.setLimits(xMin=0)
        right = self._plot.reach * (1.0 if not ticks else 1.01)
        if not ticks:
            self._item.vb.setRange(xRange=(0, right), yRange=(0, 1), padding=0)
            return
        last = min(y for y, _ in ticks)
        self._item.vb.setRange(xRange=(0, right), yRange=(last - 0.5, 0.5), padding=0)
        bottom.setTicks([[(n, f"{n}%") for n in range(0, 101, 25)]])
        if self._names:
            left.setTicks([ticks])
            metrics = QFontMetricsF(small)
            left.setTextPen(QColor(colours.text))
            left.setWidth(max(metrics.horizontalAdvance(words) for _, words in ticks) + 14)
        else:
            left.setTicks([[]])
            left.setWidth(10)


class PlotHeading(QWidget):
    """A plot's title, what its fills stand for, and a figure at the right."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title, self._aside = title, ""
        self._keys: tuple[tuple[Look, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def explain(self, *keys: tuple[Look, str]) -> None:
        """Name the fills."""
        self._keys = keys
        self.update()

    def say(self, aside: str) -> None:
        """Words at the right."""
        self._aside = aside
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(120, round(QFontMetricsF(self.font()).height()) + 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint from left to right as far as there is room."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.surface))
        bold, small = theme.scaled(self.font(), 1.0, bold=True), theme.scaled(self.font(), 0.88)
        metrics, bold_metrics = QFontMetricsF(small), QFontMetricsF(bold)
        baseline = self.height() / 2 + bold_metrics.capHeight() / 2
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        painter.drawText(QPointF(14, baseline), self._title)
        x = 14 + bold_metrics.horizontalAdvance(self._title) + 16
        painter.setFont(small)
        right = self.width() - 12 - metrics.horizontalAdvance(self._aside)
        for look, words in self._keys:
            width = 16 + metrics.horizontalAdvance(words) + 12
            if x + width > right:
                break
            brush, pen = _fill(colours, look)
            painter.setBrush(brush)
            painter.setPen(pen)
            painter.drawRect(QRectF(x, self.height() / 2 - 5, 10, 10))
            painter.setPen(QColor(colours.muted))
            painter.drawText(QPointF(x + 16, baseline), words)
            x += width
        painter.setPen(QColor(colours.muted))
        if right > x - 10:
            painter.drawText(QPointF(right, baseline), self._aside)


def _fill(colours: theme.Theme, look: Look) -> tuple[QBrush, QPen]:
    """Solid, hatched or hollow: told apart without colour."""
    if look is Look.QUIET:
        return QBrush(QColor(colours.raised)), QPen(QColor(colours.faint), 1)
    if look is Look.PLAIN:
        return QBrush(QColor(colours.accent)), QPen(QColor(colours.accent), 1)
    if look is Look.PALE:
        return QBrush(QColor(colours.accent_ground)), QPen(QColor(colours.accent), 1)
    certainty = _INKS[look]
    ink = QColor(colours.inks[certainty])
    if look is Look.POSITIVE:
        return QBrush(ink), QPen(ink, 1)
    if look is Look.NEGATIVE:
        return QBrush(QColor(colours.tints[certainty])), QPen(ink, 1)
    return QBrush(ink, Qt.BrushStyle.BDiagPattern), QPen(ink, 1)


def _counts(reach: float) -> list[list[tuple[float, str]]]:
    """Ticks of a count: nothing, and the highest bar."""
    return [[(0.0, "0"), (reach, f"{reach:,.0f}")]]

"""The small drawn signs: underlines, letter badges, key caps, marks of state."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from chexdesk.gui.theme import STROKES, Stroke, Theme
from chexdesk.labels import Certainty


def underline(
    painter: QPainter,
    theme: Theme,
    certainty: Certainty,
    start: QPointF,
    length: float,
    width: float,
) -> None:
    """A certainty's line from `start` to the right, `width` thick."""
    stroke = STROKES[certainty]
    if length <= 0 or stroke is Stroke.NONE:
        return
    pen = QPen(QColor(theme.inks[certainty]), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if stroke is Stroke.DASHED:
        pen.setDashPattern([6.0 / width, 3.5 / width])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if stroke is not Stroke.WAVY:
        painter.drawLine(start, QPointF(start.x() + length, start.y()))
        return
    painter.save()
    painter.setClipRect(
        QRectF(start.x(), start.y() - 8, length, 16), Qt.ClipOperation.IntersectClip
    )
    path = QPainterPath(start)
    half, height = 3.5, 3.6
    x, up = start.x(), True
    while x < start.x() + length:
        path.quadTo(x + half / 2, start.y() + (-height if up else height), x + half, start.y())
        x, up = x + half, not up
    painter.drawPath(path)
    painter.restore()


def badge(
    painter: QPainter,
    theme: Theme,
    certainty: Certainty,
    rect: QRectF,
    letter: str,
    font: QFont,
    *,
    filled: bool,
) -> None:
    """A finding's letter on its certainty's colour."""
    ink = QColor(theme.inks[certainty])
    painter.setPen(QPen(ink, 1.0))
    painter.setBrush(ink if filled else QColor(theme.tints[certainty]))
    painter.drawRoundedRect(rect, 3, 3)
    painter.setPen(QColor(theme.on_ink) if filled else ink)
    centred(painter, rect, letter, font)


def key_cap(painter: QPainter, theme: Theme, rect: QRectF, text: str, font: QFont) -> None:
    """A key as it looks on a keyboard."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.key_edge))
    painter.drawRoundedRect(rect.translated(0, 1), 4, 4)
    painter.setPen(QPen(QColor(theme.line), 1.0))
    painter.setBrush(QColor(theme.surface))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    painter.setPen(QColor(theme.muted))
    centred(painter, rect, text, font)


def centred(painter: QPainter, rect: QRectF, text: str, font: QFont) -> None:
    """Words in the middle of a rectangle, by the height of capitals rather than of the line."""
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    x = rect.center().x() - metrics.horizontalAdvance(text) / 2
    painter.drawText(QPointF(x, rect.center().y() + metrics.capHeight() / 2), text)


def warning(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A triangle with an exclamation mark."""
    ink = QColor(theme.warning)
    painter.setPen(QPen(ink, 1.4, j=Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(QColor(theme.warning_ground))
    painter.drawPolygon(
        QPolygonF([QPointF(rect.center().x(), rect.top()), rect.bottomRight(), rect.bottomLeft()])
    )
    x, top, height = rect.center().x(), rect.top(), rect.height()
    painter.setPen(QPen(ink, 1.5, c=Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(x, top + height * 0.40), QPointF(x, top + height * 0.64))
    painter.drawPoint(QPointF(x, top + height * 0.83))


def accepted(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A filled disc with a tick."""
    _disc(painter, theme.accent, rect)
    _strokes(painter, theme, rect, [QPolygonF(_at(rect, (0.27, 0.53), (0.44, 0.70), (0.74, 0.34)))])


def corrected(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A filled disc with a pencil."""
    _disc(painter, theme.accent, rect)
    corners = ((0.28, 0.72), (0.34, 0.54), (0.64, 0.24), (0.77, 0.37), (0.47, 0.67), (0.28, 0.72))
    pencil = QPolygonF(_at(rect, *corners))
    _strokes(painter, theme, rect, [pencil])


def unreviewed(painter: QPainter, theme: Theme, rect: QRectF, *, waiting: bool) -> None:
    """An open ring; dotted while there are no labels."""
    pen = QPen(QColor(theme.faint), 1.4)
    if waiting:
        pen.setDashPattern([1.4, 1.8])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(rect.adjusted(0.7, 0.7, -0.7, -0.7))


def flag(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A flag on its pole."""
    ink = QColor(theme.warning)
    pen = QPen(ink, 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(ink)
    painter.drawPolygon(
        QPolygonF(_at(rect, (0.22, 0.08), (0.92, 0.14), (0.70, 0.34), (0.92, 0.56), (0.22, 0.58)))
    )
    painter.drawLine(*_at(rect, (0.22, 0.08), (0.22, 0.98)))


def note(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A sheet with lines on it."""
    pen = QPen(QColor(theme.faint), 1.3)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(0.7, 0.7, -0.7, -0.7), 2, 2)
    for y in (0.34, 0.58):
        painter.drawLine(*_at(rect, (0.28, y), (0.72, y)))


def doubt(painter: QPainter, theme: Theme, rect: QRectF, amount: float) -> None:
    """A ring filled as far as the least sure label is in doubt."""
    ink = QColor(theme.inks[Certainty.UNCERTAIN])
    painter.setPen(QPen(ink, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(rect)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPie(rect, 90 * 16, -round(min(max(amount, 0.0), 1.0) * 360 * 16))


def _disc(painter: QPainter, colour: str, rect: QRectF) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(rect)


def _strokes(painter: QPainter, theme: Theme, rect: QRectF, lines: list[QPolygonF]) -> None:
    pen = QPen(QColor(theme.on_ink), rect.width() * 0.11)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in lines:
        painter.drawPolyline(line)


def _at(rect: QRectF, *points: tuple[float, float]) -> list[QPointF]:
    return [
        QPointF(rect.left() + x * rect.width(), rect.top() + y * rect.height()) for x, y in points
    ]

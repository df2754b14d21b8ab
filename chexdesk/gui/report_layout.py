"""Where each line of a report lies, and each mark of evidence under it.

A report is set paragraph by paragraph with Qt's own line breaking. Under each line there is room
for as many lanes as the evidence on that line needs; a span that runs over several lines has one
mark on each. Packing happens in pixels, since a badge may be wider than the words it stands under.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QTextCharFormat, QTextLayout, QTextLine, QTextOption

from chexdesk.evidence.span import Span
from chexdesk.gui import lanes
from chexdesk.gui.models.page import Stretch, Style

_LANE_GAP: Final = 3.0
_BREAK: Final = re.compile(r"\r\n|\r|\n")
# Control characters have no shape of their own; a blank keeps every offset where it was.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Measures:
    """Lengths in pixels, all grown from the font, so that scale and text size keep proportions."""

    font: QFont
    badge_font: QFont
    badge_width: float
    lane_height: float
    lane_gap: float
    line_gap: float
    paragraph_gap: float

    @staticmethod
    def of(font: QFont) -> Measures:
        """Measures for a font."""
        em = QFontMetricsF(font).height()
        small = QFont(font)
        small.setPixelSize(max(8, round(em * 0.52)))
        small.setBold(True)
        return Measures(
            font=font,
            badge_font=small,
            badge_width=round(em * 0.78),
            lane_height=round(em * 0.74),
            lane_gap=max(2.0, round(em * 0.14)),
            line_gap=round(em * 0.34),
            paragraph_gap=round(em * 0.30),
        )


@dataclass(frozen=True)
class Mark:
    """A span's underline on one line.

    Attributes:
        span: its place among the spans.
        words: the rectangle of its words on that line.
        rect: the rectangle of its mark, badge included, in its lane.
        first: whether the span begins on this line.
    """

    span: int
    words: QRectF
    rect: QRectF
    lane: int
    first: bool


@dataclass
class Block:
    """A paragraph: its layout, its place, and the marks under its lines."""

    layout: QTextLayout
    top: float
    bottom: float = 0.0
    marks: list[Mark] = field(default_factory=list)


class ReportLayout:
    """A report set to a width. Rebuilt when text, evidence, font or width change."""

    def __init__(
        self,
        text: str,
        stretches: Sequence[Stretch],
        spans: Sequence[Span],
        formats: dict[Style, QTextCharFormat],
        measures: Measures,
        width: float,
    ) -> None:
        self.measures = measures
        self.blocks: list[Block] = []
        self._text = _CONTROL.sub(" ", text)
        self._wide = [place for place, sign in enumerate(text) if ord(sign) > 0xFFFF]
        self._spans = spans
        y = 0.0
        for start, end in _paragraphs(self._text):
            layout = self._set(start, end, stretches, formats)
            block = Block(layout, y)
            y = self._break_lines(block, start, end, width)
            block.bottom = y
            y += measures.paragraph_gap
            self.blocks.append(block)
        self.height = y

    @property
    def marks(self) -> Iterator[Mark]:
        """All marks, from top to bottom."""
        for block in self.blocks:
            yield from block.marks

    def between(self, top: float, bottom: float) -> Iterator[Block]:
        """The paragraphs that touch a stretch of the page."""
        first = bisect_left(self.blocks, top, key=lambda block: block.bottom)
        for block in self.blocks[first:]:
            if block.top > bottom:
                return
            yield block

    def at(self, point: QPointF) -> list[int]:
        """The spans under a point, as places among the spans: by their mark, else their words."""
        here = [m for block in self.between(point.y(), point.y()) for m in block.marks]
        hit = [mark.span for mark in here if mark.rect.contains(point)]
        return hit or [mark.span for mark in here if mark.words.contains(point)]

    def _set(
        self,
        start: int,
        end: int,
        stretches: Sequence[Stretch],
        formats: dict[Style, QTextCharFormat],
    ) -> QTextLayout:
        layout = QTextLayout(self._text[start:end], self.measures.font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        ranges: list[QTextLayout.FormatRange] = []
        for stretch in stretches:
            low, high = max(stretch.start, start), min(stretch.end, end)
            if low < high:
                part = QTextLayout.FormatRange()
                part.start = self._units(low) - self._units(start)
                part.length = self._units(high) - self._units(low)
                part.format = formats[stretch.style]
                ranges.append(part)
        layout.setFormats(ranges)
        return layout

    def _break_lines(self, block: Block, start: int, end: int, width: float) -> float:
        """Break a paragraph into lines with room for their lanes; the y below the last."""
        m = self.measures
        base = self._units(start)
        inside = [n for n, s in enumerate(self._spans) if s.start < end and s.end > start]
        # The same order on every line, so that spans that run on keep their order.
        inside.sort(key=lambda n: (self._spans[n].start, -self._spans[n].end))
        y = block.top
        block.layout.beginLayout()
        while (line := block.layout.createLine()).isValid():
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            bottom = y + line.height()
            pieces = self._pieces(line, base, inside)
            placed = lanes.pack(
                [(x, max(right, x + m.badge_width + 6)) for _, x, right, _ in pieces], gap=_LANE_GAP
            )
            for (span, x, right, first), lane in zip(pieces, placed, strict=True):
                top = bottom + m.lane_gap + lane * (m.lane_height + m.lane_gap)
                reach = max(right - x, m.badge_width + 6)
                block.marks.append(
                    Mark(
                        span,
                        QRectF(x, y, right - x, line.height()),
                        QRectF(x, top, reach, m.lane_height),
                        lane,
                        first,
                    )
                )
            if placed:
                bottom += (max(placed) + 1) * (m.lane_height + m.lane_gap) + m.lane_gap
            y = bottom + m.line_gap
        block.layout.endLayout()
        return y - m.line_gap

    def _pieces(
        self, line: QTextLine, base: int, inside: list[int]
    ) -> list[tuple[int, float, float, bool]]:
        """For each span on a line: its place, left and right x, whether it begins here."""
        low = base + line.textStart()
        high = low + line.textLength()
        pieces: list[tuple[int, float, float, bool]] = []
        for place in inside:
            start, end = self._units(self._spans[place].start), self._units(self._spans[place].end)
            left, right = max(start, low), min(end, high)
            if left < right:
                # PySide gives x together with the position it settled on.
                x1, x2 = (line.cursorToX(at - base)[0] for at in (left, right))  # type: ignore[index]
                # A space at the line's end is not part of what is seen.
                end_x = min(max(x1, x2), line.x() + line.naturalTextWidth())
                pieces.append((place, min(x1, x2), end_x, left == start))
        return pieces

    def _units(self, place: int) -> int:
        """A place in code points as Qt counts: characters beyond the first plane are two."""
        return place + bisect_left(self._wide, place)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _BREAK.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)

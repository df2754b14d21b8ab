"""The compare page: a report between two candidate outputs, and the pairs gathered so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QFontMetricsF,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.keys import Hint
from chexdesk.gui.models.compare import CandidateRow, CompareModel, Pairs, Question
from chexdesk.gui.report_view import ReportView
from chexdesk.labels import Certainty, LabelSet
from chexdesk.services.comparing import Kind, Side

#: The keys of this page, as the legend shows them.
LEGEND: Final[tuple[Hint, ...]] = (
    Hint(("←",), "left is better"),
    Hint(("→",), "right is better"),
    Hint(("↓",), "neither is better"),
    Hint(("PgDown",), "pass over"),
    Hint(("Ctrl+Z",), "take back"),
    Hint(("Shift+↓",), "scroll"),
)
_PAD: Final = 14


class CompareView(QWidget):
    """Two cards with the report between them; arrows say which is better."""

    def __init__(self, model: CompareModel, label_set: LabelSet) -> None:
        super().__init__()
        self._model = model
        self.left = CandidateCard("←", self.tr("Left"))
        self.right = CandidateCard("→", self.tr("Right"))
        self.report = ReportView(label_set)
        self.report.setMinimumWidth(220)
        self.panel = PairsPanel()
        self.kinds = QComboBox()
        self.empty = QLabel()
        self._heading = QLabel()
        self._fill_kinds()
        self._lay_out()
        self._add_keys()
        self._connect()
        self._show(None)

    def enter(self) -> None:
        """The page comes to the front."""
        self._model.enter()
        self.report.setFocus()

    def changed(self) -> None:
        """There are new labels: perhaps there is something to ask now."""
        if self.isVisible():
            self._model.enter()

    def _fill_kinds(self) -> None:
        for kind, words, tip in (
            (
                Kind.SAMPLED,
                self.tr("two samples of the model"),
                self.tr("Both drawn from the probabilities the model gave."),
            ),
            (
                Kind.RULES,
                self.tr("the model and the rules"),
                self.tr("Where model and rule engine differ; which is which is not told."),
            ),
            (
                Kind.MODELS,
                self.tr("two models"),
                self.tr("Where two models that labelled the same reports differ."),
            ),
        ):
            self.kinds.addItem(words, kind)
            self.kinds.setItemData(self.kinds.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.kinds.setAccessibleName(self.tr("Candidates from"))

    def _lay_out(self) -> None:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(_PAD, 7, _PAD, 7)
        self._heading.setFont(theme.scaled(self.font(), 1.08, bold=True))
        self._heading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addWidget(self._heading, 1)
        label = QLabel(self.tr("Candidates &from"))
        label.setBuddy(self.kinds)
        label.setProperty("quiet", True)
        row.addWidget(label)
        row.addWidget(self.kinds)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.left, 3)
        middle.addWidget(self.report, 5)
        middle.addWidget(self.right, 3)
        asking = QWidget()
        asking.setLayout(middle)
        self.empty.setWordWrap(True)
        self.empty.setMargin(60)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("quiet", True)
        self._stack = QStackedWidget()
        self._stack.addWidget(asking)
        self._stack.addWidget(self.empty)
        for widget in (self.empty, self._stack):
            widget.setAutoFillBackground(True)
            widget.setBackgroundRole(widget.backgroundRole().Base)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(head)
        box.addWidget(self._stack, 1)
        box.addWidget(self.panel)

    def _add_keys(self) -> None:
        answer = self._model.answer
        keys: tuple[tuple[str, str, Callable[[], object]], ...] = (
            ("Left", self.tr("Left is better"), partial(answer, Side.LEFT)),
            ("Right", self.tr("Right is better"), partial(answer, Side.RIGHT)),
            ("Down", self.tr("Neither is better"), partial(answer, Side.NEITHER)),
            ("PgDown", self.tr("Pass over"), self._model.pass_over),
            ("Ctrl+Z", self.tr("Take back the last answer"), self._model.take_back),
            ("Shift+Down", self.tr("Scroll down"), partial(self.report.scroll_lines, 2)),
            ("Shift+Up", self.tr("Scroll up"), partial(self.report.scroll_lines, -2)),
        )
        for sequence, words, run in keys:
            action = QAction(words, self)
            action.setShortcut(QKeySequence(sequence))
            action.setAutoRepeat(sequence.startswith("Shift"))
            action.triggered.connect(lambda _=False, run=run: run())
            self.addAction(action)

    def _connect(self) -> None:
        self._model.asked.connect(self._show)
        self._model.counted.connect(self.panel.show_pairs)
        self.kinds.activated.connect(self._choose_kind)
        self.left.clicked.connect(partial(self._model.answer, Side.LEFT))
        self.right.clicked.connect(partial(self._model.answer, Side.RIGHT))

    def _choose_kind(self, place: int) -> None:
        self._model.compare(self.kinds.itemData(place))
        self.report.setFocus()

    def _show(self, question: Question | None) -> None:
        self.kinds.setCurrentIndex(self.kinds.findData(self._model.kind))
        self._stack.setCurrentIndex(1 if question is None else 0)
        if question is None:
            self._heading.setText(self.tr("Which reads the report better?"))
            self.empty.setText(self._nothing())
            return
        count = len(question.comparison.differing)
        words = self.tr("They differ in one finding. Which reads the report better?")
        if count != 1:
            words = self.tr("They differ in %1 findings. Which reads the report better?")
        self._heading.setText(words.replace("%1", str(count)))
        self.report.show_page(question.page)
        self.left.show_rows(question.left)
        self.right.show_rows(question.right)

    def _nothing(self) -> str:
        return {
            Kind.SAMPLED: self.tr(
                "Nothing to compare: every labelled report has been asked, or none has "
                "probabilities yet. Add reports, or take candidates from the rules."
            ),
            Kind.RULES: self.tr(
                "Nothing to compare: model and rules say the same of all reports that were not "
                "asked yet."
            ),
            Kind.MODELS: self.tr(
                "Nothing to compare: only one model has labelled these reports, or two say the "
                "same. Switch to another model (Ctrl+4) and label all reports with it first."
            ),
        }[self._model.kind]


class CandidateCard(QWidget):
    """What one candidate says of all findings; where the other differs, the row stands out.

    Signals:
        clicked: the card was clicked.
    """

    clicked = Signal()

    def __init__(self, arrow: str, name: str) -> None:
        super().__init__()
        self._arrow, self._name = arrow, name
        self._rows: Sequence[CandidateRow] = ()
        self.setMinimumWidth(215)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_rows(self, rows: Sequence[CandidateRow]) -> None:
        """Show another candidate."""
        self._rows = rows
        differing = [f"{row.finding.name} {row.certainty.title}" for row in rows if row.differs]
        said = [
            f"{row.finding.name} {row.certainty.title}"
            for row in rows
            if not row.differs and row.certainty is not Certainty.NOT_MENTIONED
        ]
        self.setAccessibleName(f"{self._name}: {', '.join(differing)}")
        self.setAccessibleDescription(", ".join(said))
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the longest name."""
        return QSize(310, 480)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose this one."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the head with its key, then a row for each finding."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.window))
        line = self.width() - 1 if self._arrow == "←" else 0
        painter.fillRect(line, 0, 1, self.height(), QColor(colours.line))
        font = self.font()
        metrics = QFontMetricsF(font)
        head = round(metrics.height()) + 24
        cap = QRectF(_PAD, 11, metrics.height() + 10, metrics.height() + 4)
        signs.key_cap(painter, colours, cap, self._arrow, font)
        bold = theme.scaled(font, 1.05, bold=True)
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        baseline = cap.center().y() + QFontMetricsF(bold).capHeight() / 2
        painter.drawText(QPointF(cap.right() + 10, baseline), self._name)
        if not self._rows:
            return
        room = (self.height() - head - 8) / len(self._rows)
        height = min(max(room, metrics.height() + 2), metrics.height() * 2 + 4)
        for place, row in enumerate(self._rows):
            self._paint_row(
                painter, colours, QRectF(6, head + place * height, self.width() - 12, height), row
            )

    def _paint_row(
        self, painter: QPainter, colours: theme.Theme, rect: QRectF, row: CandidateRow
    ) -> None:
        ink = QColor(colours.inks[row.certainty])
        silent = row.certainty is Certainty.NOT_MENTIONED
        font = theme.scaled(self.font(), 1.0, bold=row.differs)
        metrics = QFontMetricsF(font)
        if row.differs:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.tints[row.certainty]))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 5, 5)
            painter.setBrush(ink)
            painter.drawRoundedRect(QRectF(rect.left(), rect.top() + 4, 3, rect.height() - 8), 1, 1)
        size = min(metrics.height() + 2, rect.height() - 3)
        chip = QRectF(rect.right() - size - 6, rect.center().y() - size / 2, size, size)
        painter.setPen(Qt.PenStyle.NoPen)
        if row.differs:
            painter.setBrush(ink)
            painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QColor(colours.on_ink) if row.differs else ink)
        signs.centred(painter, chip, theme.SIGNS[row.certainty], theme.scaled(font, 1.05))
        baseline = rect.center().y() + metrics.capHeight() / 2
        words = row.certainty.title
        name_width = metrics.horizontalAdvance(row.finding.name)
        words_at = chip.left() - 8 - metrics.horizontalAdvance(words)
        left = rect.left() + 10
        if row.differs and words_at > left + name_width + 10:
            painter.setFont(font)
            painter.setPen(ink)
            painter.drawText(QPointF(words_at, baseline), words)
        painter.setFont(font)
        quiet = silent and not row.differs
        painter.setPen(QColor(colours.faint if quiet else colours.text))
        end = Qt.TextElideMode.ElideRight
        name = metrics.elidedText(row.finding.name, end, chip.left() - 8 - left)
        painter.drawText(QPointF(left, baseline), name)


class PairsPanel(QWidget):
    """How many pairs there are, how they were got, and how far it is to the next round."""

    def __init__(self) -> None:
        super().__init__()
        self._pairs = Pairs(0, (), (), 0, 1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_pairs(self, pairs: Pairs) -> None:
        """Show other numbers."""
        self._pairs = pairs
        self.setAccessibleName(". ".join((self.title(), self.aside(), self.round())))
        self.update()

    def title(self) -> str:
        """The number of pairs."""
        return "1 pair" if self._pairs.total == 1 else f"{self._pairs.total:,} pairs"

    def aside(self) -> str:
        """How they were got, and how far the answers agree."""
        return " \N{MIDDLE DOT} ".join((*self._pairs.parts, *self._pairs.agreement))

    def round(self) -> str:
        """How far it is to a training round."""
        reviewed, needed = self._pairs.reviewed, self._pairs.needed
        if reviewed >= needed:
            return self.tr("enough reviews for a training round")
        return f"{reviewed:,} of {needed:,} reviews for a training round"

    def sizeHint(self) -> QSize:
        """Two lines."""
        return QSize(400, round(QFontMetricsF(self.font()).height() * 2) + 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pairs at the left, the way to the next round at the right."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.surface))
        painter.fillRect(0, 0, self.width(), 1, QColor(colours.line))
        bold, small = theme.scaled(self.font(), 1.0, bold=True), theme.scaled(self.font(), 0.92)
        above, below = QFontMetricsF(bold), QFontMetricsF(small)
        top = (self.height() - above.height() - below.height() - 3) / 2
        first, second = top + above.ascent(), top + above.height() + 3 + below.ascent()
        words = self.round()
        width = max(below.horizontalAdvance(words), 180.0)
        right = QRectF(self.width() - _PAD - width, 0, width, self.height())
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        painter.drawText(QPointF(_PAD, first), self.title())
        painter.setFont(small)
        painter.setPen(QColor(colours.muted))
        room = right.left() - _PAD - 24
        elided = below.elidedText(self.aside(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(_PAD, second), elided)
        painter.drawText(QPointF(right.left(), second), words)
        bar = QRectF(right.left(), first - above.capHeight() / 2 - 3, right.width(), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.raised))
        painter.drawRoundedRect(bar, 3, 3)
        share = min(1.0, self._pairs.reviewed / max(self._pairs.needed, 1))
        if share:
            bar.setWidth(max(6.0, bar.width() * share))
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(bar, 3, 3)

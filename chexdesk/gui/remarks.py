"""Below the report: the note on it, and what would make its labels agree with one another."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from chexdesk.gui import signs, theme
from chexdesk.gui.models.page import Page
from chexdesk.labels import LabelSet

_MOST_LINES: Final = 4
_SIGN_PLACE: Final = 28


class NoteBar(QWidget):
    """The note on the report at hand. Leaving the field stores it; Esc puts the old one back.

    Signals:
        written: the key of the report and its new note.
        left: the field was left by a key.
    """

    written = Signal(int, str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key: int | None = None
        self._stored = ""
        self.field = _NoteField()
        self.field.left.connect(self._leave)
        self.field.given_up.connect(self._give_up)
        self.field.unfocused.connect(self.store)
        box = QHBoxLayout(self)
        box.setContentsMargins(_SIGN_PLACE - 5, 4, 12, 4)
        box.addWidget(self.field)

    def show_page(self, page: Page | None) -> None:
        """Show another report's note; what is being written is stored first."""
        key = None if page is None else page.entry.key
        writing = self.field.hasFocus() and key == self._key
        if not writing:
            self.store()
        self._key = key
        self._stored = "" if page is None else page.note
        self.field.setEnabled(page is not None)
        # Labels may arrive while someone writes: their words stay.
        if not writing:
            self.field.setPlainText(self._stored)

    def write(self) -> None:
        """Put the cursor at the end of the note."""
        if self.field.isEnabled():
            self.field.setFocus()
            self.field.moveCursor(QTextCursor.MoveOperation.End)

    def store(self) -> None:
        """Hand over what was written, where it says something new."""
        words = self.field.toPlainText().strip()
        if self._key is not None and words != self._stored:
            self._stored = words
            self.written.emit(self._key, words)

    def show_key(self, key: str) -> None:
        """Say in the empty field which key leads there."""
        self.field.setPlaceholderText(
            self.tr("Note on this report (%1)").replace("%1", key) if key else self.tr("Note")
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """A line between the report and its note."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.surface))
        painter.fillRect(0, 0, self.width(), 1, QColor(colours.line))

    def _leave(self) -> None:
        self.store()
        self.left.emit()

    def _give_up(self) -> None:
        self.field.setPlainText(self._stored)
        self.left.emit()


class _NoteField(QPlainTextEdit):
    left = Signal()
    given_up = Signal()
    unfocused = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Note"))
        self.setToolTip(self.tr("Enter stores the note, Shift+Enter begins a line, Esc undoes it."))
        self.document().documentLayout().documentSizeChanged.connect(
            lambda _: self.updateGeometry()
        )

    def sizeHint(self) -> QSize:
        """As many lines as the note has, up to a few."""
        # A plain text document measures its height in lines, broken ones included.
        lines = min(max(round(self.document().size().height()), 1), _MOST_LINES)
        margin = 2 * round(self.document().documentMargin()) + 4
        return QSize(200, round(lines * QFontMetricsF(self.font()).lineSpacing()) + margin)

    def minimumSizeHint(self) -> QSize:
        """No more than it needs: the room is the report's."""
        return QSize(80, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Keep the keys of a text field, which are the window's shortcuts elsewhere."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            command = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
            control = Qt.KeyboardModifier.ControlModifier
            if not event.modifiers() & (command | control):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter stores, Shift+Enter begins a line, Esc gives up."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Nothing that was written is lost."""
        super().focusOutEvent(event)
        self.unfocused.emit()


class SuggestionBar(QWidget):
    """Says where labels do not agree with one another; only shown then, and never in the way.

    Signals:
        followed: the suggested change should be made.
    """

    followed = Signal()

    def __init__(self, label_set: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label_set = label_set
        self._key = ""
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.followed)
        box = QHBoxLayout(self)
        box.setContentsMargins(_SIGN_PLACE + 26, 7, 12, 7)
        box.addWidget(self._words, 1)
        box.addWidget(self.button)
        self.hide()

    def show_page(self, page: Page | None) -> None:
        """Show what is suggested for a report, if anything is."""
        suggested = None if page is None else page.suggestion
        if page is not None and suggested is not None:
            against = [page.rows[place] for place in suggested.because]
            first, more = against[0].finding.name, len(against) - 1
            form = self.tr("%1 beside %2 and %3 more.") if more else self.tr("%1 beside %2.")
            words = form.replace("%1", self._label_set.names[suggested.finding])
            self._words.setText(words.replace("%2", first).replace("%3", str(more)))
            self.setToolTip("\n".join(row.words() for row in against))
            words = self.tr("Set it to %1").replace("%1", suggested.certainty.title)
            self.button.setText(f"{words}  ({self._key})" if self._key else words)
        self.setVisible(suggested is not None)

    def text(self) -> str:
        """What is said."""
        return self._words.text()

    def show_key(self, key: str) -> None:
        """The key that follows the suggestion."""
        self._key = key

    def paintEvent(self, event: QPaintEvent) -> None:
        """A quiet strip with the sign of a warning."""
        colours = theme.of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.warning_ground))
        painter.fillRect(0, 0, self.width(), 1, QColor(colours.line))
        sign = QRectF(_SIGN_PLACE, 0, 16, 14)
        sign.moveTop(self.rect().center().y() - 7)
        signs.warning(painter, colours, sign)

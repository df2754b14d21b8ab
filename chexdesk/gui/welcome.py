"""What is shown while there are no reports."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, SignalInstance
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from chexdesk.gui import theme


class Welcome(QWidget):
    """What is shown while there are no reports.

    Signals:
        paste, open_folder, open_samples: a button was used.
    """

    paste = Signal()
    open_folder = Signal()
    open_samples = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 24, 24, 24)
        column = QWidget()
        column.setMaximumWidth(620)
        box = QVBoxLayout(column)
        box.setSpacing(14)
        icon = QLabel()
        icon.setPixmap(QApplication.windowIcon().pixmap(64, 64))
        box.addWidget(icon)
        self._title = _line(self.tr("Label chest X-ray reports on your own machine"), box)
        self._what = _line(
            self.tr(
                "ChexDesk reads a report and says for each finding whether it is positive, "
                "negative, uncertain or not mentioned. It shows the words it says so by, and "
                "you correct it with a key."
            ),
            box,
        )
        quiet = [
            _line(self.tr("Reports stay on this machine: ChexDesk uses no network."), box),
            _line(self.tr("It is a research tool, not a medical device. A person decides."), box),
        ]
        row = QHBoxLayout()
        row.setSpacing(10)
        box.addSpacing(10)
        box.addLayout(row)
        self.buttons = [
            _button(self.tr("Open &samples"), row, self.open_samples),
            _button(self.tr("&Paste a report"), row, self.paste),
            _button(self.tr("Open &folder…"), row, self.open_folder),
        ]
        self.buttons[0].setProperty("primary", True)
        row.addStretch(1)
        quiet.append(_line(self.tr("Or drop files, folders or text here."), box))
        for label in quiet:
            label.setProperty("quiet", True)
        outer.addStretch(2)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(column, 4)
        line.addStretch(1)
        outer.addLayout(line)
        outer.addStretch(3)
        self._dress()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._dress()

    def _dress(self) -> None:
        self._title.setFont(theme.scaled(self.font(), 1.7, bold=True))
        self._what.setFont(theme.scaled(self.font(), 1.12))


def _line(words: str, box: QVBoxLayout) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    box.addWidget(label)
    return label


def _button(words: str, row: QHBoxLayout, clicked: SignalInstance) -> QPushButton:
    button = QPushButton(words)
    button.clicked.connect(lambda _=False: clicked.emit())
    row.addWidget(button)
    return button

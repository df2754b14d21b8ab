"""The settings: which key does what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui.keymap import Keymap
from chexdesk.gui.keys import Command


class SettingsDialog(QDialog):
    """Each command and each finding with its key. A new key counts as soon as it is pressed."""

    def __init__(
        self, keymap: Keymap, words: Mapping[Command, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.resize(520, 560)
        self._keymap = keymap
        self._names: dict[Command | str, str] = {
            **{what: own.replace("&", "").rstrip("…") for what, own in words.items()},
            **{name: name for name in keymap.label_set.names},
        }
        self.fields: dict[Command | str, KeyField] = {}
        findings = list(keymap.label_set.names)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setProperty("quiet", True)
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(20, 14, 20, 14)
        box.setSpacing(8)
        for heading, rows in (
            (self.tr("Findings"), findings),
            (self.tr("Commands"), list(words)),
        ):
            title = QLabel(heading)
            font = title.font()
            font.setBold(True)
            title.setFont(font)
            box.addWidget(title)
            box.addLayout(self._form(rows))
            box.addSpacing(10)
        box.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 12)
        intro = QLabel(self.tr("Click a key, or go to it with Tab, and press the new one."))
        intro.setContentsMargins(20, 14, 20, 4)
        intro.setProperty("quiet", True)
        whole.addWidget(intro)
        whole.addWidget(scroll, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 6, 20, 0)
        self.restore = QPushButton(self.tr("Shipped keys again"))
        self.restore.setAutoDefault(False)
        self.restore.clicked.connect(self._restore)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        foot.addWidget(self.restore)
        foot.addWidget(self.said, 1)
        foot.addWidget(buttons)
        whole.addLayout(foot)

    def _form(self, rows: list[Command] | list[str]) -> QFormLayout:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        form.setFormAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(6)
        for what in rows:
            field = KeyField()
            field.setAccessibleName(self.tr("Key for %1").replace("%1", self._names[what]))
            field.setKeySequence(QKeySequence(self._keymap.key(what)))
            field.editingFinished.connect(partial(self._give, what))
            self.fields[what] = field
            label = QLabel(self._names[what])
            label.setMinimumWidth(250)
            form.addRow(label, field)
        return form

    def _give(self, what: Command | str) -> None:
        field = self.fields[what]
        key = field.keySequence().toString()
        old = self._keymap.key(what)
        if key.upper() == old.upper():
            return
        if key and self._keymap.give(what, key):
            words = self.tr("%1 is now on %2.").replace("%1", self._names[what])
            self.said.setText(words.replace("%2", key))
            return
        field.setKeySequence(QKeySequence(old))
        holder = self._keymap.holder(key) if key else None
        if holder not in (None, what):
            words = self.tr("%2 is taken by “%1”. Give that another key first.")
            words = words.replace("%1", self._names.get(holder or "", ""))
            self.said.setText(words.replace("%2", key))
        elif key:
            self.said.setText(self.tr("A finding's key is a single letter or digit."))

    def _restore(self) -> None:
        self._keymap.reset()
        for what, field in self.fields.items():
            field.setKeySequence(QKeySequence(self._keymap.key(what)))
        self.said.setText(self.tr("All keys are as shipped."))


class KeyField(QKeySequenceEdit):
    """Takes one key with its modifiers; Tab leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self.setMaximumSequenceLength(1)
        self.setFixedWidth(150)

    def event(self, event: QEvent) -> bool:
        """Tab goes on to the next field rather than becoming a key."""
        if (
            event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        ):
            if event.type() == QEvent.Type.KeyPress:
                self.focusNextPrevChild(event.key() == Qt.Key.Key_Tab)
            return True
        return super().event(event)

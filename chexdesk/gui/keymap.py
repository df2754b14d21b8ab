"""The keys as this user has them: the shipped ones, and what the settings change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QKeySequence

from chexdesk.gui import keys
from chexdesk.gui.keys import Command, Hint
from chexdesk.labels import LabelSet

_GROUP: Final = "keys"
_FINDING: Final = "finding/"

_CAPS: Final = {
    "Up": "\N{UPWARDS ARROW}",
    "Down": "\N{DOWNWARDS ARROW}",
    "Left": "\N{LEFTWARDS ARROW}",
    "Right": "\N{RIGHTWARDS ARROW}",
    "Backspace": "\N{ERASE TO THE LEFT}",
    "Return": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}",
}


class Keymap(QObject):
    """Which keys do what. A finding's letter and a command's key never clash.

    What is told apart by a name is a `Command`, or a finding by its name.

    Signals:
        changed: some key is another one now.
    """

    changed = Signal()

    def __init__(
        self, label_set: LabelSet, settings: QSettings | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._shipped = label_set
        self._settings = settings
        self._own: dict[Command | str, str] = {}
        if settings is not None:
            self._read(settings)

    @property
    def label_set(self) -> LabelSet:
        """The label set with the letters of this user."""
        findings = tuple(
            replace(finding, key=self.key(finding.name).lower())
            for finding in self._shipped.findings
        )
        return replace(self._shipped, findings=findings)

    def key(self, what: Command | str) -> str:
        """The key that is shown for a command or a finding; "" where a menu's own does."""
        if what in self._own:
            return self._own[what]
        if isinstance(what, Command):
            shipped = keys.sequences(what)
            return shipped[0].toString() if shipped else ""
        return self._shipped.findings[self._shipped.index(what)].key.upper()

    def cap(self, what: Command | str) -> str:
        """The key as it is drawn."""
        return _CAPS.get(self.key(what), self.key(what))

    def sequences(self, what: Command | str) -> list[QKeySequence]:
        """All keys of a command or a finding; one that the user chose stands for all of them."""
        if what in self._own or not isinstance(what, Command):
            key = self.key(what)
            return [QKeySequence(key)] if key else []
        return keys.sequences(what)

    def holder(self, key: str) -> Command | str | None:
        """Whose a key is, or None where it is free."""
        return next((what for what, own in self._all() if key.upper() == own.upper()), None)

    def give(self, what: Command | str, key: str) -> bool:
        """Give a free key to a command or a finding, and keep that in the settings.

        A finding takes a single letter or digit, which fits on its row.

        Returns:
            Whether it has the key now.
        """
        alone = len(key) == 1 and key.isalnum()
        if not key or (not isinstance(what, Command) and not alone):
            return False
        if self.holder(key) not in (None, what):
            return False
        self._own[what] = key
        self._keep()
        return True

    def reset(self) -> None:
        """The shipped keys again."""
        self._own.clear()
        self._keep()

    def legend(self) -> tuple[Hint, ...]:
        """The hints for reviewing, with the keys that are in force."""
        return tuple(
            replace(hint, caps=tuple(self.cap(command) for command in commands))
            for hint, commands in zip(keys.LEGEND, keys.LEGEND_COMMANDS, strict=True)
        )

    def _all(self) -> Iterator[tuple[Command | str, str]]:
        for what in (*Command, *self._shipped.names):
            for sequence in self.sequences(what):
                yield what, sequence.toString()

    def _keep(self) -> None:
        if self._settings is not None:
            self._settings.remove(_GROUP)
            for what, key in self._own.items():
                name = what.value if isinstance(what, Command) else f"{_FINDING}{what}"
                self._settings.setValue(f"{_GROUP}/{name}", key)
        self.changed.emit()

    def _read(self, settings: QSettings) -> None:
        """Take over what the settings say, as far as it makes sense today.

        All are taken together, so that two that were swapped stay so; what clashes falls back to
        the shipped key.
        """
        commands: Mapping[str, Command | str] = {
            **{command.value: command for command in Command},
            **{f"{_FINDING}{name}": name for name in self._shipped.names},
        }
        given: dict[Command | str, str] = {}
        for name, what in commands.items():
            value = settings.value(f"{_GROUP}/{name}")
            key = QKeySequence(value).toString() if isinstance(value, str) else ""
            if key and (isinstance(what, Command) or (len(key) == 1 and key.isalnum())):
                given[what] = key
        self._own = given
        # The shipped keys do not clash, so this comes to an end.
        while (clashing := next(filter(self._clashes, self._own), None)) is not None:
            del self._own[clashing]

    def _clashes(self, what: Command | str) -> bool:
        key = self.key(what).upper()
        return any(key == own.upper() for other, own in self._all() if other != what)

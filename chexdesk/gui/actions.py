"""Every command of the window as an action: its words, its keys, its place in the menus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from chexdesk.gui import keys, theme
from chexdesk.gui.keymap import Keymap
from chexdesk.gui.keys import Command
from chexdesk.gui.theme import Appearance

# None is a line between two groups.
_FILE: Final = (
    Command.PASTE,
    Command.OPEN_FILES,
    Command.OPEN_FOLDER,
    Command.OPEN_SAMPLES,
    None,
    Command.EXPORT,
    None,
    Command.SETTINGS,
    None,
    Command.QUIT,
)
_REVIEW: Final = (
    Command.ACCEPT,
    *keys.CERTAINTY_COMMANDS,
    None,
    Command.FLAG,
    Command.NOTE,
    Command.FOLLOW,
    None,
    Command.UNDO,
    Command.REDO,
    None,
    Command.PREVIOUS_REPORT,
    Command.NEXT_REPORT,
    None,
    Command.QUEUES,
    Command.SEARCH,
)
_LABELS: Final = (Command.LABEL_ALL, Command.CANCEL_LABELLING)


class Actions(QObject):
    """The actions of a window; each finding has one too, for its letter."""

    def __init__(
        self,
        window: QMainWindow,
        runs: Mapping[Command, Callable[[], object]],
        keymap: Keymap,
        select_finding: Callable[[int], None],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._keymap = keymap
        self._actions: dict[Command, QAction] = {}
        words = self.words()
        for command, run in runs.items():
            action = self._add(words[command], keymap.sequences(command), run)
            action.setAutoRepeat(command in keys.REPEATING)
            self._actions[command] = action
        self._letters: list[QAction] = []
        for place, name in enumerate(keymap.label_set.names):
            letter = keymap.sequences(name)
            self._letters.append(self._add(name, letter, partial(select_finding, place)))
        self._fill_menus()
        keymap.changed.connect(self._use_keys)

    def _use_keys(self) -> None:
        for command, action in self._actions.items():
            action.setShortcuts(self._keymap.sequences(command))
        for name, action in zip(self._keymap.label_set.names, self._letters, strict=True):
            action.setShortcuts(self._keymap.sequences(name))

    def allow_reviewing(self, allowed: bool) -> None:
        """Switch off what acts on the report at hand while another page hides it."""
        for command, action in self._actions.items():
            if command not in keys.EVERYWHERE:
                action.setEnabled(allowed)
        for action in self._letters:
            action.setEnabled(allowed)

    def _add(self, words: str, sequences: list[QKeySequence], run: Callable[[], object]) -> QAction:
        action = QAction(words, self._window)
        action.setShortcuts(sequences)
        action.triggered.connect(lambda _=False: run())
        self._window.addAction(action)
        return action

    def words(self) -> dict[Command, str]:
        """What each command is called."""
        words = {
            Command.PASTE: self.tr("&Paste report"),
            Command.OPEN_FILES: self.tr("&Open files…"),
            Command.OPEN_FOLDER: self.tr("Open &folder…"),
            Command.OPEN_SAMPLES: self.tr("Open &samples"),
            Command.EXPORT: self.tr("&Export…"),
            Command.QUIT: self.tr("&Quit"),
            Command.UNDO: self.tr("&Undo"),
            Command.REDO: self.tr("&Redo"),
            Command.ACCEPT: self.tr("&Accept, go to next"),
            Command.NEXT_REPORT: self.tr("Ne&xt report"),
            Command.PREVIOUS_REPORT: self.tr("Pre&vious report"),
            Command.NEXT_FINDING: self.tr("Next finding"),
            Command.PREVIOUS_FINDING: self.tr("Previous finding"),
            Command.SCROLL_DOWN: self.tr("Scroll down"),
            Command.SCROLL_UP: self.tr("Scroll up"),
            Command.LABEL_ALL: self.tr("&Label all with the present model"),
            Command.CANCEL_LABELLING: self.tr("&Cancel labelling"),
            Command.FLAG: self.tr("&Flag for a second look"),
            Command.NOTE: self.tr("&Write a note"),
            Command.FOLLOW: self.tr("Make the suggested &change"),
            Command.QUEUES: self.tr("&Queues…"),
            Command.SEARCH: self.tr("&Search reports…"),
            Command.SETTINGS: self.tr("&Settings…"),
            Command.DISMISS: self.tr("Dismiss message"),
            Command.ABOUT: self.tr("&About ChexDesk"),
            Command.PAGE_REVIEW: self.tr("&Review"),
            Command.PAGE_COMPARE: self.tr("&Compare"),
            Command.PAGE_OVERVIEW: self.tr("&Overview"),
            Command.PAGE_MODELS: self.tr("&Models"),
        }
        for command, certainty in keys.CERTAINTY_COMMANDS.items():
            words[command] = self.tr("Set %1").replace("%1", certainty.title)
        return words

    def _fill_menus(self) -> None:
        bar = self._window.menuBar()
        for title, commands in (
            (self.tr("&File"), _FILE),
            (self.tr("&Review"), _REVIEW),
            (self.tr("&Labels"), _LABELS),
        ):
            menu = bar.addMenu(title)
            for command in commands:
                if command is None:
                    menu.addSeparator()
                else:
                    menu.addAction(self._actions[command])
        self._fill_view_menu(bar.addMenu(self.tr("&View")))
        bar.addMenu(self.tr("&Help")).addAction(self._actions[Command.ABOUT])

    def _fill_view_menu(self, menu: QMenu) -> None:
        for command in keys.PAGE_COMMANDS:
            menu.addAction(self._actions[command])
        menu.addSeparator()
        looks = (
            (self.tr("&As the system"), Appearance.SYSTEM),
            (self.tr("&Light"), Appearance.LIGHT),
            (self.tr("&Dark"), Appearance.DARK),
        )
        group = QActionGroup(menu)
        for words, look in looks:
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(look is theme.appearance())
            action.triggered.connect(lambda _=False, look=look: theme.wear(look))
            group.addAction(action)

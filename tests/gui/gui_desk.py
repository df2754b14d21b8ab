"""The real window over a real library, with a small labeler of its own, and what drives it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from chexdesk.gui.main_window import MainWindow
from chexdesk.gui.models.engine import Engine
from chexdesk.gui.models.findings import FindingRow
from chexdesk.gui.models.session import Session
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet, chexpert14
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice
from chexdesk.services.library import Detail, Library

# Long enough for a machine that does much else; nothing waits for its end.
SOON = 60_000


class WordLabeler:
    """Labels by the last word of a finding's name and the words before it in its sentence.

    Attributes:
        gate: reports are only labelled while it is open.
        seen: ids in the order in which they were labelled.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.seen: list[str] = []
        self.closed = False

    @property
    def label_set(self) -> LabelSet:
        return chexpert14()

    @property
    def model(self) -> ModelId:
        return ModelId("words", "0" * 64, "1")

    def label(
        self, reports: Iterable[Report], sections: SectionChoice = SectionChoice.DEFAULT
    ) -> Iterator[Prediction]:
        for report in reports:
            assert self.gate.wait(30)
            self.seen.append(report.id)
            answers = tuple(self._answer(report.text, name) for name in self.label_set.names)
            yield Prediction(
                report.id,
                answers,
                tuple(tuple(0.7 if c is a else 0.1 for c in CERTAINTIES) for a in answers),
                self.model,
            )

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _answer(text: str, name: str) -> Certainty:
        found = re.search(rf"[^.]*\b{name.split()[-1]}", text, re.IGNORECASE)
        if found is None:
            return Certainty.NOT_MENTIONED
        before = found.group().lower()
        if re.search(r"\bno\b", before):
            return Certainty.NEGATIVE
        return Certainty.UNCERTAIN if "may" in before else Certainty.POSITIVE


class Desk:
    """A window with what a test needs to drive it and to look behind it."""

    def __init__(self, qtbot: QtBot, path: Path) -> None:
        self.qtbot = qtbot
        self.path = path
        self.labeler = WordLabeler()
        self.opener: Callable[[], Engine] = lambda: Engine(self.labeler)
        self.session = Session(Library.open(path), lambda: self.opener())
        self.window = MainWindow(self.session)
        self.names = self.session.label_set.names

    def start(self, paths: Iterable[Path] = ()) -> None:
        """Show the window and wait until it has come to rest."""
        self.window.show()
        self.qtbot.waitExposed(self.window)
        self.window.activateWindow()
        self.session.start(list(paths))
        self.settle()

    def close(self) -> None:
        """Close the window and give back all it is made of; old windows make new ones slow."""
        self.window.close()
        for each in (self.window, self.session):
            each.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def settle(self) -> None:
        """Wait until nothing is under way in the background."""
        # The first turn lets what was just asked for begin.
        QApplication.processEvents()
        self.qtbot.waitUntil(lambda: self.session.idle, timeout=SOON)

    def press(self, *keys: Qt.Key | str, mods: Qt.KeyboardModifier | None = None) -> None:
        """Press keys one after another, as a person would: into whatever has the focus."""
        for key in keys:
            target: QWidget = QApplication.focusWidget() or self.window
            self.qtbot.keyClick(target, key, mods or Qt.KeyboardModifier.NoModifier)
        self.settle()

    def paste(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self.press(Qt.Key.Key_V, mods=Qt.KeyboardModifier.ControlModifier)

    def row(self, name: str) -> FindingRow:
        return self.session.findings.row(self.names.index(name))

    def stored(self, report_id: str) -> Detail:
        """A report as another program would find it in the file."""
        library = Library.open(self.path)
        try:
            key = next(e.key for e in library.entries() if e.id == report_id)
            return library.detail(key)
        finally:
            library.close()

    def current(self) -> str:
        assert self.session.page is not None
        return self.session.page.entry.id


def folder(place: Path, **texts: str) -> Path:
    """A folder of text files."""
    place.mkdir()
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text, encoding="utf-8")
    return place

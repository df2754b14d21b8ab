"""Reading files into the library in the background."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QThreadPool, Signal

from chexdesk.gui.tasks import words
from chexdesk.reports.read import read_reports
from chexdesk.services.library import Library

# The first reports are shown soon, and a long file does not hold the library for long.
_CHUNK: Final = 500
_MOST_FAILURES: Final = 5


class Intake(QObject):
    """Reads one lot of files after another.

    Signals (all arrive on the GUI thread):
        added: a `Change` for each chunk of reports, and whether it is the first of its lot.
        failed: what of a lot could not be read, and what to do; the rest is read all the same.
    """

    added = Signal(object, bool)
    failed = Signal(str)
    _ended = Signal()

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._cancelled = threading.Event()
        self._pending = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._ended.connect(self._count_down)

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return self._pending == 0

    def open(self, paths: Sequence[Path]) -> None:
        """Read files and folders."""
        if self._cancelled.is_set():
            self._cancelled = threading.Event()
        cancelled = self._cancelled
        self._pending += 1
        self._pool.start(lambda: self._run(paths, cancelled))

    def cancel(self) -> None:
        """Stop after the chunk at hand; what is read is kept."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop and wait."""
        self.cancel()
        self._pool.waitForDone()

    def _run(self, paths: Sequence[Path], cancelled: threading.Event) -> None:
        first = True
        failures: list[str] = []
        for path in paths:
            try:
                reports = read_reports([path])
                while not cancelled.is_set() and (chunk := list(islice(reports, _CHUNK))):
                    self.added.emit(self._library.add_reports(chunk), first)
                    first = False
            except Exception as error:  # a thread's last line: nothing may vanish unseen
                failures.append(words(error))
        if failures:
            self.failed.emit(_together(failures))
        self._ended.emit()

    def _count_down(self) -> None:
        self._pending -= 1


def _together(failures: list[str]) -> str:
    """One message of several; a folder of wrong files must not push other messages away."""
    shown = failures[:_MOST_FAILURES]
    more = len(failures) - len(shown)
    return "\n".join([*shown, f"and {more:,} more"] if more else shown)

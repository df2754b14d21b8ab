"""The two kinds of work the window asks for, and the threads that do it.

An `Operation` changes the library and says what changed, so that only that is shown anew. A
`Query` reads. Both run one after another on a single thread, in the order in which they were asked
for: a correction is stored before the report is read again. Nothing in `gui/` calls the library
on the GUI thread, and nothing but `Tasks._deliver` runs back on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance, Slot

from chexdesk.labeling.labeler import LabelerError
from chexdesk.outputs.write import OutputError
from chexdesk.reports.read import ReadError
from chexdesk.services.library import Change, LibraryError, StoreError

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Query(Generic[T]):
    """Reads something and shows it.

    Attributes:
        read: runs off the GUI thread.
        show: runs on the GUI thread with what was read.
        aside: for what nothing waits for; it may see changes that are asked for later.
    """

    read: Callable[[], T]
    show: Callable[[T], None]
    aside: bool = False


@dataclass(frozen=True)
class Operation:
    """Changes something.

    Attributes:
        change: runs off the GUI thread; None when there was nothing to do.
        after: runs on the GUI thread once the change is announced.
        otherwise: runs there instead when there was nothing to do.
        aside: for what takes long and leaves the library as it is: nothing waits for it.
    """

    change: Callable[[], Change | None]
    after: Callable[[Change], None] | None = None
    otherwise: Callable[[], None] | None = None
    aside: bool = False


class Tasks(QObject):
    """Runs operations and queries; announces changes and failures on the GUI thread."""

    changed = Signal(object)
    failed = Signal(str)
    _done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._closed = False
        self._pending = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._pool.setExpiryTimeout(-1)
        self._aside = QThreadPool(self)
        # A long export must not hold up the counting of the queues.
        self._aside.setMaxThreadCount(2)
        self._done.connect(self._deliver)

    @property
    def idle(self) -> bool:
        """Whether everything asked for has been done and shown."""
        return self._pending == 0

    @property
    def closed(self) -> bool:
        """Whether the end has come; what takes long should look now and then."""
        return self._closed

    def query(self, query: Query[T]) -> None:
        """Read off the GUI thread, then show."""
        self._start(self._aside if query.aside else self._pool, lambda: self._read(query))

    def operate(self, operation: Operation) -> None:
        """Change off the GUI thread, then announce."""
        pool = self._aside if operation.aside else self._pool
        self._start(pool, lambda: self._change(operation))

    def close(self) -> None:
        """Wait for what was asked for; show nothing more."""
        self._closed = True
        self._pool.waitForDone()
        self._aside.waitForDone()

    def _start(self, pool: QThreadPool, work: Callable[[], Callable[[], None]]) -> None:
        if not self._closed:
            self._pending += 1
            pool.start(_Runnable(work, self._done))

    def _read(self, query: Query[T]) -> Callable[[], None]:
        value = query.read()
        return lambda: query.show(value)

    def _change(self, operation: Operation) -> Callable[[], None]:
        change = operation.change()

        def announce() -> None:
            if change is None:
                if operation.otherwise is not None:
                    operation.otherwise()
                return
            self.changed.emit(change)
            if operation.after is not None:
                operation.after(change)

        return announce

    @Slot(object)
    def _deliver(self, outcome: Callable[[], None] | Exception) -> None:
        self._pending -= 1
        if self._closed:
            return
        if isinstance(outcome, Exception):
            self.failed.emit(words(outcome))
        else:
            outcome()


class _Runnable(QRunnable):
    def __init__(self, work: Callable[[], Callable[[], None]], done: SignalInstance) -> None:
        super().__init__()
        self._work = work
        self._done = done

    def run(self) -> None:
        outcome: Callable[[], None] | Exception
        try:
            outcome = self._work()
        except Exception as error:  # a thread's last line: nothing may vanish unseen
            outcome = error
        self._done.emit(outcome)


def words(error: Exception) -> str:
    """What a user is told of an error; only errors made for users speak for themselves."""
    if isinstance(error, (LibraryError, StoreError, ReadError, OutputError, LabelerError)):
        return str(error)
    _log.error("unexpected %s", type(error).__name__)
    return f"Something went wrong inside ChexDesk ({type(error).__name__}). Nothing was changed."

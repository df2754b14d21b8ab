"""Labelling in the background, with progress and a way to stop it.

One thread holds the engine and nothing else runs on it. Predictions are stored in small batches,
so that a cancel, or the end of the program, costs no more than the batch at hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Final

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from chexdesk.gui.models.engine import Engine
from chexdesk.gui.tasks import words
from chexdesk.labeling.labeler import LabelerError, ModelId, Prediction
from chexdesk.reports.report import Report
from chexdesk.services.library import Library

_BATCH: Final = 32
_BATCH_SECONDS: Final = 0.5
# So few reports are fetched one by one rather than among all that lack a prediction.
_FEW: Final = 1000


class Labelling(QObject):
    """Runs one request for labels after another.

    Signals (all arrive on the GUI thread):
        opened: the `Engine`, once it is loaded.
        progressed: reports done and to be done in this run, and reports a second.
        changed: a `Change` after each stored batch.
        finished: the number labelled, and whether the run was cancelled.
        failed: what the user should know.
    """

    opened = Signal(object)
    progressed = Signal(int, int, float)
    changed = Signal(object)
    finished = Signal(int, bool)
    failed = Signal(str)

    def __init__(
        self, library: Library, opener: Callable[[], Engine], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._opener = opener
        self._engine: Engine | None = None
        self._cancelled = threading.Event()
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._pool.setExpiryTimeout(-1)

    def start(self, keys: frozenset[int] | None = None) -> None:
        """Label these reports, or all that this model has not labelled."""
        if self._cancelled.is_set():
            self._cancelled = threading.Event()
        cancelled = self._cancelled
        self._pool.start(_Run(lambda: self._run(keys, cancelled)))

    def switch(self, opener: Callable[[], Engine]) -> None:
        """Use another engine from the next run on; what is under way stops."""
        self.cancel()

        def switch() -> None:
            self._drop_engine()
            self._opener = opener

        self._pool.start(_Run(switch))

    def cancel(self) -> None:
        """Stop all runs asked for so far, each after the report at hand; what is done is kept."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop, wait, and give back the engine."""
        self.cancel()
        self._pool.waitForDone()
        self._drop_engine()

    def _run(self, keys: frozenset[int] | None, cancelled: threading.Event) -> None:
        done = 0
        try:
            if not cancelled.is_set():
                engine = self._open()
                wanted = self._wanted(keys, engine.labeler.model)
                done = self._label(engine, wanted, cancelled)
        except LabelerError as error:
            self._drop_engine()
            self.failed.emit(str(error))
        except Exception as error:  # a thread's last line: nothing may vanish unseen
            self._drop_engine()
            self.failed.emit(words(error))
        self.finished.emit(done, cancelled.is_set())

    def _open(self) -> Engine:
        if self._engine is None:
            self._engine = self._opener()
            self.opened.emit(self._engine)
        return self._engine

    def _drop_engine(self) -> None:
        """A failed engine is opened anew by the next run."""
        if self._engine is not None:
            self._engine.labeler.close()
            self._engine = None

    def _wanted(self, keys: frozenset[int] | None, model: ModelId) -> list[tuple[int, Report]]:
        if keys is None or len(keys) > _FEW:
            pairs = self._library.unlabelled(model)
            return [pair for pair in pairs if keys is None or pair[0] in keys]
        pairs = []
        for key in sorted(keys):
            detail = self._library.detail(key)
            usable = not detail.entry.error or detail.prediction is not None
            if usable and (detail.prediction is None or detail.prediction.model != model):
                pairs.append((key, Report(detail.entry.id, detail.text, detail.entry.source)))
        return pairs

    def _label(
        self, engine: Engine, wanted: list[tuple[int, Report]], cancelled: threading.Event
    ) -> int:
        """Label and store; the number of predictions stored."""
        if not wanted:
            return 0
        begun = time.monotonic()
        done = 0
        self.progressed.emit(0, len(wanted), 0.0)
        # Reports are handed over one by one, so that an engine that reads ahead can be stopped.
        reports = (report for _, report in wanted if not cancelled.is_set())
        predictions = engine.labeler.label(reports)
        try:
            while not cancelled.is_set():
                batch = list(_batch(predictions, cancelled))
                if not batch:
                    break
                keys = (key for key, _ in wanted[done : done + len(batch)])
                self.changed.emit(self._library.save_predictions(zip(keys, batch, strict=True)))
                done += len(batch)
                rate = done / max(time.monotonic() - begun, 1e-6)
                self.progressed.emit(done, len(wanted), rate)
        finally:
            if isinstance(predictions, Generator):
                predictions.close()
        return done


def _batch(predictions: Iterator[Prediction], cancelled: threading.Event) -> Iterator[Prediction]:
    """Predictions until there are enough of them to store, or enough time has passed."""
    ends = time.monotonic() + _BATCH_SECONDS
    for taken, prediction in enumerate(predictions, start=1):
        yield prediction
        if taken >= _BATCH or time.monotonic() >= ends or cancelled.is_set():
            return


class _Run(QRunnable):
    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        self._work()

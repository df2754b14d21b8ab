"""The app's end of the worker process: started, asked, and started again when it dies."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

from chexdesk.labeling.labeler import LabelerError
from chexdesk.labeling.llama.worker import Answer, Setup, Started, Window, serve

#: How long a model may take to load, in seconds; a hostile file could make it take for ever.
LOAD_S: Final = 600.0


class WorkerProcess:
    """One worker and the connection to it."""

    def __init__(self, setup: Setup) -> None:
        """Start a worker and wait until its model is loaded.

        Raises:
            LabelerError: the model cannot be loaded.
        """
        self._setup = setup
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self.restart()

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return None if self._process is None else self._process.pid

    def restart(self) -> None:
        """End the worker, if any, and start a fresh one.

        Raises:
            LabelerError: the model cannot be loaded.
        """
        self.close()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._connection = ours
        self._process = context.Process(
            target=serve, args=(theirs, self._setup), name="chexdesk-model", daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            in_time = ours.poll(LOAD_S)
            started = ours.recv() if in_time else Started("it did not load in ten minutes")
        except (EOFError, OSError):
            started = Started("its process ended while it loaded")
        if started.error:
            self.close()
            raise LabelerError(f"{self._setup.model_file}: {started.error}")

    def send(self, window: Window) -> None:
        """Give the worker a window. A dead worker is noticed by `receive`."""
        if self._connection is not None:
            try:
                self._connection.send(window)
            except OSError:
                return

    def receive(self, number: int) -> Answer | None:
        """The answer to the window of that number, or None where the worker has died.

        Answers to older windows are dropped: nobody waits for them after a cancelled run.
        """
        while self._connection is not None:
            try:
                answer: Answer = self._connection.recv()
            except (EOFError, OSError):
                return None
            if answer.number == number:
                return answer
        return None

    def close(self) -> None:
        """End the worker. Closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.join(timeout=1)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process = None

"""The worker process: it alone loads llama.cpp, so a crash there never takes the app along."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chexdesk.labeling.calibration import Calibration, Probabilities
from chexdesk.labeling.llama import plan
from chexdesk.labeling.wire import WireError
from chexdesk.labels import LabelSet
from chexdesk.logs import describe

if TYPE_CHECKING:
    from chexdesk.labeling.llama.runtime import Runtime

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setup:
    """What a worker needs to start; plain data, since it crosses a process boundary."""

    model_file: Path
    label_set: LabelSet
    calibration: Calibration
    gpu_layers: int
    threads: int
    batch_tokens: int


@dataclass(frozen=True)
class Window:
    """Texts to label together. `number` comes back with the answer."""

    number: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """Probabilities (findings, 4) of each text of a window, or why one has none."""

    number: int
    results: tuple[Probabilities | str, ...]


@dataclass(frozen=True)
class Started:
    """The model is loaded; or, with `error`, it is not, and the worker has ended."""

    error: str = ""


def serve(connection: Connection, setup: Setup) -> None:
    """Answer windows until the other end closes the connection."""
    _die_in_silence()
    from chexdesk.labeling.llama.runtime import Runtime, RuntimeFailure

    # Ctrl-C reaches every process of the terminal; the app alone decides, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        runtime = Runtime(
            setup.model_file,
            setup.label_set,
            gpu_layers=setup.gpu_layers,
            threads=setup.threads,
            max_tokens=setup.batch_tokens,
        )
    except (RuntimeFailure, WireError) as error:
        connection.send(Started(str(error)))
        return
    connection.send(Started())
    try:
        while True:
            window: Window = connection.recv()
            connection.send(Answer(window.number, answer(runtime, setup, window.texts)))
    except (EOFError, OSError):
        pass
    except Exception as error:
        # Its message may quote a report. The app sees that the process has ended.
        _log.error("a fault in the model's process: %s", describe(error))
    finally:
        runtime.close()


def _die_in_silence() -> None:
    """See to it that a crash writes nothing of a report: no core file, no debugger's backtrace.

    Before llama.cpp is loaded: where it aborts it would start gdb, if there is one, and print.
    """
    os.environ["GGML_NO_BACKTRACE"] = "1"
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(
    runtime: Runtime, setup: Setup, texts: tuple[str, ...]
) -> tuple[Probabilities | str, ...]:
    """Label the texts of one window; a text that stands in it twice is read once."""
    from chexdesk.labeling.llama.runtime import RuntimeFailure

    distinct = {text: number for number, text in reversed(list(enumerate(texts)))}
    pieces: list[list[int]] = []
    owners: list[str] = []
    for text in distinct:
        for part in plan.parts(runtime.wire, text):
            pieces.append(part)
            owners.append(text)
    markers = len(runtime.wire.markers)
    lengths = [len(piece) + markers for piece in pieces]
    logits = np.empty((len(pieces), markers, len(runtime.wire.answers)), dtype=np.float32)
    failed: dict[str, str] = {}
    for group in plan.batches(lengths, setup.batch_tokens, runtime.max_reports):
        try:
            logits[group] = runtime.decide([pieces[i] for i in group])
        except RuntimeFailure as error:
            failed |= {owners[i]: str(error) for i in group}
    probabilities = setup.calibration.apply(logits)
    merged: dict[str, Probabilities | str] = dict(failed)
    for text in distinct:
        if text not in failed:
            rows = [i for i, owner in enumerate(owners) if owner == text]
            merged[text] = plan.merge_parts(setup.label_set, probabilities[rows])
    return tuple(merged[text] for text in texts)

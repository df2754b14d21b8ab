"""The llama.cpp engine as the rest of the app sees it."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import numpy as np

from chexdesk.labeling.calibration import Probabilities
from chexdesk.labeling.labeler import WINDOW, LabelerError, ModelId, Prediction, unusable
from chexdesk.labeling.llama.process import WorkerProcess
from chexdesk.labeling.llama.worker import Answer, Setup, Window
from chexdesk.labeling.pack import PackError, open_pack, verify_pack
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labeling.wire import printable, report_text
from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice, choose_sections

#: Tokens in one decode: enough to keep two cores busy, few enough that attention stays cheap.
BATCH_TOKENS: Final = 768
#: Windows given to each worker ahead of the answers, so that it never waits for the app.
_AHEAD: Final = 2

_log = logging.getLogger(__name__)

NO_FINDINGS_TEXT: Final = "no findings or impression in the report"


@dataclass
class _Pending:
    worker: WorkerProcess
    window: Window
    reports: list[Report]
    errors: list[str]


class LlamaLabeler:
    """Labels reports with a model pack, in a worker process that is restarted when it dies."""

    def __init__(
        self,
        folder: Path,
        label_set: LabelSet,
        *,
        gpu_layers: int | None = None,
        threads: int | None = None,
        jobs: int = 1,
        alone: bool = False,
    ) -> None:
        """Check a pack and load its model.

        Args:
            gpu_layers: layers on the GPU; None for all where the build has one.
            threads: CPU threads in all; None for one on each core this process may use.
            jobs: worker processes, which take the windows in turn and share the threads.
            alone: the model's own decisions, whatever the pack's calibration would change in them.

        Raises:
            LabelerError: the folder is no pack, is damaged, or its model cannot be loaded.
        """
        try:
            pack = open_pack(folder, label_set)
            verify_pack(pack)
        except PackError as error:
            raise LabelerError(str(error)) from error
        self._label_set = label_set
        self._model = pack.model
        self._calibration = pack.calibration.alone() if alone else pack.calibration
        self._setup = Setup(
            model_file=pack.model_file,
            label_set=label_set,
            calibration=self._calibration,
            gpu_layers=-1 if gpu_layers is None else gpu_layers,
            threads=max(1, (threads or _cores()) // jobs),
            batch_tokens=BATCH_TOKENS,
        )
        self._workers = [WorkerProcess(self._setup) for _ in range(jobs)]
        self._next_number = 0

    @property
    def label_set(self) -> LabelSet:
        """The findings it labels."""
        return self._label_set

    @property
    def model(self) -> ModelId:
        """The pack's identity."""
        return self._model

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(w.pid for w in self._workers if w.pid is not None)

    def label(
        self, reports: Iterable[Report], sections: SectionChoice = SectionChoice.DEFAULT
    ) -> Iterator[Prediction]:
        """One prediction for each report, in order; see `Labeler.label`."""
        waiting: deque[_Pending] = deque()
        stream = iter(reports)
        turn = cycle(self._workers)
        while True:
            while len(waiting) < _AHEAD * len(self._workers):
                chunk = list(islice(stream, WINDOW))
                if not chunk:
                    break
                waiting.append(self._prepare(chunk, sections, next(turn)))
                waiting[-1].worker.send(waiting[-1].window)
            if not waiting:
                return
            first = waiting.popleft()
            results = iter(self._answer(first, waiting).results)
            for report, error in zip(first.reports, first.errors, strict=True):
                yield self._prediction(report, error or next(results), sections)

    @cached_property
    def _witness(self) -> RuleLabeler:
        """Made when the first answer is there: the next windows are being decoded meanwhile."""
        return RuleLabeler()

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.close()

    def _prepare(
        self, reports: list[Report], sections: SectionChoice, worker: WorkerProcess
    ) -> _Pending:
        texts: list[str] = []
        errors: list[str] = []
        for report in reports:
            error = unusable(report)
            text = ""
            if not error:
                text = report_text(report.text, choose_sections(report.text, sections))
                error = "" if text else NO_FINDINGS_TEXT
            errors.append(error)
            texts.append(text)
        readable = tuple(t for t, e in zip(texts, errors, strict=True) if not e)
        return _Pending(worker, Window(self._number(), readable), reports, errors)

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number

    def _answer(self, first: _Pending, waiting: Iterable[_Pending]) -> Answer:
        """The answer to a window, whatever becomes of the worker.

        A death may be chance once. The second time the window is asked report by report, so that
        a report that kills the worker costs its own row and no other.
        """
        worker = first.worker
        answer = worker.receive(first.window.number)
        if answer is None:
            _log.warning("the model's process ended; it is started again")
            worker.restart()
            worker.send(first.window)
            answer = worker.receive(first.window.number)
            if answer is None:
                _log.warning("the model's process ended again; these reports are read one by one")
                worker.restart()
                texts = first.window.texts
                results = tuple(self._alone(worker, text) for text in texts)
                answer = Answer(first.window.number, results)
            for pending in waiting:
                if pending.worker is worker:
                    worker.send(pending.window)
        return answer

    def _alone(self, worker: WorkerProcess, text: str) -> Probabilities | str:
        window = Window(self._number(), (text,))
        worker.send(window)
        answer = worker.receive(window.number)
        if answer is None:
            worker.restart()
            return "the model's process ended while it read this report"
        return answer.results[0]

    def _prediction(
        self, report: Report, result: Probabilities | str, sections: SectionChoice
    ) -> Prediction:
        if isinstance(result, str):
            return Prediction.failed(report.id, self._label_set, self._model, result)
        if self._calibration.has_witness:
            seen = replace(report, text=printable(report.text))
            (read,) = self._witness.label([seen], sections)
            places = np.array([CERTAINTIES.index(c) for c in read.certainties])
            result = self._calibration.hear(result, places)
        chosen = tuple(CERTAINTIES[int(i)] for i in result.argmax(axis=-1))
        return Prediction(
            report.id, chosen, tuple(tuple(row) for row in result.tolist()), self._model
        )


def _cores() -> int:
    """Cores this process may use; more threads than that only wait for each other."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""The menu of queues: each with the number of its reports and a letter of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from chexdesk.gui.models.queue import QueueModel
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.services.queues import Queue, Tally

_SIZES: Final = (50, 100, 200, 400)
_MOST: Final = 1_000_000


class QueueMenu(QMenu):
    """Chooses what is listed. A second choice of a finding's certainty takes it back."""

    def __init__(self, queue: QueueModel, label_set: LabelSet, parent: QWidget) -> None:
        super().__init__(parent)
        self._queue = queue
        self._tally: Tally | None = None
        self._queues: dict[Queue, QAction] = {}
        self._standings: dict[tuple[int, Certainty], QAction] = {}
        self._findings: list[QMenu] = []
        self.setToolTipsVisible(True)
        self._add_queues()
        self._add_sample(self.addMenu(names(self)[Queue.SAMPLE]))
        self._add_findings(self.addMenu(self.tr("&Finding")), label_set)
        self.addSeparator()
        self.addAction(self.tr("S&how all again")).triggered.connect(queue.reset)
        self.aboutToShow.connect(self._update)
        queue.counted.connect(self._count)

    def use_letters(self, label_set: LabelSet) -> None:
        """Reach the findings by other letters."""
        for menu, finding in zip(self._findings, label_set.findings, strict=True):
            menu.setTitle(f"&{finding.key.upper()}   {finding.name}")

    def _count(self, _: object, tally: Tally) -> None:
        self._tally = tally
        if self.isVisible():
            self._update()

    def _update(self) -> None:
        """Tell the numbers, and mark what is chosen."""
        chosen, tally, words = self._queue.filter, self._tally, names(self)
        for queue, action in self._queues.items():
            number = None if tally is None else tally.queues[queue]
            action.setText(_with_number(words[queue], number))
            action.setChecked(queue is chosen.queue)
        for (place, certainty), action in self._standings.items():
            column = CERTAINTIES.index(certainty)
            number = None if tally is None else tally.findings[place][column]
            action.setText(_with_number(_certainty_words(certainty), number))
            action.setChecked((place, certainty) in chosen.findings)
        self._seed.setText(self.tr("&Seed (%1)…").replace("%1", str(chosen.sample.seed)))

    def _add_queues(self) -> None:
        for queue in names(self):
            if queue is not Queue.SAMPLE:
                action = self.addAction("")
                action.setCheckable(True)
                action.setToolTip(_explanation(self, queue))
                action.triggered.connect(partial(self._queue.choose, queue))
                self._queues[queue] = action
        self.addSeparator()

    def _add_sample(self, menu: QMenu) -> None:
        for size in _SIZES:
            action = menu.addAction(self.tr("&%1 reports").replace("%1", str(size)))
            action.triggered.connect(partial(self._draw, size))
        menu.addSeparator()
        menu.addAction(self.tr("Another &number…")).triggered.connect(self._ask_size)
        self._seed = menu.addAction("")
        self._seed.setToolTip(self.tr("The same seed draws the same reports, on any machine."))
        self._seed.triggered.connect(self._ask_seed)

    def _add_findings(self, menu: QMenu, label_set: LabelSet) -> None:
        for place in range(len(label_set)):
            own = menu.addMenu("")
            self._findings.append(own)
            for certainty in CERTAINTIES:
                action = own.addAction("")
                action.setCheckable(True)
                action.triggered.connect(partial(self._queue.narrow, place, certainty))
                self._standings[place, certainty] = action
        self.use_letters(label_set)

    def _draw(self, size: int) -> None:
        self._queue.draw(replace(self._queue.filter.sample, size=size))

    def _ask_size(self) -> None:
        sample = self._queue.filter.sample
        size, given = QInputDialog.getInt(
            self, "ChexDesk", self.tr("How many reports?"), sample.size, 1, _MOST
        )
        if given:
            self._draw(size)

    def _ask_seed(self) -> None:
        sample = self._queue.filter.sample
        words = self.tr("The sample's seed: the same number draws the same reports.")
        seed, given = QInputDialog.getInt(self, "ChexDesk", words, sample.seed, 0, _MOST)
        if given:
            self._queue.draw(replace(sample, seed=seed))


def names(widget: QWidget) -> dict[Queue, str]:
    """What each queue is called, with the letter that picks it in the menu."""
    return {
        Queue.ALL: widget.tr("&All reports"),
        Queue.UNREVIEWED: widget.tr("To &review"),
        Queue.DOUBTFUL: widget.tr("&Doubtful first"),
        Queue.DISAGREEING: widget.tr("D&isagreements"),
        Queue.FLAGGED: widget.tr("Fla&gged"),
        Queue.CORRECTED: widget.tr("&Corrected"),
        Queue.NOTED: widget.tr("With a &note"),
        Queue.SAMPLE: widget.tr("Random &sample"),
    }


def _explanation(widget: QWidget, queue: Queue) -> str:
    return {
        Queue.UNREVIEWED: widget.tr("Neither accepted nor corrected yet"),
        Queue.DOUBTFUL: widget.tr("To review, the model's least sure reports first"),
        Queue.DISAGREEING: widget.tr("The report's words, read by rule, say other than the model"),
        Queue.FLAGGED: widget.tr("Marked for a second look"),
    }.get(queue, "")


def _certainty_words(certainty: Certainty) -> str:
    """Its title with a letter that no other of them has."""
    at = certainty.title.rfind(" ") + 1
    return f"{certainty.title[:at]}&{certainty.title[at:]}"


def _with_number(words: str, number: int | None) -> str:
    """A tab sets what follows at the menu's right edge."""
    return words if number is None else f"{words}\t{number:,}"

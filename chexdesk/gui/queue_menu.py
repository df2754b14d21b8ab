"""The menu of queues: each with the number of its reports and a letter of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from chexdesk.gui.models.queue import QueueModel
from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.services.queues import Queue, Tally

_SIZES: Final = (50, 100, 200, 400)
_MOST: Final = 1_000_000


class QueueMenu(QMenu):
    """Chooses what is listed. A second choice of a finding's certainty takes it back."""

    def __init__(self, queue: QueueModel, label_set: LabelSet, parent: QWidget) -> None:
        super().__init__(parent)
        self._queue = queue
        self._label_set = label_set
        self._tally: Tally | None = None
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._fill)
        queue.counted.connect(self._count)

    def use_letters(self, label_set: LabelSet) -> None:
        """Reach the findings by other letters."""
        self._label_set = label_set

    def _count(self, _: object, tally: Tally) -> None:
        self._tally = tally

    def _fill(self) -> None:
        # clear() leaves submenus alive as children of this one.
        for old in (*self.findChildren(QMenu), *self.findChildren(QActionGroup)):
            old.deleteLater()
        self.clear()
        chosen = self._queue.filter
        group = QActionGroup(self)
        for queue, words in names(self).items():
            if queue is Queue.SAMPLE:
                self.addSeparator()
                self._add_sample(self.addMenu(words))
                continue
            number = None if self._tally is None else self._tally.queues[queue]
            action = self.addAction(_with_number(words, number))
            action.setCheckable(True)
            action.setChecked(queue is chosen.queue)
            action.setToolTip(_explanation(self, queue))
            group.addAction(action)
            action.triggered.connect(partial(self._queue.choose, queue))
        self._add_findings(self.addMenu(self.tr("&Finding")))
        self.addSeparator()
        nothing = self.addAction(self.tr("S&how all again"))
        nothing.triggered.connect(self._queue.reset)

    def _add_sample(self, menu: QMenu) -> None:
        sample = self._queue.filter.sample
        for size in _SIZES:
            action = menu.addAction(self.tr("&%1 reports").replace("%1", str(size)))
            action.triggered.connect(partial(self._queue.draw, replace(sample, size=size)))
        menu.addSeparator()
        other = menu.addAction(self.tr("Another &number…"))
        other.triggered.connect(self._ask_size)
        seed = menu.addAction(self.tr("&Seed (%1)…").replace("%1", str(sample.seed)))
        seed.setToolTip(self.tr("The same seed draws the same reports, on any machine."))
        seed.triggered.connect(self._ask_seed)

    def _add_findings(self, menu: QMenu) -> None:
        chosen = self._queue.filter.findings
        for place, finding in enumerate(self._label_set.findings):
            own = menu.addMenu(f"&{finding.key.upper()}   {finding.name}")
            for column, certainty in enumerate(CERTAINTIES):
                number = None if self._tally is None else self._tally.findings[place][column]
                action = own.addAction(_with_number(f"&{certainty.title}", number))
                action.setCheckable(True)
                action.setChecked((place, certainty) in chosen)
                action.triggered.connect(partial(self._queue.narrow, place, certainty))

    def _ask_size(self) -> None:
        sample = self._queue.filter.sample
        size, given = QInputDialog.getInt(
            self, "ChexDesk", self.tr("How many reports?"), sample.size, 1, _MOST
        )
        if given:
            self._queue.draw(replace(sample, size=size))

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


def _with_number(words: str, number: int | None) -> str:
    """A tab sets what follows at the menu's right edge."""
    return words if number is None else f"{words}\t{number:,}"

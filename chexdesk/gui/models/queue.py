"""The queue at hand: which reports are listed, in which order, and how many there are of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject, Signal

from chexdesk.gui.models.report_list import PAGE, ReportListModel
from chexdesk.gui.tasks import Query, Tasks
from chexdesk.labels import Certainty
from chexdesk.services.library import Change, Counts, Entry, Library
from chexdesk.services.queues import Filter, Queue, Sample, Tally

#: Queues whose order would be another once more reports are labelled.
_ORDERED: Final = frozenset({Queue.DOUBTFUL, Queue.DISAGREEING})

_Found = tuple[list[int], dict[int, int], dict[int, Entry]]


class QueueModel(QObject):
    """Lists a queue's reports as they stood when it was chosen.

    A report that is reviewed stays in its place, so that nothing moves below a reader's eyes and
    one can go back; the queue is made anew when it is chosen again.

    Signals:
        shown: other reports are listed; whether the report at hand stays, listed or not.
        filtered: the `Filter` that was asked for.
        counted: the library's `Counts` and the queues' `Tally`.
    """

    shown = Signal(bool)
    filtered = Signal(object)
    counted = Signal(object, object)

    def __init__(self, library: Library, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._tasks = tasks
        self._filter = Filter()
        self._count_pending = False
        self._count_asked = 0
        self._count_shown = 0
        self.reports = ReportListModel(self)
        self.reports.wanted.connect(self._fetch)

    @property
    def filter(self) -> Filter:
        """What was asked for last."""
        return self._filter

    # What to list

    def choose(self, queue: Queue) -> None:
        """List a queue; findings and words that narrow it are kept."""
        self.show(replace(self._filter, queue=queue))

    def draw(self, sample: Sample) -> None:
        """List a random sample."""
        self.show(replace(self._filter, queue=Queue.SAMPLE, sample=sample))

    def search(self, words: str) -> None:
        """List what holds these words; "" lists all of the queue again."""
        if words != self._filter.words:
            self.show(replace(self._filter, words=words))

    def narrow(self, place: int, certainty: Certainty) -> None:
        """List only reports where a finding stands so, or no longer only those.

        A finding has one certainty, so another one of the same finding gives way.
        """
        own = (place, certainty)
        others = frozenset(each for each in self._filter.findings if each[0] != place)
        findings = others if own in self._filter.findings else others | {own}
        self.show(replace(self._filter, findings=findings))

    def reset(self) -> None:
        """List all reports."""
        self.show(Filter())

    def show(self, chosen: Filter) -> None:
        """List what a filter asks for."""
        self._filter = chosen
        self.filtered.emit(chosen)
        self._list(chosen, stay=chosen == Filter())

    def renew(self) -> None:
        """List the queue as it stands now, where its order may have become another."""
        if self._filter.queue in _ORDERED:
            self._list(self._filter, stay=True)

    def _list(self, chosen: Filter, *, stay: bool) -> None:
        def read() -> _Found | None:
            # Someone who types wants what the last word finds, not the first.
            if chosen is not self._filter:
                return None
            keys = self._library.queues.keys(chosen)
            rows = {key: row for row, key in enumerate(keys)}
            return keys, rows, self._library.queues.entries(keys[:PAGE])

        def show(found: _Found | None) -> None:
            if found is not None and chosen is self._filter:
                self.reports.show(*found)
                self.shown.emit(stay)

        self._tasks.query(Query(read, show))

    # What changes

    def refresh(self, change: Change, *, grows: bool = True) -> None:
        """Show anew what a change touched, put what is new at the end, and count.

        Args:
            grows: whether reports that only now belong to the queue are put there; what a reader
                does to a report must not move it in the queue that they are going through.
        """
        known, unknown = self.reports.known(change.keys)
        chosen = self._filter
        # A sample is what it was when it was drawn; among all reports, each has its place.
        takes = chosen == Filter() or (grows and chosen.queue is not Queue.SAMPLE)

        def read() -> tuple[list[int], Mapping[int, Entry]]:
            queues = self._library.queues
            new = queues.among(chosen, unknown) if takes and unknown else []
            return new, queues.entries([*known, *new])

        def show(found: tuple[list[int], Mapping[int, Entry]]) -> None:
            self.reports.fill(found[1])
            if chosen is self._filter:
                self.reports.append(*found)

        self._tasks.query(Query(read, show))
        self.count()

    def count(self) -> None:
        """Count the queues; many calls in a row lead to few counts."""
        if self._count_pending:
            return
        self._count_pending = True
        self._count_asked += 1
        number = self._count_asked

        def read() -> tuple[Counts, Tally]:
            # What changes from now on may be missed by this count, so it may ask for another.
            self._count_pending = False
            return self._library.counts(), self._library.queues.tally()

        def show(found: tuple[Counts, Tally]) -> None:
            if number > self._count_shown:
                self._count_shown = number
                self.counted.emit(*found)

        self._tasks.query(Query(read, show, aside=True))

    def _fetch(self, keys: list[int]) -> None:
        self._tasks.query(Query(lambda: self._library.queues.entries(keys), self.reports.fill))

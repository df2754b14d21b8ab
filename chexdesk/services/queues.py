"""Queries on queues: what the list of reports shows, in which order, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chexdesk.labels import LabelSet
from chexdesk.store import queues, reports
from chexdesk.store.database import Database
from chexdesk.store.records import Entry, Filter, Queue, Sample, Selection, Tally
from chexdesk.store.values import chunks

__all__ = ["Filter", "Queue", "Queues", "Sample", "Selection", "Tally"]


class Queues:
    """What can be asked of a library's queues. Nothing here changes anything.

    A queue is a list of keys as it stands at the moment; its entries are fetched in pages as they
    come into view, so that a list of 100,000 reports costs as little as a short one.
    """

    def __init__(self, database: Database, label_set: LabelSet) -> None:
        self._database = database
        self._label_set = label_set

    def keys(self, chosen: Filter) -> list[int]:
        """The reports of a queue in its order."""
        with self._database.reading() as session:
            return queues.keys(session, self._label_set, chosen)

    def among(self, chosen: Filter, some: Iterable[int]) -> list[int]:
        """Which of these reports belong to a queue now, in order of adding."""
        with self._database.reading() as session:
            if chosen.queue is Queue.SAMPLE:
                wanted = set(some)
                own = queues.keys(session, self._label_set, chosen)
                return sorted(key for key in own if key in wanted)
            return [
                key
                for few in chunks(sorted(some))
                for key in queues.among(session, self._label_set, chosen, few)
            ]

    def waiting(self) -> frozenset[int]:
        """The usable reports for which no model has been asked yet."""
        with self._database.reading() as session:
            return frozenset(queues.waiting(session, self._label_set))

    def entries(self, keys: Sequence[int]) -> dict[int, Entry]:
        """The entries of these reports, as far as there are any."""
        with self._database.reading() as session:
            return {e.key: e for e in reports.entries(session, self._label_set, keys)}

    def tally(self) -> Tally:
        """How many reports each queue holds, and how the findings stand."""
        with self._database.reading() as session:
            return queues.tally(session, self._label_set)

"""What can be asked of the library: reads that change nothing, from any thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.services.undo import LibraryError, differences, standing, status_of
from chexdesk.store import predictions, preferences, reports, reviews
from chexdesk.store.database import Database, Session
from chexdesk.store.records import Counts, Detail, Entry, Preference, Review, ReviewStatus

#: Stands in exports where no model has labelled a report.
NO_MODEL: Final = ModelId("", "", "")

#: Reports read at a time, so that nobody holds all of them.
_BATCH: Final = 256


class Queries:
    """Everything that is read of the library's reports, predictions and reviews."""

    def __init__(self, database: Database, label_set: LabelSet) -> None:
        self._database = database
        self._label_set = label_set

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    @property
    def label_set(self) -> LabelSet:
        """The findings it is about."""
        return self._label_set

    def entries(self) -> list[Entry]:
        """All reports, in the order in which they were added."""
        with self._database.reading() as session:
            return reports.entries(session, self._label_set)

    def entry(self, key: int) -> Entry:
        """One line of the list. Raises LibraryError where the report is gone."""
        with self._database.reading() as session:
            return self._entry(session, key)

    def detail(self, key: int, model: ModelId | None = None) -> Detail:
        """One report with its decisions. Raises LibraryError where the report is gone."""
        with self._database.reading() as session:
            entry = self._entry(session, key)
            text = reports.get(session, [key])[key].text
            prediction = predictions.latest(session, self._label_set, [key], model).get(key)
            review = reviews.get(session, self._label_set, [key]).get(key)
        decisions = standing(review, prediction)
        return Detail(
            entry=entry,
            text=text,
            prediction=prediction,
            decisions=decisions,
            corrected=differences(standing(None, prediction), decisions),
            note="" if review is None else review.note,
        )

    def counts(self) -> Counts:
        """How many reports there are, and how many are labelled, accepted, corrected."""
        with self._database.reading() as session:
            return reports.counts(session, self._label_set)

    def unlabelled(self, model: ModelId) -> list[tuple[int, Report]]:
        """The usable reports that the model has not labelled, with their keys, in order.

        Those where it failed are among them.
        """
        with self._database.reading() as session:
            return reports.unlabelled(session, self._label_set, model)

    def export_rows(
        self,
    ) -> Iterator[tuple[Report, Prediction, tuple[Certainty, ...], ReviewStatus]]:
        """Every report in order, with prediction, decisions as they stand, and status.

        A report without a prediction comes with a failed one that says so.
        """
        for batch, found in self._batches():
            with self._database.reading() as session:
                predicted = predictions.latest(session, self._label_set, batch)
                reviewed = reviews.get(session, self._label_set, batch)
            for key, report in found.items():
                prediction = predicted.get(key) or Prediction.failed(
                    report.id, self._label_set, NO_MODEL, report.error or "not labelled yet"
                )
                review = reviewed.get(key)
                decisions = standing(review, prediction) or prediction.certainties
                yield report, prediction, decisions, status_of(review)

    def reviewed(self) -> Iterator[tuple[Report, Review]]:
        """Every accepted or corrected report in order, with its review."""
        for batch, found in self._batches():
            with self._database.reading() as session:
                own = reviews.get(session, self._label_set, batch)
            for key, report in found.items():
                if status_of(own.get(key)) is not ReviewStatus.UNREVIEWED:
                    yield report, own[key]

    def preferences(self) -> Iterator[tuple[Report, Preference]]:
        """Every preference with its report, in the reports' order."""
        for batch, found in self._batches():
            with self._database.reading() as session:
                own = preferences.of_reports(session, self._label_set, batch)
            for preference in sorted(own, key=lambda each: each.key):
                if preference.key in found:
                    yield found[preference.key], preference

    def reading(self) -> AbstractContextManager[Session]:
        """A look at the file, for the other services."""
        return self._database.reading()

    def _entry(self, session: Session, key: int) -> Entry:
        found = reports.entries(session, self._label_set, [key])
        if not found:
            raise LibraryError("The report is no longer in the library.")
        return found[0]

    def _batches(self) -> Iterator[tuple[list[int], dict[int, Report]]]:
        last = 0
        while True:
            with self._database.reading() as session:
                keys = reports.keys_after(session, last, _BATCH)
                found = reports.get(session, keys)
            if not keys:
                return
            yield keys, {key: found[key] for key in keys}
            last = keys[-1]

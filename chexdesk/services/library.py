"""The library: all reports with their predictions and reviews, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet, chexpert14
from chexdesk.reports.report import Report
from chexdesk.store.records import Counts, Detail, Entry, ReviewStatus, StoreError

__all__ = [
    "Change",
    "Counts",
    "Detail",
    "Entry",
    "Library",
    "LibraryError",
    "ReviewStatus",
    "StoreError",
]


class LibraryError(RuntimeError):
    """An operation makes no sense as things stand; the message is for the user."""


@dataclass(frozen=True)
class Change:
    """What an operation did.

    Attributes:
        keys: the entries to show anew (for an addition: all that were given, old and new).
        what: words for the status bar and the undo command.
    """

    keys: frozenset[int]
    what: str


class Library:
    """Reports, predictions and reviews in one file. May be called from any thread."""

    @staticmethod
    def open(
        path: Path | None = None, label_set: LabelSet | None = None, reviewer: str = ""
    ) -> Library:
        """Open the library, making its file where there is none.

        Args:
            path: the file; `chexdesk.sqlite3` in the user's folder where None.
            label_set: the findings it is about; the default label set where None.
            reviewer: who corrects and accepts; the name of the OS user where "".

        Raises:
            StoreError: the file is no library, is damaged, is locked, or is of a newer version.
        """
        raise NotImplementedError

    @property
    def path(self) -> Path:
        """The file."""
        raise NotImplementedError

    @property
    def label_set(self) -> LabelSet:
        """The findings it is about."""
        return chexpert14()

    @property
    def reviewer(self) -> str:
        """Who corrects and accepts."""
        raise NotImplementedError

    def entries(self) -> list[Entry]:
        """All reports, in the order in which they were added."""
        raise NotImplementedError

    def entry(self, key: int) -> Entry:
        """One line of the list. Raises LibraryError where the report is gone."""
        raise NotImplementedError

    def detail(self, key: int, model: ModelId | None = None) -> Detail:
        """One report with its decisions. Raises LibraryError where the report is gone."""
        raise NotImplementedError

    def counts(self) -> Counts:
        """How many reports there are, and how many are labelled, accepted, corrected."""
        raise NotImplementedError

    def add_reports(self, reports: Iterable[Report]) -> Change:
        """Add reports; one with the same id and text as an old one is not added again."""
        raise NotImplementedError

    def unlabelled(self, model: ModelId) -> list[tuple[int, Report]]:
        """The usable reports that the model has not labelled, with their keys, in order."""
        raise NotImplementedError

    def save_predictions(self, pairs: Iterable[tuple[int, Prediction]]) -> Change:
        """Keep predictions by report key; a second one of the same model changes nothing."""
        raise NotImplementedError

    def correct(self, key: int, finding: int, certainty: Certainty) -> Change:
        """Set one decision by hand. Undoable. Raises LibraryError where the report is gone."""
        raise NotImplementedError

    def accept(self, key: int) -> Change:
        """Accept a report's decisions. Undoable. Raises LibraryError where it has none."""
        raise NotImplementedError

    def set_note(self, key: int, note: str) -> Change:
        """Set the note on a report; its status stays. Undoable."""
        raise NotImplementedError

    def remove_reports(self, keys: Iterable[int]) -> Change:
        """Delete reports with all that hangs on them. Cannot be undone."""
        raise NotImplementedError

    def clear(self) -> Change:
        """Delete all reports. Cannot be undone."""
        raise NotImplementedError

    @property
    def can_undo(self) -> bool:
        """Whether `undo` has something to do."""
        raise NotImplementedError

    @property
    def can_redo(self) -> bool:
        """Whether `redo` has something to do."""
        raise NotImplementedError

    def undo(self) -> Change | None:
        """Take back the last undoable operation; None where there is none.

        Raises:
            LibraryError: the report was changed elsewhere in the meantime; nothing was undone.
        """
        raise NotImplementedError

    def redo(self) -> Change | None:
        """Do again what was undone last; None where there is nothing. Raises as `undo` does."""
        raise NotImplementedError

    def export_rows(
        self,
    ) -> Iterator[tuple[Report, Prediction, tuple[Certainty, ...], ReviewStatus]]:
        """Every report in order, with prediction, decisions as they stand, and status.

        A report without a prediction comes with a failed one that says so.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give back the file. Closing twice is harmless."""
        raise NotImplementedError

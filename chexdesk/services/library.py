"""The library: all reports with their predictions and reviews, and what can be done with them.

Queries read and change nothing. Operations change something, are stored when they return, and say
what they changed. Both may be called from any thread; those that write wait for one another.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock
from typing import Final

from chexdesk import paths
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet, chexpert14
from chexdesk.reports.report import Report
from chexdesk.services import disagreements as words
from chexdesk.services.passphrase import from_environment
from chexdesk.services.queries import Queries
from chexdesk.services.queues import Queues
from chexdesk.services.undo import (
    Change,
    History,
    LibraryError,
    ReviewOperation,
    State,
    acceptance,
    annotation,
    correction,
    flagging,
)
from chexdesk.store import audit, predictions, preferences, reports, reviews, standings
from chexdesk.store.cipher import NeedsPassphrase
from chexdesk.store.database import Database, Session, open_database
from chexdesk.store.records import (
    Counts,
    Detail,
    Entry,
    Preference,
    ReviewStatus,
    StoreError,
)
from chexdesk.store.values import chunks, storable

__all__ = [
    "Change",
    "Counts",
    "Detail",
    "Entry",
    "Library",
    "LibraryError",
    "NeedsPassphrase",
    "Preference",
    "ReviewStatus",
    "StoreError",
]

#: The file's name in the user's folder.
FILE_NAME: Final = "chexdesk.sqlite3"

#: Reports in one transaction: a write lock is never held for long, whoever feeds the iterable.
_BATCH: Final = 256


class Library(Queries):
    """Reports, predictions and reviews in one file."""

    def __init__(self, database: Database, label_set: LabelSet, reviewer: str) -> None:
        super().__init__(database, label_set)
        self._reviewer = reviewer
        self._history = History()
        self.queues = Queues(database, label_set)
        # Keeps the stacks in step with the file when two threads of one window write.
        self._lock = RLock()

    @staticmethod
    def open(
        path: Path | None = None,
        label_set: LabelSet | None = None,
        reviewer: str = "",
        passphrase: str | None = None,
    ) -> Library:
        """Open the library, making its file where there is none.

        Args:
            path: the file; `chexdesk.sqlite3` in the user's folder where None.
            label_set: the findings it is about; the default label set where None.
            reviewer: who corrects and accepts; the name of the OS user where "".
            passphrase: of an encrypted file; the environment's where None (see `passphrase`).

        Raises:
            NeedsPassphrase: the file is encrypted, and the passphrase is missing or wrong.
            StoreError: the file is no library, is damaged, is locked, or is of a newer version.
        """
        secret = from_environment() if passphrase is None else passphrase
        database = open_database(path or paths.home() / FILE_NAME, passphrase=secret)
        library = Library(database, label_set or chexpert14(), reviewer or os_user())
        try:
            library._complete_standings()
        except BaseException:
            database.close()
            raise
        return library

    @property
    def reviewer(self) -> str:
        """Who corrects and accepts."""
        return self._reviewer

    def add_reports(self, given: Iterable[Report]) -> Change:
        """Add reports; one with the same id and text as an old one is not added again.

        They are stored in batches: where the iterable raises, those before are in.
        """
        keys: set[int] = set()
        added = 0
        for batch in chunks(given, _BATCH):
            with self._writing() as session:
                own, new = reports.add(session, batch)
                if new:
                    standings.refresh(session, self._label_set, own)
                    audit.append(session, self._reviewer, audit.Event("add", new=str(new)))
            keys.update(own)
            added += new
        old = len(keys) - added
        known = f" ({old} already there)" if old else ""
        return Change(frozenset(keys), f"{_number(added)} added{known}")

    def save_predictions(self, pairs: Iterable[tuple[int, Prediction]]) -> Change:
        """Keep predictions by report key; a second one of the same model changes nothing.

        Only a failed one gives way to a later one. Reviews are never touched. Stored in batches,
        as `add_reports` does.

        Raises:
            ValueError: a prediction does not fit the label set.
        """
        keys: set[int] = set()
        for batch in chunks(pairs, _BATCH):
            differing = self._compare(batch)
            with self._writing() as session:
                own = predictions.save(session, self._label_set, batch, differing)
                for model in {p.model for key, p in batch if key in own}:
                    number = sum(p.model == model for key, p in batch if key in own)
                    event = audit.Event("label", new=str(number), model=audit.model_words(model))
                    audit.append(session, self._reviewer, event)
            keys |= own
        return Change(frozenset(keys), f"{_number(len(keys))} labelled")

    def correct(self, key: int, finding: int, certainty: Certainty) -> Change:
        """Set one decision by hand; the report counts as corrected from then on. Undoable.

        To set what stands already changes nothing.

        Raises:
            LibraryError: the report is gone.
            IndexError: the label set has no finding at that place.
        """
        return self._operate(key, lambda state: correction(state, finding, certainty))

    def accept(self, key: int) -> Change:
        """Accept a report's decisions. Undoable.

        A report whose corrections differ from a prediction stays corrected.

        Raises:
            LibraryError: the report is gone, or has no decisions yet.
        """
        return self._operate(key, acceptance)

    def set_note(self, key: int, note: str) -> Change:
        """Set the note on a report; its status stays. Undoable.

        Raises:
            LibraryError: the report is gone.
        """
        return self._operate(key, lambda state: annotation(state, storable(note)))

    def set_flag(self, key: int, flagged: bool) -> Change:
        """Mark a report for a second look, or take the mark away; its status stays. Undoable.

        Raises:
            LibraryError: the report is gone.
        """
        return self._operate(key, lambda state: flagging(state, flagged))

    def compare_with_words(self) -> Change:
        """Compare some predictions of an older version's file with what the words say by rule.

        Returns:
            The reports it was done for; none once there is nothing left to do.
        """
        if not words.comparable(self._label_set):
            return Change(frozenset(), "Nothing to compare with")
        with self._database.reading() as session:
            pending = dict(predictions.uncompared(session, self._label_set, _BATCH))
            found = predictions.load(session, self._label_set, list(pending))
            texts = reports.get(session, pending.values())
        numbers = {
            number: words.disagreements(
                texts[pending[number]].text, prediction.certainties, self._label_set
            )
            for number, prediction in found.items()
        }
        keys = frozenset(pending.values())
        if numbers:
            with self._writing() as session:
                predictions.set_disagreements(session, self._label_set, numbers, keys)
        return Change(keys, f"{_number(len(keys))} compared with their words")

    def prefer(self, preference: Preference, model: ModelId | None = None) -> Change:
        """Keep a choice between two sets of decisions, or an expert's ranking of them.

        Corrections need no call: they are kept as they are made.

        Args:
            model: the one whose decisions were rejected, where there is one.

        Raises:
            LibraryError: the report is gone.
            ValueError: the decisions do not fit the label set, or the source is none of `choice`
                and `expert`.
        """
        if preference.source not in ("choice", "expert"):
            raise ValueError(f"{preference.source!r} is no source of a preference given by hand")
        with self._writing() as session:
            self._entry(session, preference.key)
            preferences.add(session, self._label_set, preference, model)
            event = audit.Event(
                "prefer", preference.key, new=preference.source, model=audit.model_words(model)
            )
            audit.append(session, self._reviewer, event)
        return Change(frozenset([preference.key]), "Preference kept")

    def remove_reports(self, keys: Iterable[int]) -> Change:
        """Delete reports with all that hangs on them. Cannot be undone."""
        return self._remove(list(keys))

    def clear(self) -> Change:
        """Delete all reports. Cannot be undone."""
        return self._remove(None)

    @property
    def can_undo(self) -> bool:
        """Whether `undo` has something to do."""
        return bool(self._history.done)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` has something to do."""
        return bool(self._history.undone)

    def undo(self) -> Change | None:
        """Take back the last undoable operation of this library; None where there is none.

        Raises:
            LibraryError: the report was changed elsewhere in the meantime; nothing was undone, and
                its operations are forgotten.
        """
        with self._lock:
            if not self._history.done:
                return None
            operation = self._history.done[-1]
            with self._forgetting(operation), self._writing() as session:
                operation.revert(session, self._reviewer)
            self._history.undone.append(self._history.done.pop())
            return Change(frozenset([operation.key]), f"Undone: {operation.what}")

    def redo(self) -> Change | None:
        """Do again what was undone last; None where there is nothing. Raises as `undo` does."""
        with self._lock:
            if not self._history.undone:
                return None
            operation = self._history.undone[-1]
            with self._forgetting(operation), self._writing() as session:
                operation.apply(session, self._reviewer, again=True)
            self._history.done.append(self._history.undone.pop())
            return Change(frozenset([operation.key]), f"Done again: {operation.what}")

    def close(self) -> None:
        """Give back the file. Closing twice is harmless."""
        self._database.close()

    @property
    def database(self) -> Database:
        """The open file itself, for `chexdesk.services.upkeep`."""
        return self._database

    def writing(self) -> AbstractContextManager[Session]:
        """A transaction, for the other services; it waits for this library's other writers."""
        return self._writing()

    def _operate(self, key: int, make: Callable[[State], ReviewOperation | str]) -> Change:
        with self._lock:
            with self._writing() as session:
                made = make(self._state(session, key))
                if isinstance(made, str):
                    return Change(frozenset(), made)
                made.apply(session, self._reviewer)
            # Only now: what could not be committed must not be undoable.
            self._history.push(made)
            return Change(frozenset([key]), made.what)

    def _state(self, session: Session, key: int) -> State:
        self._entry(session, key)
        return State(
            key=key,
            label_set=self._label_set,
            reviewer=self._reviewer,
            review=reviews.get(session, self._label_set, [key]).get(key),
            predictions=tuple(predictions.of_report(session, self._label_set, key)),
        )

    def _complete_standings(self) -> None:
        """Make the standings that an older file, or one of another label set, lacks."""
        while True:
            with self._database.reading() as session:
                if not standings.missing(session, self._label_set, 1):
                    return
            with self._writing() as session:
                keys = standings.missing(session, self._label_set, _BATCH)
                standings.refresh(session, self._label_set, keys)

    def _compare(self, pairs: list[tuple[int, Prediction]]) -> dict[tuple[int, ModelId], int]:
        """How many findings of each prediction the words read otherwise, where that is known."""
        if not words.comparable(self._label_set):
            return {}
        with self._database.reading() as session:
            texts = reports.get(session, {key for key, _ in pairs})
        return {
            (key, each.model): words.disagreements(
                texts[key].text, each.certainties, self._label_set
            )
            for key, each in pairs
            if key in texts and not each.error and len(each.certainties) == len(self._label_set)
        }

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._lock, self._database.writing() as session:
            yield session

    @contextmanager
    def _forgetting(self, operation: ReviewOperation) -> Iterator[None]:
        try:
            yield
        except LibraryError:
            self._history.forget({operation.key})
            raise

    def _remove(self, keys: list[int] | None) -> Change:
        with self._lock:
            with self._writing() as session:
                gone = frozenset(reports.remove(session, keys))
                each = [audit.Event("remove", report=key) for key in sorted(gone)]
                events = [audit.Event("clear", old=str(len(gone)))] if keys is None else each
                audit.append(session, self._reviewer, *events)
            self._history.forget(gone)
            self._database.scrub()
            return Change(gone, f"{_number(len(gone))} removed")


def _number(count: int) -> str:
    return "1 report" if count == 1 else f"{count:,} reports"


def os_user() -> str:
    """Who is logged in, as the reviewer's name where none is given."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"

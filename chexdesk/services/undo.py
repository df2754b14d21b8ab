"""Operations on reviews, and the two stacks that undo and redo them.

Each operation is one small value that knows what was there before and what after. It is only
carried out on the state it was made for: where another window or program has changed the review
meanwhile, nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.store import audit, predictions, preferences, reports, reviews
from chexdesk.store.database import Session
from chexdesk.store.records import Review, ReviewStatus


class LibraryError(RuntimeError):
    """An operation makes no sense as things stand; the message is for the user."""


@dataclass(frozen=True)
class Change:
    """What an operation did.

    Attributes:
        keys: the entries to show anew (for an addition: all that were given, old and new); none
            where everything was so already.
        what: words for the status bar and the undo command.
    """

    keys: frozenset[int]
    what: str


@dataclass(frozen=True)
class State:
    """What stands for one report before an operation.

    Attributes:
        reviewer: who is about to act.
        predictions: every model's, the newest last.
    """

    key: int
    label_set: LabelSet
    reviewer: str
    review: Review | None
    predictions: tuple[Prediction, ...]

    @property
    def model(self) -> ModelId | None:
        """The model whose prediction is shown."""
        return self.predictions[-1].model if self.predictions else None

    @property
    def decisions(self) -> tuple[Certainty, ...] | None:
        """The decisions shown."""
        return standing(self.review, self.predictions[-1] if self.predictions else None)


@dataclass(frozen=True)
class ReviewOperation:
    """A change of one report's review.

    Attributes:
        state: what stood before.
        after: the review from then on; None where there is none.
        action: the word for the audit log.
        what: words for a person.
    """

    state: State
    after: Review | None
    action: str
    what: str

    @property
    def key(self) -> int:
        """The report's key."""
        return self.state.key

    def apply(self, session: Session, who: str, again: bool = False) -> None:
        """Carry it out. Raises LibraryError where what stood before no longer stands."""
        action = f"redo {self.action}" if again else self.action
        self._move(session, who, self.state.review, self.after, action)

    def revert(self, session: Session, who: str) -> None:
        """Take it back. Raises LibraryError where what came after no longer stands."""
        self._move(session, who, self.after, self.state.review, f"undo {self.action}")

    def _move(
        self, session: Session, who: str, old: Review | None, new: Review | None, action: str
    ) -> None:
        label_set = self.state.label_set
        if not reports.entries(session, label_set, [self.key]):
            raise LibraryError("The report is no longer in the library.")
        if reviews.get(session, label_set, [self.key]).get(self.key) != old:
            raise LibraryError("The report was changed elsewhere in the meantime; it is left so.")
        reviews.put(session, label_set, self.key, new)
        known = predictions.of_report(session, label_set, self.key)
        preferences.follow_review(session, label_set, self.key, new, known)
        audit.append(session, who, *self._events(old, new, action))

    def _events(self, old: Review | None, new: Review | None, action: str) -> list[audit.Event]:
        model = audit.model_words(self.state.model)
        pairs = zip(self._decisions(old), self._decisions(new), strict=True)
        events = [
            audit.Event(action, self.key, name, was.value, becomes.value, model)
            for name, (was, becomes) in zip(self.state.label_set.names, pairs, strict=True)
            if was is not becomes
        ]
        if not events:
            was, becomes = status_of(old), status_of(new)
            events = [audit.Event(action, self.key, None, was.value, becomes.value, model)]
        return events

    def _decisions(self, review: Review | None) -> tuple[Certainty, ...]:
        if review is not None and review.decisions is not None:
            return review.decisions
        return self.state.decisions or _blank(self.state.label_set)


def correction(state: State, finding: int, certainty: Certainty) -> ReviewOperation | str:
    """The operation that sets one decision, or words where it stands already.

    Raises:
        IndexError: the label set has no finding at that place.
    """
    if not 0 <= finding < len(state.label_set):
        raise IndexError(f"{state.label_set.name} has no finding at place {finding}")
    name = state.label_set.names[finding]
    old = state.decisions or _blank(state.label_set)
    if old[finding] is certainty:
        return f"{name}: no change"
    new = (*old[:finding], certainty, *old[finding + 1 :])
    what = f"{name}: {old[finding].title} → {certainty.title}"
    return ReviewOperation(state, _reviewed(state, ReviewStatus.CORRECTED, new), "correct", what)


def acceptance(state: State) -> ReviewOperation | str:
    """The operation that accepts the decisions, or words where that says nothing new.

    Raises:
        LibraryError: there are no decisions.
    """
    if state.decisions is None:
        raise LibraryError("There are no labels to accept yet; label the report first.")
    status = status_of(state.review)
    usable = [p.certainties for p in state.predictions if not p.error]
    if status is ReviewStatus.ACCEPTED:
        return "Already accepted"
    # Where a model is contradicted, the pair against it must outlive the acceptance.
    if status is ReviewStatus.CORRECTED and {*usable} != {state.decisions}:
        return "Already corrected"
    after = _reviewed(state, ReviewStatus.ACCEPTED, state.decisions)
    return ReviewOperation(state, after, "accept", "Labels accepted")


def annotation(state: State, note: str) -> ReviewOperation | str:
    """The operation that sets the note, or words where it is the same."""
    before = state.review or Review(reviewer=state.reviewer)
    if note == before.note:
        return "Note: no change"
    after = replace(before, note=note)
    return ReviewOperation(state, None if after == Review() else after, "note", "Note changed")


def flagging(state: State, flagged: bool) -> ReviewOperation | str:
    """The operation that marks the report for a second look or takes the mark away."""
    before = state.review or Review(reviewer=state.reviewer)
    if flagged is before.flagged:
        return "Flag: no change"
    after = replace(before, flagged=flagged)
    what = "Flagged for a second look" if flagged else "Flag taken away"
    action = "flag" if flagged else "unflag"
    return ReviewOperation(state, None if after == Review() else after, action, what)


def standing(review: Review | None, prediction: Prediction | None) -> tuple[Certainty, ...] | None:
    """The decisions that count: the reviewed, else the predicted, else None."""
    if review is not None and review.decisions is not None:
        return review.decisions
    return None if prediction is None or prediction.error else prediction.certainties


def differences(
    one: tuple[Certainty, ...] | None, other: tuple[Certainty, ...] | None
) -> frozenset[int]:
    """The places where two sets of decisions differ; none where there is only one of them."""
    if one is None or other is None:
        return frozenset()
    return frozenset(
        place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a is not b
    )


def status_of(review: Review | None) -> ReviewStatus:
    """The status, for a report that may have no review."""
    return ReviewStatus.UNREVIEWED if review is None else review.status


@dataclass
class History:
    """What can be undone and what redone, the newest last."""

    done: list[ReviewOperation] = field(default_factory=list)
    undone: list[ReviewOperation] = field(default_factory=list)

    def push(self, operation: ReviewOperation) -> None:
        """Remember something just done; what was undone before it can no longer be redone."""
        self.done.append(operation)
        self.undone.clear()

    def forget(self, keys: Collection[int]) -> None:
        """Drop all operations on these reports."""
        self.done = [operation for operation in self.done if operation.key not in keys]
        self.undone = [operation for operation in self.undone if operation.key not in keys]


def _reviewed(state: State, status: ReviewStatus, decisions: tuple[Certainty, ...]) -> Review:
    before = state.review or Review()
    return replace(before, status=status, decisions=decisions, reviewer=state.reviewer)


def _blank(label_set: LabelSet) -> tuple[Certainty, ...]:
    return (Certainty.NOT_MENTIONED,) * len(label_set)

"""Reviews: what a person says of a report."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from chexdesk.labels import Certainty, LabelSet
from chexdesk.store import standings
from chexdesk.store.records import Review
from chexdesk.store.schema import ReviewDecisionRow, ReviewRow
from chexdesk.store.values import checked, chunks, now, ordered, storable


def get(session: Session, label_set: LabelSet, keys: Iterable[int]) -> dict[int, Review]:
    """The reviews of these reports; those without one are absent."""
    found: dict[int, Review] = {}
    for some in chunks(keys):
        heads = session.execute(
            select(
                ReviewRow.id,
                ReviewRow.report_id,
                ReviewRow.status,
                ReviewRow.note,
                ReviewRow.flagged,
                ReviewRow.reviewer,
            ).where(ReviewRow.report_id.in_(some), ReviewRow.label_set == label_set.name)
        ).all()
        decisions: dict[int, dict[str, Certainty]] = {}
        rows = select(
            ReviewDecisionRow.review_id, ReviewDecisionRow.finding, ReviewDecisionRow.certainty
        ).where(ReviewDecisionRow.review_id.in_([head.id for head in heads]))
        for number, finding, certainty in session.execute(rows):
            decisions.setdefault(number, {})[finding] = certainty
        for head in heads:
            own = decisions.get(head.id)
            found[head.report_id] = Review(
                head.status,
                None if own is None else ordered(label_set, own),
                head.note,
                head.flagged,
                head.reviewer,
            )
    return found


def put(session: Session, label_set: LabelSet, key: int, review: Review | None) -> None:
    """Make a report's review this one; None removes it.

    Raises:
        ValueError: its decisions are not one for each finding.
    """
    _put(session, label_set, key, review)
    standings.refresh(session, label_set, [key])


def _put(session: Session, label_set: LabelSet, key: int, review: Review | None) -> None:
    own = (ReviewRow.report_id == key, ReviewRow.label_set == label_set.name)
    if review is None:
        session.execute(delete(ReviewRow).where(*own))
        return
    row = session.scalars(select(ReviewRow).where(*own)).first()
    moment = now()
    if row is None:
        row = ReviewRow(report_id=key, label_set=label_set.name, created_at=moment)
        session.add(row)
    row.reviewer = storable(review.reviewer)
    row.status = review.status
    row.note = storable(review.note)
    row.flagged = review.flagged
    row.updated_at = moment
    session.flush()
    session.execute(delete(ReviewDecisionRow).where(ReviewDecisionRow.review_id == row.id))
    if review.decisions is not None:
        decisions = checked(label_set, review.decisions)
        session.execute(
            insert(ReviewDecisionRow),
            [
                {"review_id": row.id, "finding": name, "certainty": certainty}
                for name, certainty in zip(label_set.names, decisions, strict=True)
            ],
        )

"""How each report stands: derived from reports, predictions and reviews, for list and queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from chexdesk.labels import Certainty, LabelSet
from chexdesk.store.records import ReviewStatus
from chexdesk.store.schema import (
    PredictionDecisionRow,
    PredictionRow,
    ReportRow,
    ReviewDecisionRow,
    ReviewRow,
    StandingRow,
)
from chexdesk.store.values import chunks

#: One character for each finding in label order; "" stands for no decisions at all.
CODES: Final = {
    Certainty.POSITIVE: "+",
    Certainty.NEGATIVE: "-",
    Certainty.UNCERTAIN: "?",
    Certainty.NOT_MENTIONED: ".",
}


def refresh(session: Session, label_set: LabelSet, keys: Iterable[int]) -> None:
    """Make the standings of these reports anew; those of reports that are gone are passed over."""
    session.flush()
    for some in chunks(keys):
        rows = _derived(session, label_set, some)
        session.execute(
            delete(StandingRow).where(
                StandingRow.report_id.in_(some), StandingRow.label_set == label_set.name
            )
        )
        if rows:
            session.execute(insert(StandingRow), rows)


def missing(session: Session, label_set: LabelSet, limit: int) -> list[int]:
    """Some reports that have no standing: those of an older file, or of another label set."""
    have = select(StandingRow.report_id).where(StandingRow.label_set == label_set.name)
    query = select(ReportRow.id).where(ReportRow.id.not_in(have)).order_by(ReportRow.id)
    return list(session.scalars(query.limit(limit)))


def _derived(session: Session, label_set: LabelSet, keys: list[int]) -> list[dict[str, object]]:
    latest = (
        select(func.max(PredictionRow.id))
        .where(PredictionRow.report_id.in_(keys), PredictionRow.label_set == label_set.name)
        .group_by(PredictionRow.report_id)
    )
    predicted = {
        row.report_id: row
        for row in session.execute(
            select(
                PredictionRow.id,
                PredictionRow.report_id,
                PredictionRow.error,
                PredictionRow.doubt,
                PredictionRow.disagreements,
            ).where(PredictionRow.id.in_(latest))
        )
    }
    reviewed = {
        row.report_id: row
        for row in session.execute(
            select(
                ReviewRow.id,
                ReviewRow.report_id,
                ReviewRow.status,
                ReviewRow.flagged,
                (ReviewRow.note != "").label("noted"),
            ).where(ReviewRow.report_id.in_(keys), ReviewRow.label_set == label_set.name)
        )
    }
    says = _codes(
        label_set,
        session.execute(
            select(
                PredictionDecisionRow.prediction_id,
                PredictionDecisionRow.finding,
                PredictionDecisionRow.certainty,
            ).where(PredictionDecisionRow.prediction_id.in_(row.id for row in predicted.values()))
        ).all(),
    )
    decided = _codes(
        label_set,
        session.execute(
            select(
                ReviewDecisionRow.review_id, ReviewDecisionRow.finding, ReviewDecisionRow.certainty
            ).where(ReviewDecisionRow.review_id.in_(row.id for row in reviewed.values()))
        ).all(),
    )
    heads = select(ReportRow.id, (ReportRow.error == "").label("usable"))
    rows: list[dict[str, object]] = []
    for key, usable in session.execute(heads.where(ReportRow.id.in_(keys))):
        prediction, review = predicted.get(key), reviewed.get(key)
        labelled = prediction is not None and prediction.error == ""
        decisions = says.get(prediction.id, "") if prediction and labelled else ""
        rows.append(
            {
                "report_id": key,
                "label_set": label_set.name,
                "usable": usable,
                "labelled": labelled,
                "status": review.status if review else ReviewStatus.UNREVIEWED,
                "flagged": bool(review and review.flagged),
                "noted": bool(review and review.noted),
                "doubt": prediction.doubt if prediction else None,
                "disagreements": prediction.disagreements if prediction else None,
                "decisions": decided.get(review.id, decisions) if review else decisions,
                "error": prediction.error if prediction else "",
            }
        )
    return rows


def _codes(label_set: LabelSet, rows: Iterable[Row[int, str, Certainty]]) -> dict[int, str]:
    """The decisions of each parent as one string."""
    by_parent: dict[int, dict[str, str]] = {}
    for parent, finding, certainty in rows:
        by_parent.setdefault(parent, {})[finding] = CODES[certainty]
    blank = CODES[Certainty.NOT_MENTIONED]
    return {
        parent: "".join(own.get(name, blank) for name in label_set.names)
        for parent, own in by_parent.items()
    }

"""Aggregates for the overview, by SQL; none reads report text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Subquery,
    and_,
    case,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Session

from chexdesk.labels import LabelSet
from chexdesk.store.records import ReviewStatus
from chexdesk.store.schema import (
    AuditRow,
    PredictionDecisionRow,
    PredictionRow,
    ReviewDecisionRow,
    ReviewRow,
    StandingRow,
)

#: A longer gap between two reviewed reports is a pause, not work on the second.
PAUSE_SECONDS: Final = 600.0

_SECONDS_A_DAY: Final = 86_400.0
_REVIEWING: Final = ("accept", "correct")


def doubts(session: Session, label_set: LabelSet, bins: int) -> list[int]:
    """How many labelled reports have a doubt in each of `bins` equal parts of 0 to 1."""
    place = func.min(cast(StandingRow.doubt * bins, Integer), bins - 1)
    query = (
        select(place.label("place"), func.count().label("number"))
        .where(_known(label_set))
        .group_by("place")
    )
    numbers = [0] * bins
    for row in session.execute(query):
        numbers[row.place] = row.number
    return numbers


def with_doubt(session: Session, label_set: LabelSet, low: float, high: float) -> list[int]:
    """The reports whose doubt is at least `low` and below `high` (or 1, where that is the end)."""
    upper = StandingRow.doubt < high if high < 1 else StandingRow.doubt <= 1
    query = select(StandingRow.report_id).where(_known(label_set), StandingRow.doubt >= low, upper)
    return list(session.scalars(query))


def failed(session: Session, label_set: LabelSet) -> list[int]:
    """The reports that have no usable text, or where the model failed."""
    query = select(StandingRow.report_id).where(
        StandingRow.label_set == label_set.name,
        ~StandingRow.usable | (StandingRow.error != ""),
    )
    return list(session.scalars(query))


def with_status(session: Session, label_set: LabelSet, status: ReviewStatus) -> list[int]:
    """The usable reports of a status."""
    query = select(StandingRow.report_id).where(
        StandingRow.label_set == label_set.name,
        StandingRow.usable,
        StandingRow.error == "",
        StandingRow.status == status,
    )
    return list(session.scalars(query))


def agreement(session: Session, label_set: LabelSet) -> list[tuple[int, int]]:
    """For each finding in label order: decisions of reviewed reports alike, and all of them.

    The newest prediction of each report is held against its review.
    """
    pairs = _pairs(label_set)
    query = select(
        pairs.c.finding,
        func.sum(case((pairs.c.predicted == pairs.c.reviewed, 1), else_=0)).label("alike"),
        func.count().label("all"),
    ).group_by(pairs.c.finding)
    found = {row.finding: (row.alike, row.all) for row in session.execute(query)}
    return [found.get(name, (0, 0)) for name in label_set.names]


def disagreeing(session: Session, label_set: LabelSet, finding: str) -> list[int]:
    """The reviewed reports where model and reviewer differ on a finding."""
    pairs = _pairs(label_set)
    query = select(pairs.c.report).where(
        pairs.c.finding == finding, pairs.c.predicted != pairs.c.reviewed
    )
    return list(session.scalars(query))


def seconds(session: Session, edges: Sequence[float]) -> list[int]:
    """How many reports took how long: one number for each interval between two edges.

    The time of a report is that from the last touch of the one reviewed before it, by the same
    person, to its own last touch. Pauses do not count.
    """
    times = _times()
    numbers = []
    for low, high in pairwise(edges):
        numbers.append(func.coalesce(func.sum(case((_within(times, low, high), 1), else_=0)), 0))
    return list(session.execute(select(*numbers).select_from(times)).one())


def median_seconds(session: Session) -> float | None:
    """The middle of all times; None where there are none."""
    times = _times()
    usable = _within(times, 0.0, PAUSE_SECONDS)
    count = session.scalar(select(func.count()).select_from(times).where(usable)) or 0
    if not count:
        return None
    query = select(times.c.seconds).where(usable).order_by(times.c.seconds)
    return session.scalars(query.offset(count // 2).limit(1)).first()


def with_seconds(session: Session, low: float, high: float) -> list[int]:
    """The reports that took at least `low` and less than `high` seconds."""
    times = _times()
    return list(session.scalars(select(times.c.report).where(_within(times, low, high))))


def _known(label_set: LabelSet) -> ColumnElement[bool]:
    return and_(
        StandingRow.label_set == label_set.name,
        StandingRow.labelled,
        StandingRow.doubt.is_not(None),
    )


def _pairs(label_set: LabelSet) -> Subquery:
    """Report, finding, what the newest model says and what the review says."""
    newest = (
        select(func.max(PredictionRow.id).label("id"))
        .join(
            ReviewRow,
            and_(
                ReviewRow.report_id == PredictionRow.report_id,
                ReviewRow.label_set == PredictionRow.label_set,
                ReviewRow.status != ReviewStatus.UNREVIEWED,
            ),
        )
        .where(PredictionRow.label_set == label_set.name, PredictionRow.error == "")
        .group_by(PredictionRow.report_id)
        .subquery()
    )
    query = (
        select(
            PredictionRow.report_id.label("report"),
            PredictionDecisionRow.finding.label("finding"),
            PredictionDecisionRow.certainty.label("predicted"),
            ReviewDecisionRow.certainty.label("reviewed"),
        )
        .select_from(newest)
        .join(PredictionRow, PredictionRow.id == newest.c.id)
        .join(
            ReviewRow,
            and_(
                ReviewRow.report_id == PredictionRow.report_id,
                ReviewRow.label_set == PredictionRow.label_set,
            ),
        )
        .join(PredictionDecisionRow, PredictionDecisionRow.prediction_id == PredictionRow.id)
        .join(
            ReviewDecisionRow,
            and_(
                ReviewDecisionRow.review_id == ReviewRow.id,
                ReviewDecisionRow.finding == PredictionDecisionRow.finding,
            ),
        )
    )
    return query.subquery()


def _times() -> Subquery:
    """Report and seconds since the same person's report before; NULL for a person's first."""
    touched = (
        select(
            AuditRow.who.label("who"),
            AuditRow.report.label("report"),
            func.max(AuditRow.id).label("last"),
            func.max(func.julianday(AuditRow.at)).label("day"),
        )
        .where(AuditRow.action.in_(_REVIEWING), AuditRow.report.is_not(None))
        .group_by(AuditRow.who, AuditRow.report)
        .subquery()
    )
    before = func.lag(touched.c.day).over(partition_by=touched.c.who, order_by=touched.c.last)
    return select(
        touched.c.report, ((touched.c.day - before) * _SECONDS_A_DAY).label("seconds")
    ).subquery()


def _within(times: Subquery, low: float, high: float) -> ColumnElement[bool]:
    return and_(times.c.seconds >= low, times.c.seconds < high)

"""Comparisons: which reports to ask about, what was answered, and what the answers are worth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from chexdesk.labels import LabelSet
from chexdesk.store import preferences
from chexdesk.store.records import ReviewStatus
from chexdesk.store.schema import (
    PredictionDecisionRow,
    PredictionRow,
    PreferenceDecisionRow,
    PreferenceRow,
    ReportRow,
    ReviewDecisionRow,
    ReviewRow,
    StandingRow,
)

CHOICE: Final = "choice"
#: Neither was better. Kept with weight 0: it says that the pair was asked, and is never exported.
NEITHER: Final = "neither"
ASKED: Final = (CHOICE, NEITHER)


@dataclass(frozen=True)
class PairTally:
    """How many pairs there are, and how far the answers bear each other out.

    Attributes:
        by_source: rows by their source (`correction`, `choice`, `expert`, `neither`).
        repeated: pairs that were asked twice. same: of those, answered alike both times.
        reviewed: choices about reports that were also reviewed, where the review is nearer to one
            of the two. borne_out: of those, nearer to the chosen one.
        reports: reviewed reports, accepted or corrected.
    """

    by_source: dict[str, int]
    repeated: int
    same: int
    reviewed: int
    borne_out: int
    reports: int


def unasked(
    session: Session, label_set: LabelSet, passed_over: Collection[int], limit: int
) -> list[int]:
    """Labelled reports about which nothing was asked yet, the most doubtful first.

    Args:
        passed_over: keys that are not wanted.
    """
    query = (
        select(StandingRow.report_id)
        .where(
            StandingRow.label_set == label_set.name,
            StandingRow.labelled,
            ~_asked(label_set, StandingRow.report_id),
        )
        .order_by(func.coalesce(StandingRow.doubt, 0.0).desc(), StandingRow.report_id)
        .limit(limit + len(passed_over))
    )
    return [key for key in session.scalars(query) if key not in passed_over][:limit]


def unasked_between_models(
    session: Session, label_set: LabelSet, passed_over: Collection[int], limit: int
) -> list[int]:
    """Of `unasked`, in order of adding, those of which two models say something different."""
    one, other = aliased(PredictionRow), aliased(PredictionRow)
    here, there = aliased(PredictionDecisionRow), aliased(PredictionDecisionRow)
    differ = exists().where(
        one.report_id == ReportRow.id,
        other.report_id == ReportRow.id,
        one.id < other.id,
        one.label_set == label_set.name,
        other.label_set == label_set.name,
        one.error == "",
        other.error == "",
        here.prediction_id == one.id,
        there.prediction_id == other.id,
        here.finding == there.finding,
        here.certainty != there.certainty,
    )
    query = (
        select(ReportRow.id)
        .where(differ, ~_asked(label_set, ReportRow.id))
        .order_by(ReportRow.id)
        .limit(limit + len(passed_over))
    )
    return [key for key in session.scalars(query) if key not in passed_over][:limit]


def forget(session: Session, number: int) -> bool:
    """Delete an answer. False where it was gone already."""
    query = delete(PreferenceRow).where(PreferenceRow.id == number).returning(PreferenceRow.id)
    return session.scalars(query).first() is not None


def tally(session: Session, label_set: LabelSet) -> PairTally:
    """Count pairs and agreement; a handful of queries, none of which reads report text."""
    counts = session.execute(
        select(PreferenceRow.source, func.count().label("number"))
        .where(PreferenceRow.label_set == label_set.name)
        .group_by(PreferenceRow.source)
    )
    by_source = {row.source: row.number for row in counts}
    repeated, same = _repeats(session, label_set)
    reviewed, borne_out = _against_reviews(session, label_set)
    reports = session.scalar(
        select(func.count())
        .select_from(ReviewRow)
        .where(ReviewRow.label_set == label_set.name, ReviewRow.status != ReviewStatus.UNREVIEWED)
    )
    return PairTally(by_source, repeated, same, reviewed, borne_out, reports or 0)


def _asked(label_set: LabelSet, report: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return exists().where(
        PreferenceRow.report_id == report,
        PreferenceRow.label_set == label_set.name,
        PreferenceRow.source.in_(ASKED),
    )


def _repeats(session: Session, label_set: LabelSet) -> tuple[int, int]:
    """Repeated reports, and those answered alike; a report is only ever asked of one pair."""
    twice = session.scalars(
        select(PreferenceRow.report_id)
        .where(PreferenceRow.label_set == label_set.name, PreferenceRow.source.in_(ASKED))
        .group_by(PreferenceRow.report_id)
        .having(func.count() > 1)
    )
    answers: dict[int, set[object]] = {}
    for answer in preferences.of_reports(session, label_set, twice):
        if answer.source in ASKED:
            said = answer.chosen if answer.source == CHOICE else NEITHER
            answers.setdefault(answer.key, set()).add(said)
    return len(answers), sum(len(different) == 1 for different in answers.values())


def _against_reviews(session: Session, label_set: LabelSet) -> tuple[int, int]:
    nearer = func.sum(
        case((PreferenceDecisionRow.chosen == ReviewDecisionRow.certainty, 1), else_=0)
        - case((PreferenceDecisionRow.rejected == ReviewDecisionRow.certainty, 1), else_=0)
    )
    each = (
        select(nearer.label("nearer"))
        .select_from(PreferenceRow)
        .join(PreferenceDecisionRow)
        .join(
            ReviewRow,
            and_(
                ReviewRow.report_id == PreferenceRow.report_id,
                ReviewRow.label_set == PreferenceRow.label_set,
                ReviewRow.status != ReviewStatus.UNREVIEWED,
            ),
        )
        .join(
            ReviewDecisionRow,
            and_(
                ReviewDecisionRow.review_id == ReviewRow.id,
                ReviewDecisionRow.finding == PreferenceDecisionRow.finding,
            ),
        )
        .where(PreferenceRow.label_set == label_set.name, PreferenceRow.source == CHOICE)
        .group_by(PreferenceRow.id)
        .subquery()
    )
    row = session.execute(
        select(
            func.coalesce(func.sum(case((each.c.nearer != 0, 1), else_=0)), 0),
            func.coalesce(func.sum(case((each.c.nearer > 0, 1), else_=0)), 0),
        ).select_from(each)
    ).one()
    return row[0], row[1]

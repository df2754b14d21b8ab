"""Reports: added once, listed, removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId
from chexdesk.labels import LabelSet
from chexdesk.reports.report import Report
from chexdesk.store.records import Counts, Entry, ReviewStatus
from chexdesk.store.schema import ModelRow, PredictionRow, ReportRow, ReviewRow
from chexdesk.store.values import chunks, now, storable


def add(session: Session, reports: Sequence[Report]) -> tuple[list[int], int]:
    """Add those that are new by id and text.

    Returns:
        The key of each report in turn, old or new, and how many were new.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    identities = []
    for report in reports:
        name, text = storable(report.id), storable(report.text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        identities.append((name, digest))
        row = {
            "external_id": name,
            "text": text,
            "source": storable(report.source),
            "sha256": digest,
            "added_at": now(),
            "error": storable(report.error),
        }
        rows.setdefault((name, digest), row)
    old = _known(session, rows)
    new = [row for identity, row in rows.items() if identity not in old]
    if new:
        session.execute(insert(ReportRow), new)
    keys = _known(session, rows)
    return [keys[identity] for identity in identities], len(new)


def get(session: Session, keys: Iterable[int]) -> dict[int, Report]:
    """The reports of these keys, as far as there are any."""
    found = {}
    for some in chunks(keys):
        for row in session.execute(_columns().where(ReportRow.id.in_(some))):
            found[row.id] = Report(row.external_id, row.text, row.source, row.error)
    return found


def keys_after(session: Session, key: int, limit: int) -> list[int]:
    """The next keys in order; for walking through all without holding all."""
    query = select(ReportRow.id).where(ReportRow.id > key).order_by(ReportRow.id).limit(limit)
    return list(session.scalars(query))


def entries(session: Session, label_set: LabelSet, key: int | None = None) -> list[Entry]:
    """All entries in order of adding, or the one of a key; a single query."""
    query = (
        select(
            ReportRow.id,
            ReportRow.external_id,
            ReportRow.source,
            ReportRow.error,
            PredictionRow.error,
            PredictionRow.doubt,
            ReviewRow.status,
        )
        .outerjoin(PredictionRow, PredictionRow.id == latest_prediction(label_set))
        .outerjoin(ReviewRow, _review_of_report(label_set))
        .order_by(ReportRow.id)
    )
    if key is not None:
        query = query.where(ReportRow.id == key)
    return [
        Entry(
            key=number,
            id=name,
            source=source,
            status=status or ReviewStatus.UNREVIEWED,
            labelled=failure == "",
            doubt=doubt,
            error=error or failure or "",
        )
        for number, name, source, error, failure, doubt, status in session.execute(query)
    ]


def counts(session: Session, label_set: LabelSet) -> Counts:
    """The totals."""

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = (
        select(
            func.count(ReportRow.id),
            number(PredictionRow.error == ""),
            number(ReviewRow.status == ReviewStatus.ACCEPTED),
            number(ReviewRow.status == ReviewStatus.CORRECTED),
        )
        .select_from(ReportRow)
        .outerjoin(PredictionRow, PredictionRow.id == latest_prediction(label_set))
        .outerjoin(ReviewRow, _review_of_report(label_set))
    )
    return Counts(*session.execute(query).one())


def unlabelled(session: Session, label_set: LabelSet, model: ModelId) -> list[tuple[int, Report]]:
    """The usable reports without a successful prediction of this model, in order."""
    done = exists().where(
        PredictionRow.report_id == ReportRow.id,
        PredictionRow.label_set == label_set.name,
        PredictionRow.error == "",
        PredictionRow.model_id == ModelRow.id,
        ModelRow.name == model.name,
        ModelRow.sha256 == model.sha256,
        ModelRow.version == model.version,
    )
    query = _columns().where(ReportRow.error == "", ~done).order_by(ReportRow.id)
    return [
        (row.id, Report(row.external_id, row.text, row.source, row.error))
        for row in session.execute(query)
    ]


def remove(session: Session, keys: Iterable[int] | None = None) -> list[int]:
    """Delete reports (all where None) with their predictions, reviews and preferences.

    Returns:
        The keys of those that were there.
    """
    if keys is None:
        return list(session.scalars(delete(ReportRow).returning(ReportRow.id)))
    gone: list[int] = []
    for some in chunks(keys):
        query = delete(ReportRow).where(ReportRow.id.in_(some)).returning(ReportRow.id)
        gone.extend(session.scalars(query))
    return gone


def _known(session: Session, identities: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    # By id alone: for a list of pairs SQLite would walk the whole table.
    keys: dict[tuple[str, str], int] = {}
    for some in chunks(identities):
        query = select(ReportRow.external_id, ReportRow.sha256, ReportRow.id).where(
            ReportRow.external_id.in_({name for name, _ in some})
        )
        keys.update({(name, digest): key for name, digest, key in session.execute(query)})
    return keys


def latest_prediction(label_set: LabelSet) -> ScalarSelect[int]:
    """The id of the newest prediction of the `ReportRow` around it."""
    return (
        select(func.max(PredictionRow.id))
        .where(PredictionRow.report_id == ReportRow.id, PredictionRow.label_set == label_set.name)
        .correlate(ReportRow)
        .scalar_subquery()
    )


def _review_of_report(label_set: LabelSet) -> ColumnElement[bool]:
    return and_(ReviewRow.report_id == ReportRow.id, ReviewRow.label_set == label_set.name)


def _columns() -> Select[int, str, str, str, str]:
    return select(
        ReportRow.id, ReportRow.external_id, ReportRow.text, ReportRow.source, ReportRow.error
    )

"""Reports: added once, listed, removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
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
from sqlalchemy.sql.elements import SQLCoreOperations

from chexdesk.labeling.labeler import ModelId
from chexdesk.labels import LabelSet
from chexdesk.reports.report import Report
from chexdesk.store import search
from chexdesk.store.records import Counts, Entry, ReviewStatus
from chexdesk.store.schema import ModelRow, PredictionRow, ReportRow, StandingRow
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


def entries(
    session: Session, label_set: LabelSet, keys: Sequence[int] | None = None
) -> list[Entry]:
    """All entries, or those of some keys as far as there are any, in order of adding."""
    query = (
        select(
            ReportRow.id,
            ReportRow.external_id,
            ReportRow.source,
            ReportRow.error,
            StandingRow.status,
            StandingRow.labelled,
            StandingRow.doubt,
            StandingRow.error,
            StandingRow.flagged,
            StandingRow.noted,
        )
        .outerjoin(
            StandingRow,
            and_(StandingRow.report_id == ReportRow.id, StandingRow.label_set == label_set.name),
        )
        .order_by(ReportRow.id)
    )
    if keys is None:
        return [_entry(row) for row in session.execute(query)]
    return [
        _entry(row)
        for some in chunks(sorted(set(keys)))
        for row in session.execute(query.where(ReportRow.id.in_(some)))
    ]


def counts(session: Session, label_set: LabelSet) -> Counts:
    """The totals."""

    def number(condition: SQLCoreOperations[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        func.count(),
        number(StandingRow.labelled),
        number(StandingRow.status == ReviewStatus.ACCEPTED),
        number(StandingRow.status == ReviewStatus.CORRECTED),
    ).where(StandingRow.label_set == label_set.name)
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
    gone: list[int] = []
    if keys is None:
        gone.extend(session.scalars(delete(ReportRow).returning(ReportRow.id)))
    else:
        for some in chunks(keys):
            query = delete(ReportRow).where(ReportRow.id.in_(some)).returning(ReportRow.id)
            gone.extend(session.scalars(query))
    if gone:
        search.forget(session)
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


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    number, name, source, error, status, labelled, doubt, failure, flagged, noted = row
    return Entry(
        key=number,
        id=name,
        source=source,
        status=status or ReviewStatus.UNREVIEWED,
        labelled=bool(labelled),
        doubt=doubt,
        error=error or failure or "",
        flagged=bool(flagged),
        noted=bool(noted),
    )


def _columns() -> Select[int, str, str, str, str]:
    return select(
        ReportRow.id, ReportRow.external_id, ReportRow.text, ReportRow.source, ReportRow.error
    )

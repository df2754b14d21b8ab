"""The audit log: append-only, each row chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId
from chexdesk.store.schema import AuditRow
from chexdesk.store.values import now, storable

#: What the first row is chained to.
GENESIS: Final = "0" * 64


@dataclass(frozen=True)
class Event:
    """One thing that was done.

    Attributes:
        action: a word or two, such as `correct` or `undo correct`.
        report: the report's key, or None for what concerns many.
        old, new: certainties, statuses or counts in words; never report text, never a note's.
        model: `name@sha256` of the model whose prediction was before the reviewer.
    """

    action: str
    report: int | None = None
    finding: str | None = None
    old: str | None = None
    new: str | None = None
    model: str | None = None


def model_words(model: ModelId | None) -> str | None:
    """How the log names a model."""
    return None if model is None else f"{model.name}@{model.sha256}"


def append(session: Session, who: str, *events: Event) -> None:
    """Write events at the end of the log, within the transaction that does what they say."""
    last = select(AuditRow.hash).order_by(AuditRow.id.desc()).limit(1)
    previous = session.scalars(last).first() or GENESIS
    who = storable(who)
    rows = []
    for event in events:
        at = now()
        own = _hash(previous, at, who, event)
        rows.append(
            {"at": at, "who": who, **vars(event), "prev_hash": previous, "hash": own},
        )
        previous = own
    if rows:
        session.execute(insert(AuditRow), rows)


def events(session: Session, report: int | None = None) -> list[tuple[datetime, str, Event]]:
    """When, who, what: the whole log in order, or what concerns one report."""
    query = select(AuditRow).order_by(AuditRow.id)
    if report is not None:
        query = query.where(AuditRow.report == report)
    return [(row.at, row.who, _event(row)) for row in session.scalars(query)]


def first_break(session: Session) -> int | None:
    """The number of the first row that does not fit the chain; None where all is whole.

    It finds rows that were changed, removed from the middle or put in. Rows cut off at the end
    leave a shorter chain that is whole.
    """
    previous = GENESIS
    for row in session.scalars(
        select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=500)
    ):
        own = _hash(previous, row.at, row.who, _event(row))
        if row.prev_hash != previous or row.hash != own:
            return row.id
        previous = own
    return None


def _event(row: AuditRow) -> Event:
    return Event(row.action, row.report, row.finding, row.old, row.new, row.model)


def _hash(previous: str, at: datetime, who: str, event: Event) -> str:
    fields = [previous, at.isoformat(timespec="microseconds"), who, *vars(event).values()]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()

"""The audit log: append-only, each row chained to the one before by its hash.

Triggers keep the app from changing it. Whoever changes the file by other means breaks the chain, or
parts it from its anchor (`chexdesk.store.anchor`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId
from chexdesk.store import anchor
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
    last = anchor.last(session)
    number, previous = (0, GENESIS) if last is None else (last.row, last.hash)
    who = storable(who)
    rows = []
    for event in events:
        at = now()
        number += 1
        own = _hash(previous, at, who, event)
        rows.append(
            {"id": number, "at": at, "who": who, **vars(event), "prev_hash": previous, "hash": own},
        )
        previous = own
    if rows:
        session.execute(insert(AuditRow), rows)
        anchor.move(session, anchor.Anchor(number, previous))


def events(session: Session, report: int | None = None) -> list[tuple[datetime, str, Event]]:
    """When, who, what: the whole log in order, or what concerns one report."""
    query = select(AuditRow).order_by(AuditRow.id)
    if report is not None:
        query = query.where(AuditRow.report == report)
    return [(row.at, row.who, _event(row)) for row in session.scalars(query)]


def first_break(session: Session) -> int | None:
    """The number of the first row that does not fit the chain; None where all is whole.

    It finds rows that were changed, removed from the middle, reordered or put in. Rows cut off at
    the end leave a shorter chain that is whole; see `verify`.
    """
    return _follow(session)[1]


@dataclass(frozen=True)
class Verdict:
    """What became of the log.

    Attributes:
        rows: how many there are.
        last: the last row and its hash; None for an empty log.
        faults: what is wrong, in words; empty where all is whole.
    """

    rows: int
    last: anchor.Anchor | None
    faults: tuple[str, ...]


def verify(session: Session, known: anchor.Anchor | None) -> Verdict:
    """Check the chain, and that it still holds the row that is known from elsewhere."""
    rows, broken, last = _follow(session)
    faults = []
    if broken is not None:
        faults.append(
            f"row {broken} does not follow from the one before: it or its neighbour was changed, "
            "moved, put in or taken out"
        )
    if known is not None and (last is None or known.row > last.row):
        faults.append(
            f"rows are missing at the end: it ended with row {known.row} before, and ends with "
            f"row {0 if last is None else last.row} now"
        )
    elif known is not None and not anchor.holds(session, known):
        faults.append(f"row {known.row} is another than it was: the log was written anew")
    return Verdict(rows, last, tuple(faults))


def records(session: Session) -> Iterator[dict[str, Any]]:
    """Every row in order, ready for JSON; with its hashes, so that it can be checked elsewhere."""
    for row in session.scalars(_all()):
        at = row.at.isoformat(timespec="microseconds")
        hashes = {"prev_hash": row.prev_hash, "hash": row.hash}
        yield {"row": row.id, "at": at, "who": row.who, **vars(_event(row)), **hashes}


def _follow(session: Session) -> tuple[int, int | None, anchor.Anchor | None]:
    """Rows, the first that does not fit, and the last."""
    previous, count = GENESIS, 0
    broken: int | None = None
    last: anchor.Anchor | None = None
    for row in session.scalars(_all()):
        count += 1
        own = _hash(previous, row.at, row.who, _event(row))
        fits = row.prev_hash == previous and row.hash == own and row.id == count
        if broken is None and not fits:
            broken = row.id
        previous = row.hash
        last = anchor.Anchor(row.id, row.hash)
    return count, broken, last


def _all() -> Select[AuditRow]:
    return select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=500)


def _event(row: AuditRow) -> Event:
    return Event(row.action, row.report, row.finding, row.old, row.new, row.model)


def _hash(previous: str, at: datetime, who: str, event: Event) -> str:
    return digest([previous, at.isoformat(timespec="microseconds"), who, *vars(event).values()])


def digest(fields: list[str | int | None]) -> str:
    """The hash of a row: SHA-256 of the JSON array of the hash before it and its own fields."""
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()

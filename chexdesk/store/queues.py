"""Queues: which reports are gone through, in which order, and how many there are."""

from __future__ import annotations

import hashlib
import heapq
import json
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, select, true
from sqlalchemy.orm import Session

from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.store import search
from chexdesk.store.records import Filter, Queue, ReviewStatus, Sample, Tally
from chexdesk.store.schema import ReportRow, StandingRow
from chexdesk.store.standings import CODES

_UNREVIEWED: Final = StandingRow.status == ReviewStatus.UNREVIEWED

_CONDITIONS: Final[dict[Queue, ColumnElement[bool]]] = {
    Queue.ALL: true(),
    Queue.UNREVIEWED: _UNREVIEWED & StandingRow.usable,
    Queue.DOUBTFUL: _UNREVIEWED & StandingRow.labelled & StandingRow.doubt.is_not(None),
    Queue.DISAGREEING: StandingRow.labelled & (StandingRow.disagreements > 0),
    Queue.FLAGGED: StandingRow.flagged.is_(True),
    Queue.CORRECTED: StandingRow.status == ReviewStatus.CORRECTED,
    Queue.NOTED: StandingRow.noted.is_(True),
}

#: What comes first; then the reports' own order.
_FIRST: Final[dict[Queue, ColumnElement[Any]]] = {
    Queue.DOUBTFUL: StandingRow.doubt.desc(),
    Queue.DISAGREEING: StandingRow.disagreements.desc(),
}


def keys(session: Session, label_set: LabelSet, chosen: Filter) -> list[int]:
    """The reports of a queue in its order, as far as they pass the filter."""
    query = select(StandingRow.report_id).where(
        StandingRow.label_set == label_set.name, *_passing(chosen)
    )
    if chosen.queue is Queue.SAMPLE:
        sample = drawn(session, chosen.sample)
        passing = set(session.scalars(query))
        return [key for key in sample if key in passing]
    query = query.where(_CONDITIONS[chosen.queue])
    first = _FIRST.get(chosen.queue)
    order = [StandingRow.report_id] if first is None else [first, StandingRow.report_id]
    # As one string: row by row, a long queue would keep the window's thread from running.
    ordered = query.order_by(*order).subquery()
    joined = session.scalar(select(func.group_concat(ordered.c.report_id)))
    return [int(key) for key in joined.split(",")] if joined else []


def among(session: Session, label_set: LabelSet, chosen: Filter, some: list[int]) -> list[int]:
    """Which of some reports belong to a queue (not to a sample), in order of adding."""
    query = select(StandingRow.report_id).where(
        StandingRow.label_set == label_set.name,
        StandingRow.report_id.in_(some),
        _CONDITIONS[chosen.queue],
        *_passing(chosen),
    )
    return list(session.scalars(query.order_by(StandingRow.report_id)))


def waiting(session: Session, label_set: LabelSet) -> list[int]:
    """The usable reports that have no prediction, not even a failed one."""
    query = select(StandingRow.report_id).where(
        StandingRow.label_set == label_set.name,
        StandingRow.usable,
        ~StandingRow.labelled,
        StandingRow.error == "",
    )
    return list(session.scalars(query))


def drawn(session: Session, sample: Sample) -> list[int]:
    """The reports of a sample, in its random order.

    Each usable report is ranked by a hash of the seed, its id and its text: the rank depends on
    nothing else, so the order in which reports came in plays no part, and reports added later
    move none of the others.
    """
    query = select(ReportRow.id, ReportRow.external_id, ReportRow.sha256).where(
        ReportRow.error == ""
    )

    def ranks() -> list[tuple[bytes, int]]:
        seed = str(sample.seed)
        return [
            (hashlib.sha256(f"{seed}\n{digest}\n{name}".encode()).digest(), key)
            for key, name, digest in session.execute(query)
        ]

    return [key for _, key in heapq.nsmallest(sample.size, ranks())]


def tally(session: Session, label_set: LabelSet) -> Tally:
    """How many reports each queue holds, and how the findings stand."""
    own = StandingRow.label_set == label_set.name
    sums = [func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in _CONDITIONS.values()]
    numbers = session.execute(select(*sums).where(own)).one()
    # All decisions in one string: every n-th character is of the same finding.
    joined = select(func.group_concat(StandingRow.decisions, "")).where(own)
    decisions = session.scalar(joined) or ""
    findings = tuple(
        tuple(decisions[place :: len(label_set)].count(CODES[each]) for each in CERTAINTIES)
        for place in range(len(label_set))
    )
    return Tally(dict(zip(_CONDITIONS, numbers, strict=True)), findings)


def _passing(chosen: Filter) -> list[ColumnElement[bool]]:
    """The conditions besides the queue's own."""
    conditions: list[ColumnElement[bool]] = [
        func.substr(StandingRow.decisions, place + 1, 1) == CODES[certainty]
        for place, certainty in sorted(chosen.findings, key=lambda each: each[0])
    ]
    words = search.matches(chosen.words)
    if words is not None:
        conditions.append(StandingRow.report_id.in_(select(ReportRow.id).where(words)))
    if chosen.only is not None:
        # One parameter, however many keys there are.
        given = func.json_each(json.dumps(sorted(chosen.only.keys))).table_valued("value")
        conditions.append(StandingRow.report_id.in_(select(given.c.value)))
    return conditions

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chexdesk.store import audit
from chexdesk.store.audit import Event
from chexdesk.store.database import Database, open_database

EVENTS = [
    Event("add", new="2"),
    Event("correct", 1, "Edema", "positive", "uncertain", "m@00"),
    Event("accept", 2, None, "unreviewed", "accepted", "m@00"),
    Event("undo correct", 1, "Edema", "uncertain", "positive", "m@00"),
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "library.sqlite3")
    with database.writing() as session:
        audit.append(session, "ada", *EVENTS[:3])
    with database.writing() as session:
        audit.append(session, "bea\udcff", EVENTS[3])
    yield database
    database.close()


def tamper(database: Database, *statements: str) -> int | None:
    """Does what only someone with the file in hand can do, and asks whether it shows."""
    connection = sqlite3.connect(database.path)
    for statement in ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()
    with database.reading() as session:
        return audit.first_break(session)


def test_the_log_keeps_who_did_what_in_order_and_in_utc(database: Database) -> None:
    with database.reading() as session:
        log = audit.events(session)
        assert audit.first_break(session) is None
        assert [event for _, _, event in audit.events(session, report=1)] == [EVENTS[1], EVENTS[3]]
    assert [event for _, _, event in log] == EVENTS
    assert [who for _, who, _ in log] == ["ada", "ada", "ada", "bea\ufffd"]
    for at, _, _ in log:
        assert at.utcoffset() == timedelta(0)
        assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=5)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'eve' WHERE id = 2",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 4",
    ],
)
def test_rows_cannot_be_changed_or_deleted(database: Database, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), database.writing() as session:
        session.execute(text(statement))
    with database.reading() as session:
        assert [event for _, _, event in audit.events(session)] == EVENTS


@pytest.mark.parametrize(
    "column",
    ["at", "who", "action", "report", "finding", "old", "new", "model", "prev_hash", "hash"],
)
def test_a_changed_row_breaks_the_chain(database: Database, column: str) -> None:
    value = "'2020-01-01 00:00:00.000000'" if column == "at" else "7"
    assert tamper(database, f"UPDATE audit SET {column} = {value} WHERE id = 2") == 2


def test_a_row_removed_from_the_middle_breaks_the_chain(database: Database) -> None:
    assert tamper(database, "DELETE FROM audit WHERE id = 2") == 3


def test_swapped_rows_break_the_chain(database: Database) -> None:
    swap = [
        "UPDATE audit SET id = 9 WHERE id = 2",
        "UPDATE audit SET id = 2 WHERE id = 3",
        "UPDATE audit SET id = 3 WHERE id = 9",
    ]
    assert tamper(database, *swap) == 2

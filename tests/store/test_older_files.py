"""A file that the first version wrote: it is brought up to date, and nothing of it is lost.

`library-v0001.sqlite3` was made by ChexDesk at schema 0001 and holds four made-up reports: one
accepted, one corrected, one with a note, one that is empty.
"""

import shutil
import sqlite3
from pathlib import Path

import pytest

from chexdesk.labels import Certainty, chexpert14
from chexdesk.services.library import Library, ReviewStatus, StoreError
from chexdesk.services.queues import Filter, Queue
from chexdesk.store import database
from chexdesk.store.schema import HEAD

OLD = Path(__file__).with_name("library-v0001.sqlite3")
LABELS = chexpert14()
KEPT = ("reports", "models", "prediction_decisions", "review_decisions", "preferences", "audit")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(OLD, tmp_path / "library.sqlite3"))


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    connection.close()
    return found


def test_the_sample_is_of_the_first_version() -> None:
    assert rows(OLD, "alembic_version") == [("0001",)]
    assert len(rows(OLD, "reports")) == 4


def test_nothing_is_lost_or_changed(old: Path) -> None:
    before = {table: rows(old, table) for table in KEPT}
    Library.open(old).close()
    assert rows(old, "alembic_version") == [(HEAD,)]
    assert {table: rows(old, table) for table in KEPT} == before
    library = Library.open(old)
    found = library.entries()
    assert [(e.id, e.status) for e in found] == [
        ("first", ReviewStatus.ACCEPTED),
        ("second", ReviewStatus.CORRECTED),
        ("third", ReviewStatus.UNREVIEWED),
        ("empty", ReviewStatus.UNREVIEWED),
    ]
    assert [e.noted for e in found] == [False, False, True, False]
    assert not any(e.flagged for e in found)
    second = library.detail(2)
    assert second.corrected == {LABELS.index("Edema")}
    assert second.decisions is not None
    assert second.decisions[LABELS.index("Edema")] is Certainty.POSITIVE
    assert library.detail(3).note == "ask the ward"
    library.close()


def test_old_reports_are_in_the_queues_and_are_found(old: Path) -> None:
    library = Library.open(old)
    queues = library.queues
    assert queues.keys(Filter()) == [1, 2, 3, 4]
    assert queues.keys(Filter(Queue.UNREVIEWED)) == [3]
    assert queues.keys(Filter(Queue.DOUBTFUL)) == [3]
    assert queues.keys(Filter(Queue.CORRECTED)) == [2]
    assert queues.keys(Filter(Queue.NOTED)) == [3]
    assert queues.keys(Filter(words="effusion")) == [1]
    edema = (LABELS.index("Edema"), Certainty.POSITIVE)
    assert queues.keys(Filter(findings=frozenset({edema}))) == [2]
    library.close()


def test_old_predictions_are_compared_with_the_words_once(old: Path) -> None:
    library = Library.open(old)
    assert library.queues.keys(Filter(Queue.DISAGREEING)) == []
    assert library.compare_with_words().keys == {1, 2, 3}
    # The model had called the second report's edema absent.
    assert library.queues.keys(Filter(Queue.DISAGREEING)) == [2]
    assert library.compare_with_words().keys == frozenset()
    library.close()


def test_a_migration_that_breaks_off_leaves_the_old_file(old: Path) -> None:
    connection = sqlite3.connect(old)
    # The name that the migration needs is taken, so that its last steps fail.
    connection.execute("CREATE TABLE report_words (x)")
    connection.commit()
    connection.close()
    before = {table: rows(old, table) for table in (*KEPT, "reviews", "predictions")}
    with pytest.raises(StoreError, match=r"library\.sqlite3"):
        database.open_database(old)
    assert rows(old, "alembic_version") == [("0001",)]
    assert {table: rows(old, table) for table in before} == before

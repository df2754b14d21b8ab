"""`chexdesk audit`: what somebody does to the file behind the app's back shows."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest
from cli_samples import DOUBT, EFFUSION, invoke

from chexdesk.labels import Certainty
from chexdesk.reports.report import Report
from chexdesk.services.library import Library
from chexdesk.store import anchor, audit

CANARY = "xylocanary"


@pytest.fixture
def store() -> Path:
    """The user's store, with six rows in its log, closed again."""
    library = Library.open(reviewer="ada")
    library.add_reports(Report(name, f"{text} {CANARY}") for name, text in (EFFUSION, DOUBT))
    for finding in range(4):
        library.correct(1, finding, Certainty.NEGATIVE)
    library.set_note(2, CANARY)
    path = library.path
    library.close()
    return path


def change(store: Path, *statements: str) -> None:
    """Does what only somebody with the file in hand can do."""
    connection = sqlite3.connect(store)
    for statement in ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


def chain_anew(store: Path) -> None:
    """Works out every hash of the log again, as somebody would who knows how they are made."""
    connection = sqlite3.connect(store)
    previous = audit.GENESIS
    query = "SELECT id, at, who, action, report, finding, old, new, model FROM audit ORDER BY id"
    for number, at, who, *event in connection.execute(query).fetchall():
        moment = f"{at.replace(' ', 'T')}+00:00"
        own = audit.digest([previous, moment, who, *event])
        connection.execute(
            "UPDATE audit SET prev_hash = ?, hash = ? WHERE id = ?", (previous, own, number)
        )
        previous = own
    connection.commit()
    connection.close()


def test_a_whole_log_is_called_whole_and_its_last_hash_told(store: Path) -> None:
    result = invoke("audit", "verify")
    assert result.exit_code == 0
    last = sqlite3.connect(store).execute("SELECT max(id), hash FROM audit").fetchone()
    assert f"{last[0]} rows" in result.stdout
    assert last[1] in result.stdout
    assert anchor.read(store) == anchor.Anchor(*last)
    assert stat.S_IMODE(anchor.path_of(store).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE audit SET who = 'eve' WHERE id = 3"], "row 3 "),
        (["UPDATE audit SET new = 'positive' WHERE id = 6"], "row 6 "),
        (["DELETE FROM audit WHERE id = 4"], "row 5 "),
        (["DELETE FROM audit WHERE id = 1"], "row 2 "),
        (["DELETE FROM audit WHERE id > 4"], "ends with row 4 now"),
        (["DELETE FROM audit"], "ends with row 0 now"),
        (
            [
                "UPDATE audit SET id = 99 WHERE id = 2",
                "UPDATE audit SET id = 2 WHERE id = 3",
                "UPDATE audit SET id = 3 WHERE id = 99",
            ],
            "row 2 ",
        ),
        (["INSERT INTO audit SELECT 7, at, who, 'x', 1, NULL, NULL, NULL, NULL, hash, hash"
          " FROM audit WHERE id = 6"], "row 7 "),
    ],
)  # fmt: skip
def test_what_was_changed_behind_the_app_is_told(
    store: Path, statements: list[str], told: str
) -> None:
    change(store, *statements)
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert told in result.stderr
    assert str(store) in result.stderr


def test_a_log_that_was_chained_anew_parts_from_its_anchor(store: Path) -> None:
    change(store, "UPDATE audit SET who = 'eve' WHERE id = 3")
    chain_anew(store)
    with Library.open().reading() as session:
        assert audit.first_break(session) is None
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert "written anew" in result.stderr


def test_an_anchor_that_the_log_contradicts_is_kept_whatever_is_done_next(store: Path) -> None:
    change(store, "DELETE FROM audit WHERE id > 4")
    before = anchor.path_of(store).read_bytes()
    library = Library.open()
    for finding in range(6):
        library.correct(2, finding, Certainty.NEGATIVE)
    library.close()
    assert anchor.path_of(store).read_bytes() == before
    assert invoke("audit", "verify").exit_code == 1


def test_a_damaged_anchor_is_told(store: Path) -> None:
    anchor.path_of(store).write_text("{}")
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert anchor.path_of(store).name in result.stderr


def test_an_export_kept_elsewhere_shows_a_change_of_log_and_anchor(
    store: Path, tmp_path: Path
) -> None:
    export = tmp_path / "kept.jsonl"
    assert invoke("audit", "export", "--output", export).exit_code == 0
    assert invoke("audit", "verify", "--against", export).exit_code == 0
    change(store, "UPDATE audit SET who = 'eve' WHERE id = 3")
    chain_anew(store)
    anchor.path_of(store).unlink()
    assert invoke("audit", "verify").exit_code == 0
    result = invoke("audit", "verify", "--against", export)
    assert result.exit_code == 1
    assert "the first is row 3" in result.stderr


def test_an_export_holds_every_row_and_no_text_of_a_report(store: Path, tmp_path: Path) -> None:
    export = tmp_path / "kept.jsonl"
    assert invoke("audit", "export", "--output", export).exit_code == 0
    rows = [json.loads(line) for line in export.read_text("utf-8").splitlines()]
    assert [row["row"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["who"] for row in rows} == {"ada"}
    assert [row["action"] for row in rows].count("correct") == 4
    assert [row["prev_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    assert CANARY not in export.read_text("utf-8")
    assert CANARY.encode() not in anchor.path_of(store).read_bytes()


@pytest.mark.parametrize("words", ["", "{}", "no json"])
def test_a_file_that_is_no_export_is_named(store: Path, tmp_path: Path, words: str) -> None:
    export = tmp_path / "odd.jsonl"
    if words:
        export.write_text(words)
    result = invoke("audit", "verify", "--against", export)
    assert result.exit_code == 1
    assert "odd.jsonl" in result.stderr


def test_without_a_library_nothing_is_made() -> None:
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert "there is no library yet" in result.stderr
    result = invoke("audit", "export", "--output", "x.jsonl")
    assert result.exit_code == 1
    assert not Path("x.jsonl").exists()

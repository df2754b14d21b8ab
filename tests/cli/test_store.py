"""`chexdesk store`: copies that can be brought back, removals that leave nothing, encryption."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from cli_samples import invoke, spawn

from chexdesk import paths
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.reports.report import Report
from chexdesk.services.library import Library
from chexdesk.services.passphrase import VARIABLE
from chexdesk.store import anchor

CANARY = "xylocanary"
OTHER = "quartzcanary"
REPORTS = [
    *(Report(f"{CANARY}-{n}", f"Small {CANARY} effusion {n}.", "old.csv:1") for n in range(40)),
    *(Report(f"b{n}", f"No {OTHER} edema {n}.", "/data/new.csv:2") for n in range(40)),
]


def fill() -> Path:
    with closing(Library.open(reviewer="ada")) as library:
        library.add_reports(REPORTS)
        for entry in library.entries():
            library.correct(entry.key, entry.key % 14, CERTAINTIES[entry.key % 3])
            if CANARY in entry.id:
                library.set_note(entry.key, f"seen by {CANARY}")
        return library.path


@pytest.fixture
def store() -> Path:
    """The user's store with reports, reviews and notes; closed."""
    return fill()


def decisions() -> list[tuple[str, tuple[Certainty, ...] | None, str]]:
    """All that the store says, in order."""
    with closing(Library.open()) as library:
        details = [library.detail(entry.key) for entry in library.entries()]
    return [(each.entry.id, each.decisions, each.note) for each in details]


def holding(word: str, folder: Path | None = None) -> list[str]:
    """Every file that the app wrote in which a word can be read, in UTF-8 or UTF-16."""
    folder = folder or paths.home()
    assert any(folder.iterdir())
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and any(word.encode(code) in path.read_bytes() for code in ("utf-8", "utf-16-le"))
    ]


def test_a_backup_is_a_whole_private_library(store: Path, tmp_path: Path) -> None:
    before = decisions()
    copy = tmp_path / "copy.sqlite3"
    assert invoke("store", "backup", copy).exit_code == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.unlink()
    result = invoke("store", "restore", copy)
    assert result.exit_code == 0, result.stderr
    assert "80 reports" in result.stderr
    assert decisions() == before
    assert invoke("audit", "verify").exit_code == 0


def test_a_backup_is_taken_while_a_window_is_open(store: Path, tmp_path: Path) -> None:
    with closing(Library.open()) as window:
        window.correct(1, 0, Certainty.POSITIVE)
        assert invoke("store", "backup", tmp_path / "copy.sqlite3").exit_code == 0
        window.correct(1, 0, Certainty.NEGATIVE)


def test_restoring_keeps_what_there_was_and_says_where(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    invoke("store", "backup", copy)
    kept = decisions()
    with closing(Library.open()) as library:
        library.correct(1, 5, Certainty.UNCERTAIN)
        library.add_reports([Report("later", "Later.")])
    later = decisions()
    result = invoke("store", "restore", copy)
    assert result.exit_code == 0
    assert decisions() == kept
    assert invoke("audit", "verify").exit_code == 0
    (aside,) = paths.home().glob("*.before-restore-*")
    assert str(aside) in result.stderr
    assert invoke("store", "restore", aside).exit_code == 0
    assert decisions() == later


def test_a_window_that_is_open_sees_what_was_brought_back(store: Path, tmp_path: Path) -> None:
    invoke("store", "backup", tmp_path / "copy.sqlite3")
    with closing(Library.open()) as window:
        window.remove_reports([1, 2, 3])
        assert invoke("store", "restore", tmp_path / "copy.sqlite3").exit_code == 0
        assert len(window.entries()) == len(REPORTS)


def test_a_damaged_store_is_set_aside_whole(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    invoke("store", "backup", copy)
    before = decisions()
    data = bytearray(store.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    store.write_bytes(data)
    result = invoke("store", "restore", copy)
    assert result.exit_code == 0, result.stderr
    assert decisions() == before
    (aside,) = paths.home().glob("*.before-restore-*.sqlite3")
    assert aside.read_bytes() == data


@pytest.mark.parametrize("what", ["text", "cut", "other", "missing", "changed"])
def test_what_is_no_whole_backup_changes_nothing(store: Path, tmp_path: Path, what: str) -> None:
    before = decisions()
    copy = tmp_path / "copy.sqlite3"
    invoke("store", "backup", copy)
    data = bytearray(copy.read_bytes())
    if what == "text":
        copy.write_text("no library")
    elif what == "cut":
        copy.write_bytes(data[: len(data) // 2])
    elif what == "other":
        copy.unlink()
        sqlite3.connect(copy).execute("CREATE TABLE x (y)").connection.close()
    elif what == "missing":
        copy.unlink()
    else:
        data[8192:12288] = b"\xa5" * 4096
        copy.write_bytes(data)
    result = invoke("store", "restore", copy)
    assert result.exit_code == 1
    assert "copy.sqlite3" in result.stderr
    assert decisions() == before


def test_a_backup_never_writes_over_a_file(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    copy.write_text("mine")
    result = invoke("store", "backup", copy)
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert copy.read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [
        [option for n in range(40) for option in ("--report", f"{CANARY}-{n}")],
        ["--source", "old.csv"],
        ["--all"],
        ["--before", "2200-01-01", "--source", "old.csv"],
    ],
)
def test_a_purge_leaves_no_word_anywhere(store: Path, options: list[str]) -> None:
    assert holding(CANARY) != []
    with closing(Library.open()):
        result = invoke("store", "purge", *options, "--yes")
    assert result.exit_code == 0, result.stderr
    assert holding(CANARY) == []
    assert CANARY not in result.stderr
    assert (holding(OTHER) == []) is (options == ["--all"])
    assert invoke("audit", "verify").exit_code == 0
    connection = sqlite3.connect(store)
    assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    words = "SELECT count(*) FROM report_words WHERE report_words MATCH ?"
    assert connection.execute(words, (CANARY,)).fetchone() == (0,)
    left = 0 if options == ["--all"] else 40
    assert connection.execute(words, ("edema",)).fetchone() == (left,)
    connection.close()


def test_a_purge_names_the_backups_that_still_hold_a_report(store: Path) -> None:
    old = paths.home() / "old.sqlite3"
    invoke("store", "backup", old)
    result = invoke("store", "purge", "--source", "new.csv", "--yes")
    assert str(old) in result.stderr
    new = paths.home() / "new.sqlite3"
    invoke("store", "backup", new)
    result = invoke("store", "purge", "--report", f"{CANARY}-3", "--yes")
    assert str(old) in result.stderr
    assert str(new) in result.stderr
    result = invoke("store", "purge", "--report", "nobody", "--yes")
    assert "0 reports" in result.stderr
    assert str(old) not in result.stderr


def test_a_purge_asks_first_and_takes_only_what_was_named(store: Path) -> None:
    before = decisions()
    assert invoke("store", "purge", "--all", stdin="n\n").exit_code == 1
    assert decisions() == before
    assert invoke("store", "purge", "--report", "b7", stdin="y\n").exit_code == 0
    assert decisions() == [each for each in before if each[0] != "b7"]
    assert invoke("store", "purge", "--before", "2001-01-01", "--yes").exit_code == 0
    assert len(decisions()) == len(REPORTS) - 1


@pytest.mark.parametrize(
    "options", [[], ["--all", "--report", "x"], ["--before", "yesterday"], ["--before", ""]]
)
def test_a_purge_without_a_clear_choice_is_wrong_use(store: Path, options: list[str]) -> None:
    assert invoke("store", "purge", "--yes", *options).exit_code == 2
    assert len(decisions()) == len(REPORTS)


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A passphrase where the app finds it."""
    words = "förtiofyra tysta båtar"
    (tmp_path / "secret").write_text(f"{words}\n", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "secret"))
    return words


def test_encrypting_keeps_all_and_shows_nothing(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = decisions()
    (tmp_path / "secret").write_text("tysta båtar", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "secret"))
    result = invoke("store", "encrypt")
    assert result.exit_code == 0, result.stderr
    assert holding(CANARY) == holding(OTHER) == holding("CREATE TABLE") == []
    assert decisions() == before
    assert invoke("audit", "verify").exit_code == 0
    assert anchor.read(store) is not None
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    monkeypatch.delenv(VARIABLE)
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert "passphrase" in result.stderr
    (tmp_path / "secret").write_text("another one", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "secret"))
    bytes_before = store.read_bytes()
    result = invoke("reviews", "export", "--output", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "passphrase is not the right one" in result.stderr
    assert store.read_bytes() == bytes_before


def test_an_encrypted_store_is_worked_with_as_any_other(passphrase: str, tmp_path: Path) -> None:
    store = fill()
    before = decisions()
    copy = tmp_path / "copy.sqlite3"
    assert invoke("store", "backup", copy).exit_code == 0
    assert holding(CANARY) == holding(CANARY, tmp_path) == []
    assert invoke("store", "purge", "--all", "--yes").exit_code == 0
    assert decisions() == []
    result = invoke("store", "restore", copy)
    assert result.exit_code == 0, result.stderr
    assert decisions() == before
    assert holding(CANARY) == []
    with closing(Library.open(store, passphrase=passphrase)) as library:
        assert len(library.entries()) == len(REPORTS)


def test_a_plain_backup_is_encrypted_when_it_is_brought_back(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = decisions()
    invoke("store", "backup", tmp_path / "copy.sqlite3")
    (tmp_path / "secret").write_text("tysta båtar", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "secret"))
    assert invoke("store", "encrypt").exit_code == 0
    assert invoke("store", "purge", "--all", "--yes").exit_code == 0
    result = invoke("store", "restore", tmp_path / "copy.sqlite3")
    assert result.exit_code == 0, result.stderr
    assert decisions() == before
    assert holding(CANARY) == []


def test_a_store_that_is_open_is_not_encrypted_under_its_window(
    store: Path, passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as plain:
        plain.delenv(VARIABLE)
        window = Library.open(store)
    # From a process of its own, as it is in life: locks part processes only.
    with closing(window):
        window.entries()
        done = spawn("store", "encrypt")
        assert done.returncode == 1
        assert b"another program" in done.stderr
        window.correct(1, 1, Certainty.POSITIVE)
    assert spawn("store", "encrypt").returncode == 0
    assert list(paths.home().glob("*.converting")) == []


def test_a_passphrase_file_that_cannot_be_used_is_named(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("missing", None), ("empty", ""), ("blank", "\nwords")):
        if content is not None:
            (tmp_path / name).write_text(content)
        monkeypatch.setenv(VARIABLE, str(tmp_path / name))
        result = invoke("audit", "verify")
        assert result.exit_code == 1
        assert name in result.stderr


def test_a_passphrase_for_a_plain_store_is_told(store: Path, passphrase: str) -> None:
    result = invoke("audit", "verify")
    assert result.exit_code == 1
    assert "is not encrypted" in result.stderr

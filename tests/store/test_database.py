import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from importlib import resources
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

import chexdesk
from chexdesk.store import search
from chexdesk.store.database import Database, open_database
from chexdesk.store.records import StoreError
from chexdesk.store.schema import HEAD, Base


def make(path: Path) -> Path:
    """A library file that is closed again."""
    open_database(path).close()
    return path


def add_model(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("INSERT INTO models (name, sha256, version) VALUES ('a', 'b', 'c')"))


def pragma(database: Database, name: str) -> object:
    with database.reading() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


def test_new_file_and_its_log_are_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "library.sqlite3"
    old = os.umask(0)
    try:
        database = open_database(path)
    finally:
        os.umask(old)
    add_model(database)
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == ["library.sqlite3", "library.sqlite3-shm", "library.sqlite3-wal"]
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database.close()


def test_every_connection_is_durable_and_keeps_references_whole(tmp_path: Path) -> None:
    database = open_database(tmp_path / "library.sqlite3", wait_s=1.5)
    for _ in range(2):  # the second time on a connection from the pool
        assert pragma(database, "journal_mode") == "wal"
        assert pragma(database, "foreign_keys") == 1
        assert pragma(database, "synchronous") == 2
        assert pragma(database, "secure_delete") == 1
        assert pragma(database, "busy_timeout") == 1500
    with pytest.raises(IntegrityError), database.writing() as session:
        session.execute(
            text(
                "INSERT INTO reviews (report_id, label_set, reviewer, status, note, created_at, "
                "updated_at) VALUES (99, 'x', '', 'accepted', '', '2026-01-01', '2026-01-01')"
            )
        )
    database.close()


def test_migrations_make_what_the_classes_say(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{make(tmp_path / 'library.sqlite3')}")
    with engine.connect() as connection:
        # SQLite's own tables of the full-text index are not ours to declare.
        def ours(name: str | None, kind: str, parents: object) -> bool:
            return not (kind == "table" and str(name).startswith(search.TABLE))

        options = {"compare_type": True, "include_name": ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        # Autogenerate does not see these.
        made = connection.execute(text("SELECT group_concat(sql) FROM sqlite_master")).scalar()
    engine.dispose()
    assert isinstance(made, str)
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            if str(constraint.name).startswith("ck_"):
                assert str(constraint.name) in made
    assert made.count("ON DELETE CASCADE") == 7


def test_migrations_ship_in_the_package_and_end_at_head() -> None:
    folder = resources.files("chexdesk.store") / "migrations"
    assert (folder / "env.py").is_file()
    with resources.as_file(folder) as place:
        config = Config()
        config.set_main_option("script_location", str(place))
        assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_opens_from_an_installed_copy_without_writing_into_it(tmp_path: Path) -> None:
    site = tmp_path / "100% site"
    source = Path(chexdesk.__file__).parent
    shutil.copytree(source, site / "chexdesk", ignore=shutil.ignore_patterns("__pycache__", "gui"))
    before = sorted(site.rglob("*"))
    code = (
        "import sys; from pathlib import Path; from chexdesk.store import database;"
        "assert database.__file__.startswith(sys.argv[1]);"
        "database.open_database(Path(sys.argv[2])).close()"
    )
    path = tmp_path / "library.sqlite3"
    subprocess.run(
        [sys.executable, "-B", "-c", code, str(site), str(path)],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    assert sorted(site.rglob("*")) == before
    assert sqlite3.connect(path).execute("SELECT version_num FROM alembic_version").fetchone() == (
        HEAD,
    )


def test_a_name_with_odd_characters_is_just_a_name(tmp_path: Path) -> None:
    path = tmp_path / "50% of Ärzte? #1 & more.sqlite3"
    make(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "library.sqlite3")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    with pytest.raises(StoreError, match=r"library\.sqlite3 was written by a newer ChexDesk"):
        open_database(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0999",)
    connection.close()


@pytest.mark.parametrize(
    "content", [b"id,text\n1,nothing\n", b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 4080]
)
def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reports.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"reports\.csv is (not a ChexDesk library|damaged)"):
        open_database(path)
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["reports.csv"]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "music.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match=r"music\.sqlite3 is not a ChexDesk library"):
        open_database(path)
    assert path.read_bytes() == content


def test_a_truncated_file_is_called_damaged_and_left_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "library.sqlite3")
    content = path.read_bytes()[:-4096]
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"library\.sqlite3 is damaged"):
        open_database(path)
    assert path.read_bytes() == content


def test_damage_found_while_reading_is_said(tmp_path: Path) -> None:
    path = make(tmp_path / "library.sqlite3")
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'reports'"
    ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    database = open_database(path)
    with pytest.raises(StoreError, match="is damaged"), database.reading() as session:
        session.execute(text("SELECT * FROM reports")).all()
    database.close()


def test_a_folder_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a file"):
        open_database(tmp_path)


def test_a_place_where_nothing_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_database(tmp_path / "file" / "library.sqlite3")


def test_a_lock_of_another_program_is_named_and_reading_goes_on(tmp_path: Path) -> None:
    path = make(tmp_path / "library.sqlite3")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = open_database(path, wait_s=0.05)
    assert pragma(database, "foreign_keys") == 1
    with pytest.raises(StoreError, match="written by another program"), database.writing():
        pytest.fail("two writers at once")
    other.execute("ROLLBACK")
    add_model(database)
    other.close()
    database.close()


def test_a_new_file_under_another_programs_lock_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="written by another program"):
        open_database(path, wait_s=0.05)
    other.close()
    make(path)


def test_many_may_make_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def run() -> None:
        start.wait()
        try:
            open_database(path).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "library.sqlite3")

    def add_twice() -> None:
        with database.writing() as session:
            for _ in range(2):
                session.execute(text("INSERT INTO models VALUES (NULL, 'a', 'b', 'c')"))

    with pytest.raises(IntegrityError):
        add_twice()
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM models")).scalar() == 0
    database.close()


def test_after_closing_nothing_can_be_asked(tmp_path: Path) -> None:
    database = open_database(tmp_path / "library.sqlite3")
    database.close()
    database.close()
    with pytest.raises(StoreError, match="was closed"), database.reading():
        pytest.fail("read from a closed file")

"""The file: opened, checked, migrated, and its errors put into words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from chexdesk.store import cipher
from chexdesk.store.cipher import Key
from chexdesk.store.records import StoreError
from chexdesk.store.schema import APPLICATION_ID, HEAD

__all__ = ["Database", "Session", "errors_in_words", "open_database"]

_WORDS: Final[dict[int, str]] = {
    sqlite3.SQLITE_BUSY: "is being written by another program; close it there and try again",
    sqlite3.SQLITE_LOCKED: "is being written by another program; close it there and try again",
    sqlite3.SQLITE_NOTADB: "is not a ChexDesk library; nothing was changed, choose another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; move it away with its -wal file, and bring back a backup",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; make room and try again",
    sqlite3.SQLITE_READONLY: "cannot be written; check its permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check its folder and permissions",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}

#: SQLite's extended codes carry the plain code in their lowest byte.
_PLAIN_CODE: Final = 0xFF


class Database:
    """An open file. Safe to use from several threads: each transaction has its own connection."""

    def __init__(self, path: Path, engine: Engine, key: Key | None = None) -> None:
        self.path = path
        self.key = key
        self._engine = engine
        self._writer = engine.execution_options(immediate=True)
        self._closed = False
        self._held = cipher.hold(path, key)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view of the file.

        Raises:
            StoreError: it cannot be read.
        """
        with self._translated(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed and safe on the disk when the block ends, or without effect.

        It holds the file's only write lock from its start, so what it reads cannot change below it.

        Raises:
            StoreError: it cannot be written, or another program holds it for longer than the wait.
        """
        with self._translated(), Session(self._writer) as session, session.begin():
            session.connection()  # a session would only begin with its first statement
            yield session

    @contextmanager
    def unwrapped(self) -> Iterator[sqlite3.Connection]:
        """A connection outside transactions, for what SQLite does only there.

        Raises:
            StoreError: the file cannot be read or written.
        """
        with self._translated(), closing(cipher.connect(self.path, self.key)) as connection:
            yield connection

    def scrub(self) -> None:
        """Empty the write-ahead log, where words of deleted reports could linger."""
        with self._translated(), _outside_transactions(self._engine) as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give the file back. Closing twice is harmless."""
        self._engine.dispose()
        if not self._closed:
            cipher.release(self._held)
        self._closed = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"{self.path} was closed; open the library again")
        with errors_in_words(self.path):
            yield


def open_database(path: Path, wait_s: float = 5.0, passphrase: str | None = None) -> Database:
    """Open a file, make it (mode 0600) where there is none, and bring it to this version.

    Args:
        passphrase: of an encrypted file, or of the one that is made.
        wait_s: for how long another program's lock is waited out, in seconds.

    Raises:
        NeedsPassphrase: the file is encrypted, and the passphrase is missing or wrong.
        StoreError: the file is no library, is damaged, is locked, cannot be made or written, or
            was written by a newer version. It is left as it was.
    """
    _create(path)
    key = cipher.key_for(path, passphrase)
    engine = create_engine(
        # A path may hold characters that mean something in a URL; so it does not go through one.
        "sqlite://",
        creator=lambda: cipher.connect(path, key, wait_s),
        module=cipher.driver(key),
        poolclass=QueuePool,
        max_overflow=-1,
        # An exception's words may reach a log, and parameters hold report text.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    try:
        with errors_in_words(path):
            if key is not None:
                _unlock(engine, path)
            _prepare_file(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return Database(path, engine, key)


def _create(path: Path) -> None:
    if path.exists():
        if not path.is_file():
            raise StoreError(f"{path} is not a file; choose another name")
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives the -wal and -shm files the mode of the main one. No O_EXCL: another process
        # may make it at the same moment.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made ({error.strerror}); check its folder's permissions, "
            "or set CHEXDESK_HOME to another"
        ) from error


def _prepare_connection(connection: sqlite3.Connection, record: object) -> None:
    cursor = connection.cursor()
    # FULL: a correction that was shown as stored survives a power cut, too. MEMORY: no words of
    # reports in files of the system's temporary folder.
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",
        "secure_delete = ON",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def _outside_transactions(engine: Engine) -> Iterator[DBAPICursor]:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        yield cursor
        cursor.close()
    finally:
        raw.close()


def _unlock(engine: Engine, path: Path) -> None:
    """Read the first page. Raises NeedsPassphrase where the key does not fit."""
    try:
        with _outside_transactions(engine) as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_master")
    except cipher.errors() as error:
        if _code(error) != sqlite3.SQLITE_NOTADB:
            raise
        raise cipher.NeedsPassphrase(
            f"{path}: the passphrase is not the right one, or the file is damaged. Nothing was "
            "changed."
        ) from error


def _prepare_file(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        version = _version(connection, path)
    if version != HEAD:
        with engine.execution_options(immediate=True).begin() as connection:
            # Once more: another process may have been at it while this one waited for the lock.
            if _version(connection, path) != HEAD:
                _migrate(connection, path, version)
    with _outside_transactions(engine) as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")


def _version(connection: Connection, path: Path) -> str | None:
    """The file's schema version; None for an empty file.

    Raises:
        StoreError: the file is a database of some other program.
    """
    if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
        return None
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise StoreError(f"{path} {_WORDS[sqlite3.SQLITE_NOTADB]}")
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if version is None else str(version)


def _migrate(connection: Connection, path: Path, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with resources.as_file(resources.files("chexdesk.store") / "migrations") as folder:
        config = Config()
        # ConfigParser reads % as the start of a reference.
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if version is not None and version not in known:
            raise StoreError(
                f"{path} was written by a newer ChexDesk (its version is {version}, this one knows "
                f"{HEAD}); update ChexDesk, or choose another file. Nothing was changed."
            )
        command.upgrade(config, HEAD)


@contextmanager
def errors_in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a file into a StoreError with a way out."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except cipher.errors() as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        words = _WORDS.get(_code(error), f"cannot be used: {original}")
        raise StoreError(f"{path} {words}") from error


def _code(error: Exception) -> int:
    """SQLite's plain code of an error, 0 where it has none."""
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(original, "sqlite_errorcode", 0)) & _PLAIN_CODE

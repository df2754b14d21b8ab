"""Copies of a store: made, checked, brought back, and written anew under another key."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Final

from chexdesk.store import anchor, cipher
from chexdesk.store.cipher import Key
from chexdesk.store.database import Database, errors_in_words, open_database
from chexdesk.store.records import StoreError
from chexdesk.store.schema import APPLICATION_ID

#: Stands in the names of the copies that a restore and a failed opening leave.
BEFORE_RESTORE: Final = "before-restore"
_ZEROS: Final = bytes(1 << 20)


@dataclass(frozen=True)
class Contents:
    """What a whole store holds."""

    reports: int
    log_rows: int


def check(path: Path, key: Key | None) -> Contents:
    """Read every page of a file and every reference in it, changing nothing.

    Raises:
        StoreError: it is no library, or is damaged.
    """
    with errors_in_words(path), closing(cipher.connect(path, key)) as connection:
        connection.execute("PRAGMA query_only = ON").close()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(f"{path} is not a ChexDesk library; nothing was changed")
        found = connection.execute("PRAGMA integrity_check").fetchall()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        if found != [("ok",)] or orphans:
            raise StoreError(f"{path} is damaged: SQLite's integrity check fails")
        (reports,) = connection.execute("SELECT count(*) FROM reports").fetchone()
        (rows,) = connection.execute("SELECT count(*) FROM audit").fetchone()
    return Contents(reports, rows)


def back_up(database: Database, target: Path) -> Contents:
    """Write a copy of a store, as it is at this moment, to a file of its own; others may go on.

    It is encrypted as the store is, under the same key. It takes its name only once it is
    whole, checked and on the disk.

    Raises:
        StoreError: there is such a file already, or it cannot be written.
    """
    if target.exists():
        raise StoreError(f"{target} exists already; nothing was written, choose another name")
    partial = target.with_name(target.name + ".partial")
    try:
        _make_empty(partial)
        with database.unwrapped() as connection:
            connection.execute("VACUUM INTO ?", (str(partial),)).close()
        contents = check(partial, database.key)
        _settle(partial, target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return contents


def restore(
    path: Path, backup: Path, passphrase: str | None = None, backup_passphrase: str | None = None
) -> tuple[Contents, Path | None]:
    """Bring a store back to what a backup holds, in one transaction: all of it or nothing.

    What the store held before is backed up beside it first; a damaged one is moved there. Another
    program may have the store open meanwhile: it sees the old state or the new one. The store stays
    encrypted, or plain, as it was.

    Args:
        backup_passphrase: the backup's, where it has another than the store has now.

    Returns:
        What the store holds now, and where what it held before lies; None where it held nothing.

    Raises:
        StoreError: the backup is none, or is damaged; or the store cannot be written.
    """
    backup_key = cipher.key_for(backup, backup_passphrase)
    contents = check(backup, backup_key)
    before = None
    if path.exists() and path.stat().st_size:
        before = _beside(path)
        if _sound(path, passphrase):
            with closing(open_database(path, passphrase=passphrase)) as current:
                back_up(current, before)
        else:
            _set_aside(path, before)
    with closing(open_database(path, passphrase=passphrase)) as database:
        _fill(database, backup, backup_key)
    # Once more, for the backup may be of an older version; and its log is an older log.
    with closing(open_database(path, passphrase=passphrase)) as database:
        with database.reading() as session:
            last = anchor.last(session)
        anchor.write(path, last)
    return contents, before


def convert(path: Path, old: str | None, new: str) -> None:
    """Write a store anew under another passphrase, or under one for the first time.

    The old file is overwritten with zeros once the new one has its name. A disk that keeps old
    blocks elsewhere (a solid-state disk, a file system with snapshots) may still hold some of it.

    Raises:
        NeedsPassphrase: the old passphrase is missing or wrong.
        StoreError: another program has the store open, or it cannot be written.
    """
    open_database(path, passphrase=old).close()
    old_key = cipher.key_for(path, old)
    new_key = cipher.new_key(new)
    partial = path.with_name(path.name + ".converting")
    try:
        with (
            errors_in_words(path),
            closing(_alone(path, old_key, cipher.driver(new_key))) as connection,
        ):
            _make_empty(partial)
            _export(connection, partial, new_key)
            check(partial, new_key)
            former = os.open(path, os.O_RDWR)
            try:
                _settle(partial, path)
            except BaseException:
                os.close(former)
                raise
        # Not before SQLite has let go of it: closing any handle on a file ends its locks.
        _wipe(former)
    except OSError as error:
        raise StoreError(f"{path} cannot be written anew ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


def compact(database: Database) -> None:
    """Rewrite the file without its free pages, and empty the write-ahead log.

    Raises:
        StoreError: another program is writing, or the disk is full.
    """
    with database.unwrapped() as connection:
        connection.execute("PRAGMA secure_delete = ON").close()
        connection.execute("PRAGMA temp_store = MEMORY").close()
        connection.execute("VACUUM").close()
    database.scrub()


def _alone(path: Path, key: Key | None, driver: ModuleType) -> sqlite3.Connection:
    """A connection of SQLCipher's that nobody else can have beside it.

    Raises:
        StoreError: another program has the file open.
    """
    connection = cipher.connect(path, key, wait_s=1.0, through=driver)
    try:
        # Leaving the write-ahead log takes that no other connection is there.
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
        connection.execute("BEGIN EXCLUSIVE").close()
        connection.execute("COMMIT").close()
    except BaseException:
        connection.close()
        raise
    if mode != "delete":
        connection.close()
        raise StoreError(f"{path} is open in another program; close it there and try again")
    return connection


def _export(connection: sqlite3.Connection, target: Path, key: Key | None) -> None:
    pragma = "" if key is None else key.pragma
    connection.execute("ATTACH ? AS target KEY ?", (str(target), pragma)).close()
    connection.execute("SELECT sqlcipher_export('target')").fetchall()
    # The export leaves out what stands in the file's header.
    connection.execute(f"PRAGMA target.application_id = {APPLICATION_ID}").close()
    connection.execute("DETACH target").close()


def _fill(database: Database, backup: Path, backup_key: Key | None) -> None:
    """Put a backup's pages in place of a store's, whatever key each has."""
    rekeyed = database.path.with_name(database.path.name + ".restoring")
    try:
        if backup_key != database.key:
            driver = cipher.driver(backup_key or database.key)
            with closing(cipher.connect(backup, backup_key, through=driver)) as connection:
                _make_empty(rekeyed)
                _export(connection, rekeyed, database.key)
            backup = rekeyed
        with (
            database.unwrapped() as target,
            closing(cipher.connect(backup, database.key)) as source,
        ):
            source.backup(target)
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        rekeyed.unlink(missing_ok=True)


def _sound(path: Path, passphrase: str | None) -> bool:
    """Whether a store can be read in full. Raises NeedsPassphrase as opening does."""
    key = cipher.key_for(path, passphrase)
    try:
        check(path, key)
    except StoreError:
        return False
    return True


def _set_aside(path: Path, before: Path) -> None:
    """Move a damaged store away with what belongs to it."""
    for end in ("", "-wal", "-shm"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(before.with_name(before.name + end))


def _beside(path: Path) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    return path.with_name(f"{path.stem}.{BEFORE_RESTORE}-{stamp}{path.suffix}")


def _make_empty(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _settle(partial: Path, target: Path) -> None:
    """Give a finished file its name, with all of it on the disk."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _wipe(handle: int) -> None:
    with os.fdopen(handle, "r+b") as file:
        left = os.fstat(handle).st_size
        while left > 0:
            left -= file.write(_ZEROS[: min(left, len(_ZEROS))])
        file.flush()
        os.fsync(handle)

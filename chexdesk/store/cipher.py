"""Keys of encrypted stores, and connections with and without one.

An encrypted store is SQLCipher's: every page AES-256 and HMAC-SHA512, salt in the first 16 bytes.
The key is PBKDF2-HMAC-SHA512 of the passphrase with 256,000 rounds, SQLCipher 4's own derivation,
so that its other tools open the file with the passphrase, too. It is worked out once for a file,
here, and given to each connection raw: SQLCipher would do it again for each.

There is no other way in: who forgets the passphrase has lost the store.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, Final, cast

from sqlalchemy.exc import DBAPIError

from chexdesk.store.records import StoreError

#: How every SQLite file that is not encrypted begins.
_PLAIN: Final = b"SQLite format 3\0"
_SALT_BYTES: Final = 16
#: SQLCipher's pages; an encrypted file is a whole number of them.
_PAGE_BYTES: Final = 4096
_KEY_BYTES: Final = 32
ROUNDS: Final = 256_000


@dataclass(frozen=True)
class Key:
    """A derived key with the salt of its file; its words never show it."""

    raw: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def pragma(self) -> str:
        """As SQLCipher's `key` and `ATTACH … KEY` take it."""
        return f"x'{self.raw.hex()}{self.salt.hex()}'"


#: The first bytes of the files that this process has open, by device and inode, and how often.
#: Closing a handle on such a file would end the locks that SQLite holds on it (POSIX).
_open: dict[tuple[int, int], tuple[bytes, int]] = {}
_guard = Lock()


class NeedsPassphrase(StoreError):
    """The store is encrypted, and no passphrase or a wrong one was given."""


def is_encrypted(path: Path) -> bool:
    """Whether a file with something in it does not begin as plain SQLite files do."""
    head = _head(path)
    return bool(head) and head != _PLAIN


def key_for(path: Path, passphrase: str | None) -> Key | None:
    """The key of a file: None where it is plain, a fresh one where it is empty.

    Raises:
        NeedsPassphrase: it is encrypted, and there is no passphrase.
        StoreError: it is plain, and a passphrase was given; or it cannot be read.
    """
    head = _head(path)
    if passphrase is None:
        if head and head != _PLAIN:
            if path.stat().st_size % _PAGE_BYTES:
                raise StoreError(
                    f"{path} is not a ChexDesk library; nothing was changed, choose another file"
                )
            raise NeedsPassphrase(
                f"{path} is not a ChexDesk library, or is an encrypted one: choose another file, "
                "or give its passphrase. Nothing was changed."
            )
        return None
    if head == _PLAIN:
        raise StoreError(
            f"{path} is not encrypted, and a passphrase was given; `chexdesk store encrypt` "
            "encrypts it"
        )
    return new_key(passphrase, head or None)


def new_key(passphrase: str, salt: bytes | None = None) -> Key:
    """The key of a passphrase; with a salt of its own where none is given. Takes some 0.2 s."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    raw = hashlib.pbkdf2_hmac("sha512", passphrase.encode(), salt, ROUNDS, _KEY_BYTES)
    return Key(raw, salt)


def driver(key: Key | None) -> ModuleType:
    """The DB-API module for a file: `sqlite3`, or SQLCipher's twin of it.

    Raises:
        StoreError: SQLCipher is not installed.
    """
    if key is None:
        return sqlite3
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise StoreError(
            "this installation cannot open encrypted libraries: the package sqlcipher3 is missing"
        ) from error
    return cast(ModuleType, dbapi2)


def connect(
    path: Path, key: Key | None, wait_s: float = 5.0, through: ModuleType | None = None
) -> sqlite3.Connection:
    """A connection of its own to a file, outside transactions; nothing is read yet.

    Args:
        through: the driver, where it is not the one that the key asks for: SQLCipher's reads plain
            files as well.
    """
    connection: Any = (through or driver(key)).connect(
        path, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    if key is not None:
        # Its log would go to standard error at every wrong passphrase.
        connection.execute("PRAGMA cipher_log_level = NONE").close()
        connection.execute(f'PRAGMA key = "{key.pragma}"').close()
    return cast(sqlite3.Connection, connection)


def errors() -> tuple[type[Exception], ...]:
    """What a file's driver raises, by itself or through SQLAlchemy."""
    found: list[type[Exception]] = [DBAPIError, sqlite3.Error]
    loaded = sys.modules.get("sqlcipher3.dbapi2")
    if loaded is not None:
        found.append(loaded.Error)
    return tuple(found)


def hold(path: Path, key: Key | None) -> tuple[int, int]:
    """Note that this process has a file open; returns what `release` takes."""
    status = path.stat()
    place = (status.st_dev, status.st_ino)
    with _guard:
        _, times = _open.get(place, (b"", 0))
        _open[place] = (_PLAIN if key is None else key.salt, times + 1)
    return place


def release(place: tuple[int, int]) -> None:
    """Note that one of those who had the file open is through with it."""
    with _guard:
        head, times = _open.pop(place)
        if times > 1:
            _open[place] = (head, times - 1)


def _head(path: Path) -> bytes:
    try:
        status = path.stat()
        with _guard:
            known = _open.get((status.st_dev, status.st_ino))
            if known is not None:
                return known[0]
            with path.open("rb") as file:
                return file.read(len(_PLAIN))
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error

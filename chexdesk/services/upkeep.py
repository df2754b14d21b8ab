"""Looking after the store: copies, passphrases, and reports that must go for good."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chexdesk import paths
from chexdesk.services.library import FILE_NAME, Library, os_user
from chexdesk.store import audit, selection, upkeep
from chexdesk.store.cipher import NeedsPassphrase, is_encrypted
from chexdesk.store.database import open_database
from chexdesk.store.selection import Selection
from chexdesk.store.upkeep import Contents

__all__ = [
    "Contents",
    "NeedsPassphrase",
    "Purged",
    "Selection",
    "back_up",
    "change_passphrase",
    "is_encrypted",
    "purge",
    "restore",
    "select",
    "store_path",
]


@dataclass(frozen=True)
class Purged:
    """What a purge did.

    Attributes:
        reports: how many are gone.
        copies: files beside the store that still hold any of them, or that could not be opened.
    """

    reports: int
    copies: tuple[Path, ...]


def store_path() -> Path:
    """The user's store, whether there is one or not."""
    return paths.home() / FILE_NAME


def select(library: Library, wanted: Selection) -> list[int]:
    """The keys of the reports that are meant. Raises StoreError."""
    with library.reading() as session:
        return list(selection.find(session, wanted))


def purge(library: Library, keys: Collection[int]) -> Purged:
    """Remove reports so that no word of them stays in the store's files.

    Their rows, labels, reviews, notes and index entries are overwritten, the write-ahead log is
    emptied and the file rewritten without free pages. Rows of the audit log stay: they hold the
    store's own numbers, no text and no id. To purge nothing still compacts the file.

    Raises:
        StoreError: another program is writing, or the disk is full. What was removed by then is
            removed; purge again.
    """
    with library.reading() as session:
        found = selection.find(session, Selection())
    identities = [found[key] for key in keys if key in found]
    change = library.remove_reports(keys)
    upkeep.compact(library.database)
    copies = selection.copies_with(library.path, identities, library.database.key)
    return Purged(len(change.keys), tuple(copies) if identities else ())


def back_up(library: Library, target: Path) -> Contents:
    """Copy the store to a new file; see `chexdesk.store.upkeep.back_up`."""
    with library.writing() as session:
        audit.append(session, library.reviewer, audit.Event("back up"))
    return upkeep.back_up(library.database, target)


def restore(
    backup: Path, passphrase: str | None, backup_passphrase: str | None
) -> tuple[Contents, Path | None]:
    """Bring the user's store back to a backup; see `chexdesk.store.upkeep.restore`.

    That it was done stands in the log from then on.
    """
    path = store_path()
    contents, before = upkeep.restore(path, backup, passphrase, backup_passphrase)
    event = audit.Event("restore", new=str(contents.reports))
    with closing(open_database(path, passphrase=passphrase)) as database, database.writing() as log:
        audit.append(log, os_user(), event)
    return contents, before


def change_passphrase(old: str | None, new: str) -> None:
    """Encrypt the user's store, or give it another passphrase.

    Args:
        old: the passphrase it has; None where it is plain.

    Raises:
        NeedsPassphrase: the old one is wrong.
        StoreError: another program has the store open, or it cannot be written.
    """
    path = store_path()
    upkeep.convert(path, old, new)
    action = "encrypt" if old is None else "new passphrase"
    with closing(open_database(path, passphrase=new)) as database, database.writing() as session:
        audit.append(session, os_user(), audit.Event(action))

"""The audit log's anchor: where it ended last, kept in a small file beside the store.

A chain of hashes shows rows that were changed or taken out of its middle. It cannot show that its
end was cut off, or that every hash from some row on was worked out anew; whoever does that must
change the anchor as well. An export of the log that is kept elsewhere is an anchor nobody at this
machine can change (`chexdesk audit verify --against`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from chexdesk.store.schema import AuditRow

#: Put behind the store's name.
SUFFIX: Final = ".anchor"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Anchor:
    """That the log's row of this number has this hash."""

    row: int
    hash: str


class AnchorError(ValueError):
    """The file is no anchor; the message names it."""


def path_of(store: Path) -> Path:
    """Where the anchor of a store lies."""
    # SQLite names the file behind a link; so does this.
    real = store.resolve()
    return real.with_name(real.name + SUFFIX)


def read(store: Path) -> Anchor | None:
    """The anchor of a store; None where it has none yet.

    Raises:
        AnchorError: it cannot be read.
    """
    path = path_of(store)
    try:
        found = json.loads(path.read_text("utf-8"))
        return Anchor(int(found["row"]), str(found["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnchorError(f"{path} is damaged or was changed") from error


def last(session: Session) -> Anchor | None:
    """The log's end as it is now; None where it is empty."""
    query = select(AuditRow.id, AuditRow.hash).order_by(AuditRow.id.desc()).limit(1)
    row = session.execute(query).first()
    return None if row is None else Anchor(row[0], row[1])


def write(store: Path, anchor: Anchor | None) -> None:
    """Put the anchor of a store in its place, whole or not at all; None takes it away.

    Raises:
        OSError: the folder cannot be written.
    """
    path = path_of(store)
    if anchor is None:
        path.unlink(missing_ok=True)
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"row": anchor.row, "hash": anchor.hash}, file)
    partial.replace(path)


def holds(session: Session, anchor: Anchor) -> bool:
    """Whether the log has the anchor's row as the anchor says."""
    query = select(AuditRow.hash).where(AuditRow.id == anchor.row)
    return session.scalars(query).first() == anchor.hash


def move(session: Session, anchor: Anchor) -> None:
    """Write the anchor once the session's transaction is committed.

    An anchor that the log contradicts is left as it is: it is the only witness. Neither a lost
    write nor an older one harms, since any row of the log will do for an anchor.
    """
    store = _store(session)
    if store is None:
        return
    try:
        old = read(store)
    except AnchorError:
        return
    if old is not None and not holds(session, old):
        _log.warning("the audit log does not fit its anchor; `chexdesk audit verify` says how")
        return

    def committed(_session: Session) -> None:
        with contextlib.suppress(OSError):
            write(store, anchor)

    event.listen(session, "after_commit", committed, once=True)


def _store(session: Session) -> Path | None:
    row = session.connection().exec_driver_sql("PRAGMA database_list").first()
    return Path(row[2]) if row is not None and row[2] else None

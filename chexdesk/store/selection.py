"""Reports by what a person would name them by, and whether another file holds them too."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from chexdesk.store import cipher, upkeep
from chexdesk.store.records import StoreError
from chexdesk.store.schema import ReportRow
from chexdesk.store.values import chunks


@dataclass(frozen=True)
class Selection:
    """Which reports are meant: those that fit all that is given.

    Attributes:
        ids: their ids, verbatim; None for any.
        source: the file that they came from: its name or its path; None for any.
        before: those added before this moment; None for any time.
    """

    ids: frozenset[str] | None = None
    source: str | None = None
    before: datetime | None = None


Identity = tuple[str, str]


def find(session: Session, selection: Selection) -> dict[int, Identity]:
    """The keys of the reports that are meant, each with its id and the sha256 of its text."""
    query = select(ReportRow.id, ReportRow.external_id, ReportRow.sha256, ReportRow.source)
    if selection.before is not None:
        query = query.where(ReportRow.added_at < selection.before)
    found = {}
    for key, name, digest, source in session.execute(query.order_by(ReportRow.id)):
        if selection.ids is not None and name not in selection.ids:
            continue
        if selection.source is None or _comes_from(source, selection.source):
            found[key] = (name, digest)
    return found


def copies_with(
    store: Path, identities: Collection[Identity], key: cipher.Key | None
) -> Iterator[Path]:
    """The other stores in the same folder that hold any of these reports, or cannot be looked into.

    Raises:
        StoreError: the folder cannot be read.
    """
    try:
        beside = sorted(store.parent.iterdir())
    except OSError as error:
        raise StoreError(f"{store.parent} cannot be read ({error.strerror})") from error
    for path in beside:
        if path.is_file() and path.suffix == store.suffix and path.name != store.name:
            try:
                if _holds(path, identities, key):
                    yield path
            except StoreError:
                yield path


def _holds(path: Path, identities: Collection[Identity], key: cipher.Key | None) -> bool:
    if cipher.is_encrypted(path) != (key is not None):
        raise StoreError(f"{path} has another key")
    upkeep.check(path, key)
    with closing(cipher.connect(path, key)) as connection:
        for some in chunks(identities):
            for name, digest in some:
                query = "SELECT 1 FROM reports WHERE external_id = ? AND sha256 = ?"
                if connection.execute(query, (name, digest)).fetchone():
                    return True
    return False


def _comes_from(source: str, wanted: str) -> bool:
    """Whether a source such as `/data/a.csv:17` is the file of that name or path."""
    for path in (source, source.rpartition(":")[0]):
        if path and wanted in (path, Path(path).name):
            return True
    return False

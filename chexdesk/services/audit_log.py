"""The audit log as people use it: checked, and written out to be kept elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from chexdesk.services.library import Library, StoreError
from chexdesk.services.wholefile import whole_file
from chexdesk.store import anchor, audit
from chexdesk.store.audit import Verdict

__all__ = ["Verdict", "export_log", "verify_log"]


def verify_log(library: Library, against: Path | None = None) -> Verdict:
    """Check the log of a library: its chain, its anchor, and an export of an earlier day.

    Raises:
        StoreError: the store or the export cannot be read.
    """
    faults: list[str] = []
    try:
        known = anchor.read(library.path)
    except anchor.AnchorError as error:
        known = None
        faults.append(str(error))
    with library.reading() as session:
        verdict = audit.verify(session, known)
        if against is not None:
            exported = _exported(against)
            missing = [each for each in exported if not anchor.holds(session, each)]
            if missing:
                faults.append(
                    f"{len(missing)} of the {len(exported)} rows of {against} are not in the log, "
                    f"or are others there; the first is row {missing[0].row}"
                )
    return Verdict(verdict.rows, verdict.last, (*verdict.faults, *faults))


def export_log(library: Library, path: Path) -> int:
    """Write the log as JSONL, one row a line; nothing of a report's text is in it.

    Returns:
        how many rows there are.

    Raises:
        OSError: the file cannot be written; then there is none.
        StoreError: the store cannot be read.
    """
    number = 0
    with library.reading() as session, whole_file(path) as file:
        for record in audit.records(session):
            file.write(json.dumps(record) + "\n")
            number += 1
    return number


def _exported(path: Path) -> list[anchor.Anchor]:
    try:
        lines = path.read_text("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        return [anchor.Anchor(int(row["row"]), str(row["hash"])) for row in rows]
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is no export of an audit log") from error

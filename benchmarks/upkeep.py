"""How long copies, encryption and purges of a library take, and what a purge leaves.

    python -m benchmarks.upkeep [--reports 20000]

A made-up library, half of whose reports hold one odd word, is backed up, restored, encrypted and
purged of that half; then every file that the app wrote is searched for the word.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from chexdesk.labels import Certainty
from chexdesk.reports.report import Report
from chexdesk.services import upkeep
from chexdesk.services.library import Library

WORD: Final = "xylocanary"
PASSPHRASE: Final = "seventeen quiet boats"


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.2f} s")


def holding(folder: Path) -> tuple[int, list[str]]:
    """How many files were searched, and those that hold the word."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    codes = (WORD.encode(), WORD.encode("utf-16-le"))
    return len(files), [
        path.name for path in files if any(code in path.read_bytes() for code in codes)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Copies, encryption and purges, timed.")
    parser.add_argument("--reports", type=int, default=20_000)
    count: int = parser.parse_args().reports
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        os.environ["CHEXDESK_HOME"] = str(home)
        body = "The heart is of ordinary size. A small effusion lies on the left. " * 6
        with closing(Library.open()) as library:
            library.add_reports(
                Report(f"r{n}", f"{body} {WORD if n % 2 else 'plain'} {n}.", f"{n % 2}.csv:{n}")
                for n in range(count)
            )
            for entry in library.entries()[:500]:
                library.correct(entry.key, entry.key % 14, Certainty.NEGATIVE)
                library.set_note(entry.key, WORD if entry.key % 2 == 0 else "seen")
            print(f"{count} reports, {library.path.stat().st_size / 1e6:.1f} MB")
            copy = Path(place) / "copy.sqlite3"
            with timed("backup, with its check"):
                upkeep.back_up(library, copy)
        with timed("restore, with the check and a copy of what there was"):
            upkeep.restore(copy, None, None)
        for kept in home.glob("*.before-restore-*"):
            kept.unlink()
        with closing(Library.open()) as library:
            keys = upkeep.select(library, upkeep.Selection(source="1.csv"))
            with timed(f"purge of {len(keys)} reports"):
                upkeep.purge(library, keys)
        searched, found = holding(home)
        print(f"files searched after the purge: {searched}; files with the word: {len(found)}")
        upkeep.restore(copy, None, None)
        for kept in home.glob("*.before-restore-*"):
            kept.unlink()
        with timed("encryption"):
            upkeep.change_passphrase(None, PASSPHRASE)
        with timed("opening the encrypted library"):
            Library.open(passphrase=PASSPHRASE).close()
        searched, encrypted = holding(home)
        print(f"files searched once encrypted: {searched}; files with the word: {len(encrypted)}")
    return int(bool(found or encrypted))


if __name__ == "__main__":
    sys.exit(main())

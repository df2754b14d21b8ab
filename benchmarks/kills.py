"""`kill -9` at random moments: is anything lost, doubled or half written?

    python -m benchmarks.kills [--kills 200] [--seed 1]

Each round starts a program that works on a library or writes a file, kills it after a random while,
and looks at what is left. Activities: `correct` (one correction after another), `import` (reports
added and labelled), `export` (a file written over and over), `migrate` (a file of the first schema
opened), `label` (`chexdesk label` with `--resume` after every kill, until it ends by itself).

Checked after every kill: `PRAGMA integrity_check`, foreign keys, the audit log's chain and anchor;
no correction that was reported as stored is gone; no report is there or labelled twice; an export
is whole or absent. At the end the resumed output has the bytes of an unbroken run.
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.reports.report import Report
from chexdesk.services.audit_log import verify_log
from chexdesk.services.library import Library

ROOT: Final = Path(__file__).resolve().parents[1]
FIRST_SCHEMA: Final = ROOT / "tests" / "store" / "library-v0001.sqlite3"
ACTIVITIES: Final = ("correct", "import", "export", "migrate", "label")
#: Within so many seconds of its first word a program is killed.
WINDOW_S: Final = 0.25
REPORTS: Final = 600
CORRECTED: Final = 3

CORRECT: Final = """
import sys
from pathlib import Path
from chexdesk.labels import CERTAINTIES
from chexdesk.services.library import Library

library = Library.open(Path(sys.argv[1]))
step = int(sys.argv[2])
while True:
    library.correct(1 + step % 3, step % 14, CERTAINTIES[step // 42 % 4])
    print(step, flush=True)
    step += 1
"""

IMPORT: Final = """
import sys
from pathlib import Path
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES
from chexdesk.reports.report import Report
from chexdesk.services.library import Library

library = Library.open(Path(sys.argv[1]))
model = ModelId("small", "a" * 64, "1")
print("begun", flush=True)
library.add_reports(Report(f"n{n}", f"Small effusion {n}.") for n in range(int(sys.argv[2])))
rows = ((0.7, 0.1, 0.1, 0.1),) * 14
while pending := library.unlabelled(model)[:64]:
    library.save_predictions(
        (key, Prediction(r.id, CERTAINTIES[:1] * 14, rows, model)) for key, r in pending
    )
print("done", flush=True)
"""

EXPORT: Final = """
import sys
from pathlib import Path
from chexdesk.services.library import Library
from chexdesk.services.reviews import export_reviews

library = Library.open(Path(sys.argv[1]))
print("begun", flush=True)
while True:
    export_reviews(library, Path(sys.argv[2]))
"""

MIGRATE: Final = """
import sys
from pathlib import Path
print("begun", flush=True)
from chexdesk.services.library import Library
Library.open(Path(sys.argv[1])).close()
print("done", flush=True)
"""


class Lost(AssertionError):
    """Something that must never happen did; the message says what."""


@dataclass
class Tally:
    """What was done.

    Attributes:
        kills: by activity.
        checks: files that were looked at after a kill.
        corrections: those that were reported as stored, all found again.
    """

    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    checks: int = 0
    corrections: int = 0


def kill_one(command: Sequence[str | Path], chance: random.Random) -> tuple[list[str], bool]:
    """Start a program, kill it a random while after its first line.

    Returns:
        its whole lines, and whether it was killed rather than through by itself.
    """
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(chance.uniform(0, WINDOW_S))
    process.kill()
    lines = [first, *process.stdout.readlines()]
    process.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")], process.wait() < 0


def check_store(path: Path, tally: Tally) -> None:
    """The file is sound, its log whole, and nothing in it is there twice."""
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise Lost("integrity_check fails")
        if connection.execute("PRAGMA foreign_key_check").fetchall():
            raise Lost("a reference leads nowhere")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "reports" in tables:
            for table, columns in (("reports", "external_id, sha256"),
                                   ("predictions", "report_id, model_id, label_set")):  # fmt: skip
                query = f"SELECT 1 FROM {table} GROUP BY {columns} HAVING count(*) > 1"
                if connection.execute(query).fetchone():
                    raise Lost(f"something is in {table} twice")
    with closing(Library.open(path)) as library:
        faults = verify_log(library).faults
    if faults:
        raise Lost("; ".join(faults))
    tally.checks += 1


class Site:
    """The files that are worked on, and what must be found in them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder, self._chance = folder, chance
        self.tally = Tally()
        self._corrected = folder / "corrected.sqlite3"
        self._steps = 0
        with closing(Library.open(self._corrected)) as library:
            library.add_reports(Report(name, "Edema.") for name in "abc")
        self._imported = folder / "imported.sqlite3"
        self._source = folder / "source.csv"
        with self._source.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("id", "report"))
            rows.writerows((n, f"Small left effusion {n}. No edema.") for n in range(REPORTS * 4))
        self._whole = folder / "whole.jsonl"
        subprocess.run([*self._label(self._whole)], check=True, capture_output=True, cwd=ROOT)
        self._resumed = 0

    def round(self, activity: str) -> None:
        """One kill and one look. Raises Lost."""
        getattr(self, f"_{activity}_round")()

    def _kill(self, activity: str, *command: str | Path) -> list[str]:
        lines, killed = kill_one([sys.executable, *command], self._chance)
        self.tally.kills[activity] += killed
        return lines

    def _correct_round(self) -> None:
        lines = self._kill("correct", "-c", CORRECT, self._corrected, str(self._steps))
        told = [int(line) for line in lines]
        if told != list(range(self._steps, self._steps + len(told))):
            raise Lost("the corrections are out of step")
        self._steps += len(told)
        self.tally.corrections += len(told)
        check_store(self._corrected, self.tally)
        with closing(Library.open(self._corrected)) as library:
            keys = range(1, 1 + CORRECTED)
            found = [library.detail(key).decisions or _after(0)[0] for key in keys]
        # One more may have been stored than there was time to tell.
        for extra in (0, 1):
            if found == _after(self._steps + extra):
                self._steps += extra
                return
        raise Lost("a correction that was stored is gone")

    def _import_round(self) -> None:
        lines = self._kill("import", "-c", IMPORT, self._imported, str(REPORTS))
        check_store(self._imported, self.tally)
        if "done" in lines:
            with closing(Library.open(self._imported)) as library:
                counts = library.counts()
            if (counts.reports, counts.labelled) != (REPORTS, REPORTS):
                raise Lost(f"{counts.reports} reports, {counts.labelled} labelled of {REPORTS}")
            for part in self._folder.glob("imported.sqlite3*"):
                part.unlink()

    def _export_round(self) -> None:
        out = self._folder / "export.jsonl"
        self._kill("export", "-c", EXPORT, self._corrected, out)
        check_store(self._corrected, self.tally)
        if out.exists():
            rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
            with closing(Library.open(self._corrected)) as library:
                expected = sum(1 for _ in library.reviewed())
            if len(rows) != expected:
                raise Lost("an export is there and not whole")
            out.unlink()

    def _migrate_round(self) -> None:
        path = self._folder / "old.sqlite3"
        shutil.copy(FIRST_SCHEMA, path)
        before = _texts(path)
        self._kill("migrate", "-c", MIGRATE, path)
        check_store(path, self.tally)
        if _texts(path) != before:
            raise Lost("a migration changed or lost a report")
        for part in self._folder.glob("old.sqlite3*"):
            part.unlink()

    def _label_round(self) -> None:
        out = self._folder / "resumed.jsonl"
        process = subprocess.Popen(
            self._label(out, "--resume"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
        partial = out.with_name(f"{out.name}.partial")
        before = partial.stat().st_size if partial.exists() else 0
        while process.poll() is None and not (partial.exists() and partial.stat().st_size > before):
            time.sleep(0.005)
        time.sleep(self._chance.uniform(0, WINDOW_S / 4))
        process.kill()
        process.communicate()
        self.tally.kills["label"] += process.returncode < 0
        if out.exists():
            if out.read_bytes() != self._whole.read_bytes():
                raise Lost("a resumed run ended with other bytes")
            out.unlink()
            partial.unlink(missing_ok=True)
            self._resumed += 1
        elif partial.exists() and not self._whole.read_bytes().startswith(partial.read_bytes()):
            raise Lost("what a killed run left is not the beginning of the whole")

    def finish(self) -> None:
        """Let the run that was killed again and again come to its end. Raises Lost."""
        out = self._folder / "resumed.jsonl"
        subprocess.run(self._label(out, "--resume"), check=True, capture_output=True, cwd=ROOT)
        if out.read_bytes() != self._whole.read_bytes():
            raise Lost("a resumed run ended with other bytes")
        ids = [json.loads(line)["id"] for line in out.read_text("utf-8").splitlines()]
        if len(ids) != len(set(ids)):
            raise Lost("a report was labelled twice")

    def _label(self, out: Path, *options: str) -> list[str]:
        command = ["-m", "chexdesk.cli", "label", str(self._source), "--output", str(out)]
        return [sys.executable, *command, "--engine", "rules", *options]


def _after(steps: int) -> list[tuple[Certainty, ...]]:
    """What the three reports say after so many corrections."""
    state = [[Certainty.NOT_MENTIONED] * len(chexpert14()) for _ in range(CORRECTED)]
    for step in range(steps):
        state[step % CORRECTED][step % 14] = CERTAINTIES[step // 42 % 4]
    return [tuple(row) for row in state]


def _texts(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT external_id, text FROM reports ORDER BY id"
        return connection.execute(query).fetchall()


def soak(kills: int, seed: int, folder: Path) -> Tally:
    """Kill so many programs, the activities in turn. Raises Lost at the first loss."""
    os.environ["CHEXDESK_HOME"] = str(folder / "home")
    site = Site(folder, random.Random(seed))
    turn = 0
    while site.tally.kills.total() < kills:
        site.round(ACTIVITIES[turn % len(ACTIVITIES)])
        turn += 1
    site.finish()
    return site.tally


def main() -> int:
    parser = argparse.ArgumentParser(description="kill -9 at random moments.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            tally = soak(chosen.kills, chosen.seed, Path(folder))
        except Lost as loss:
            print(f"LOST: {loss}")
            return 1
    for activity in ACTIVITIES:
        print(f"{activity}: {tally.kills[activity]} kills")
    print(
        f"{tally.kills.total()} kills survived; {tally.checks} libraries sound after it; "
        f"{tally.corrections} corrections reported as stored, none gone; every export whole or "
        "absent; the resumed run's bytes are those of an unbroken one."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A killed process loses nothing that it had been told was stored, and leaves a whole file."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chexdesk.labeling.labeler import ModelId
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.reports.report import Report
from chexdesk.services.library import Library
from chexdesk.store import audit

LABELS = chexpert14()

CORRECTING = """
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

LABELLING = """
import sys
from pathlib import Path
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES
from chexdesk.services.library import Library

library = Library.open(Path(sys.argv[1]))
model = ModelId("small", "a" * 64, sys.argv[2])

def predictions():
    for number, (key, report) in enumerate(library.unlabelled(model)):
        yield key, Prediction(report.id, CERTAINTIES[:1] * 14, ((0.7, 0.1, 0.1, 0.1),) * 14, model)
        print(number, flush=True)

library.save_predictions(predictions())
"""


def run_and_kill(code: str, path: Path, argument: str, lines: int, pause: float) -> list[int]:
    """Kills the program some time after it has printed some lines; all its whole lines."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), argument], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(lines)]
    time.sleep(pause)
    process.kill()
    printed += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [int(line) for line in printed if line.endswith("\n")]


def check(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def after(steps: int) -> dict[int, list[Certainty]]:
    """What the three reports say after so many steps of CORRECTING."""
    state = {key: [Certainty.NOT_MENTIONED] * 14 for key in (1, 2, 3)}
    for step in range(steps):
        state[1 + step % 3][step % 14] = CERTAINTIES[step // 42 % 4]
    return state


def test_no_stored_correction_is_lost(empty_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    path.write_bytes(empty_file.read_bytes())
    library = Library.open(path)
    library.add_reports(Report(name, "Edema.") for name in "abc")
    library.close()
    done = 0
    for pause in (0.0, 0.004, 0.011):
        printed = run_and_kill(CORRECTING, path, str(done), 5, pause)
        assert printed == list(range(done, done + len(printed)))
        done += len(printed)
        check(path)
        library = Library.open(path)
        stored = {key: list(library.detail(key).decisions or ()) for key in (1, 2, 3)}
        # One more may have been stored than there was time to say.
        possible = [after(done), after(done + 1)]
        assert stored in possible
        if stored == possible[1]:
            done += 1
        with library._database.reading() as session:
            assert audit.first_break(session) is None
        library.close()


@pytest.mark.parametrize("lines", [1, 300])
def test_predictions_are_stored_in_whole_batches(
    empty_file: Path, tmp_path: Path, lines: int
) -> None:
    path = tmp_path / "library.sqlite3"
    path.write_bytes(empty_file.read_bytes())
    library = Library.open(path)
    library.add_reports(Report(str(number), "Edema.") for number in range(2000))
    library.close()
    printed = run_and_kill(LABELLING, path, "1", lines, 0.0)
    check(path)
    library = Library.open(path)
    done = library.counts().labelled
    assert done % 256 == 0 or done == 2000
    assert done >= (len(printed) - 1) // 256 * 256
    assert len(library.unlabelled(ModelId("small", "a" * 64, "1"))) == 2000 - done
    library.close()

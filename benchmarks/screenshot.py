"""Pictures of the real window with real labels.

    .venv/bin/python benchmarks/screenshot.py --out docs/screenshots

Needs no display. The labels are those of the model pack where there is one, else of the rule
engine. Each scale takes a process of its own, since Qt fixes it when it starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

SCALES: Final = {"": "1", "-150": "1.5", "-200": "2"}
SMALL: Final = (960, 540)


def main() -> int:
    """Take the pictures of every scale."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder for the pictures")
    parser.add_argument("--suffix", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.suffix is not None:
        take(given.out, given.suffix)
        return 0
    for suffix, scale in SCALES.items():
        command = [sys.executable, __file__, "--out", str(given.out), f"--suffix={suffix}"]
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "QT_SCALE_FACTOR": scale}
        subprocess.run(command, env=environment, check=True)
    return 0


def take(out: Path, suffix: str) -> None:
    """Take the pictures of one scale."""
    from chexdesk.gui import theme
    from chexdesk.gui.app import make_application
    from chexdesk.gui.main_window import MainWindow
    from chexdesk.gui.models.engine import open_engine
    from chexdesk.gui.models.session import Session
    from chexdesk.gui.page_switch import WindowPage
    from chexdesk.gui.validation_dialog import ValidationDialog
    from chexdesk.labels import Certainty
    from chexdesk.paths import resources
    from chexdesk.services.library import Library

    app = make_application()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        os.environ["CHEXDESK_HOME"] = place
        session = Session(Library.open(home / "library.sqlite3"), open_engine)
        window = MainWindow(session)
        window.show()

        def settle(until: Callable[[], bool] = lambda: True) -> None:
            for _ in range(6):
                app.processEvents()
            while not (session.idle and until()):
                app.processEvents()

        def shoot(name: str, looks: tuple[theme.Appearance, ...]) -> None:
            for look in looks:
                theme.wear(look)
                settle()
                path = out / f"{name}-{look.value}{suffix}.png"
                window.grab().save(str(path))
                print(path)

        def show(report_id: str, finding: str) -> None:
            ids = [session.reports.index(n).data() for n in range(session.reports.rowCount())]
            session.show_row(ids.index(report_id))
            session.select_finding(session.label_set.index(finding))
            settle()

        both = (theme.Appearance.LIGHT, theme.Appearance.DARK)
        looks = both if not suffix else both[:1]
        session.start()
        settle()
        window.messages.dismiss()
        if not suffix:
            shoot("welcome", looks)
        samples = resources() / "samples"
        session.open_paths([samples])
        settle(lambda: session.reports.rowCount() == len(list(samples.glob("*.txt"))))
        show("01-normal.txt", "Edema")
        session.accept()
        settle()
        show("05-negated-list.txt", "Pneumothorax")
        if not suffix:
            shoot("negated", looks)
        show("04-three-in-one-sentence.txt", "Cardiomegaly")
        session.correct(Certainty.NOT_MENTIONED)
        settle()
        session.select_finding(session.label_set.index("Atelectasis"))
        shoot("hedged", looks)
        if suffix == "-200":
            window.resize(*SMALL)
            shoot("hedged-small", looks)
        if suffix != "-150":
            for number in range(2, 8):
                session.show_row(number)
                settle()
                session.accept()
                settle()
            for page in (WindowPage.COMPARE, WindowPage.OVERVIEW, WindowPage.MODELS):
                window.pages.go(page)
                settle()
                shoot(page.value, looks)
            window.pages.open_validation()
            settle()
            dialog = window.findChild(ValidationDialog)
            assert dialog is not None
            path = out / f"validation-light{suffix}.png"
            theme.wear(theme.Appearance.LIGHT)
            dialog.grab().save(str(path))
            print(path)
            dialog.close()
        window.close()


if __name__ == "__main__":
    sys.exit(main())

"""How quick the queues, the search and the window are with very many reports.

    .venv/bin/python benchmarks/queues.py --reports 100000 --library /tmp/many.sqlite3

Makes a library of made-up reports (kept for the next run where `--library` names a file), times
each question that the list asks, and then drives the real window, without a display, through a
scripted review: two corrections in ten reports, an undo now and then, and a search. A stall is
how much later than asked for a timer of the GUI thread fired.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.services.library import Library
from chexdesk.services.queues import Filter, Queue, Sample
from chexdesk.store import predictions

MODEL: Final = ModelId("made-up", "0" * 64, "1")
PLACES: Final = ("left base", "right apex", "lingula", "both lungs", "right hilum")
THINGS: Final = ("opacity", "effusion", "pneumothorax", "edema", "nodule", "atelectasis")
FORMS: Final = ("There is {} in the {}.", "No {} in the {}.", "Possible {} in the {}.")
TICK_MS: Final = 2


def main() -> int:
    """Make the library, ask, review; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--reviews", type=int, default=200)
    parser.add_argument("--library", type=Path, help="the file; a temporary one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = given.library or Path(place) / "many.sqlite3"
        known = path.exists()
        begun = time.perf_counter()
        library = Library.open(path)
        print(f"open                     {1000 * (time.perf_counter() - begun):8.1f} ms")
        if not known:
            fill(library, given.reports)
        ask(library)
        library.close()
        review(path, given.reviews)
    return 0


def fill(library: Library, number: int) -> None:
    """Add made-up reports with labels."""
    chance = random.Random(0)
    begun = time.perf_counter()
    for start in range(1, number + 1, 500):
        keys = range(start, min(start + 500, number + 1))
        reports = [Report(f"report-{key:06}", text(chance), f"many.csv:{key}") for key in keys]
        library.add_reports(reports)
        pairs = [
            (key, prediction(chance, report.id, library.label_set))
            for key, report in zip(keys, reports, strict=True)
        ]
        # The rules' reading costs milliseconds a report and has no part in what is measured.
        differing = {(key, MODEL): chance.choice((0, 0, 0, 1, 2)) for key in keys}
        with library.writing() as session:
            predictions.save(session, library.label_set, pairs, differing)
    print(f"made {number:,} reports in {time.perf_counter() - begun:.0f} s")


def text(chance: random.Random) -> str:
    """A report of five to twelve sentences."""
    sentences = (
        chance.choice(FORMS).format(chance.choice(THINGS), chance.choice(PLACES))
        for _ in range(chance.randint(5, 12))
    )
    return f"{' '.join(sentences)} Case {chance.randint(1, 999_999)}."


def prediction(chance: random.Random, name: str, label_set: LabelSet) -> Prediction:
    """Labels with probabilities, mostly "not mentioned"."""
    said = tuple(chance.choices(CERTAINTIES, (2, 3, 1, 8))[0] for _ in label_set.findings)
    sure = [0.4 + 0.6 * chance.random() ** 0.2 for _ in said]
    rows = tuple(
        tuple(p if each is certainty else (1 - p) / 3 for each in CERTAINTIES)
        for certainty, p in zip(said, sure, strict=True)
    )
    return Prediction(name, said, rows, MODEL)


def ask(library: Library) -> None:
    """Time what the list asks for."""
    queues = library.queues

    def clock(words: str, question: Callable[[], object]) -> None:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            answer = question()
            times.append(1000 * (time.perf_counter() - begun))
        size = f"{len(answer):,}" if isinstance(answer, (list, dict)) else ""
        print(f"{words:24} {statistics.median(times):8.1f} ms  {size}")

    for queue in Queue:
        clock(f"queue {queue.value}", partial(queues.keys, Filter(queue, sample=Sample(size=100))))
    positive = Filter(findings=frozenset({(5, Certainty.POSITIVE)}))
    clock("finding and certainty", lambda: queues.keys(positive))
    for words in ("pneumo", "opacity lingula", '"effusion in the left"', "case 4242"):
        clock(f"search {words}", partial(queues.keys, Filter(words=words)))
    keys = queues.keys(Filter())
    middle = keys[len(keys) // 2 : len(keys) // 2 + 200]
    clock("a page of 200 entries", lambda: queues.entries(middle))
    clock("tally", queues.tally)
    clock("counts", library.counts)
    clock("a correction", lambda: library.correct(keys[7], 5, random.choice(CERTAINTIES)))


def review(path: Path, number: int) -> None:
    """Review many reports in the real window and print its stalls."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QEventLoop, QTimer

    from chexdesk.gui.app import make_application
    from chexdesk.gui.main_window import MainWindow
    from chexdesk.gui.models.engine import Engine
    from chexdesk.gui.models.session import Session
    from chexdesk.services.engines import open_labeler

    app = make_application()
    session = Session(Library.open(path), lambda: Engine(open_labeler("rules")))
    window = MainWindow(session)
    stalls: list[float] = []
    timer = QTimer()
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        stalls.append(1000 * (now - last[0]) - TICK_MS)
        last[0] = now

    timer.timeout.connect(tick)

    def settle() -> None:
        app.processEvents()
        # Without waiting, this loop would itself keep the other threads from running.
        while not session.idle:
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def watch(words: str, work: Callable[[], None]) -> None:
        stalls.clear()
        last[0] = begun = time.perf_counter()
        timer.start(TICK_MS)
        work()
        timer.stop()
        taken = time.perf_counter() - begun
        print(f"{words:24} {1000 * taken:8.0f} ms, longest stall {max(stalls, default=0):5.1f} ms")

    def go_through() -> None:
        chance = random.Random(1)
        for count in range(number):
            if chance.random() < 0.2:
                place = chance.randrange(len(session.label_set))
                session.correct(chance.choice(CERTAINTIES), place)
                settle()
            if count % 40 == 39:
                session.undo()
                settle()
            session.accept()
            settle()

    def start() -> None:
        window.show()
        session.start()
        settle()

    def scroll() -> None:
        bar = window.report_list.verticalScrollBar()
        for place in range(0, bar.maximum(), max(1, bar.maximum() // 50)):
            bar.setValue(place)
            settle()

    def type_words() -> None:
        for end in range(1, len("pneumothorax") + 1):
            window.queue_bar.search.setText("pneumothorax"[:end])
            app.processEvents()
        settle()
        window.queue_bar.search.clear()
        settle()

    def doubtful() -> None:
        session.queue.choose(Queue.DOUBTFUL)
        settle()

    watch("start", start)
    watch("scroll", scroll)
    watch("type a search", type_words)
    watch("doubtful first", doubtful)
    watch(f"review {number} reports", go_through)
    window.close()


if __name__ == "__main__":
    sys.exit(main())

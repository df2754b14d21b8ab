"""The view model of the overview: figures as bars, each with words and the reports behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from chexdesk.gui import theme
from chexdesk.gui.tasks import Operation, Query, Tasks
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.services.library import Library, ReviewStatus
from chexdesk.services.overview import (
    DOUBT_BINS,
    Bar,
    Differing,
    Doubt,
    Overview,
    Progress,
    Standing,
    Took,
    export_overview,
    interval_words,
    overview,
    reports_of,
)

#: The order of the stretches of a prevalence bar, from the axis outwards.
STACKED: Final = (Certainty.POSITIVE, Certainty.UNCERTAIN, Certainty.NEGATIVE)

#: What has changed is counted anew once things have been quiet for this long.
_QUIET_MILLISECONDS: Final = 1200


class Look(Enum):
    """How a bar is filled; never told apart by colour alone."""

    POSITIVE = "positive"
    UNCERTAIN = "uncertain"
    NEGATIVE = "negative"
    PLAIN = "plain"
    DOUBTFUL = "doubtful"
    PALE = "pale"
    QUIET = "quiet"


@dataclass(frozen=True)
class Drawn:
    """One bar of a plot.

    Attributes:
        x, y, width, height: in the plot's own units.
        words: what it says, for the pointer and for a screen reader.
        bar: what is behind it.
        interval: the ends of a 95 % interval, in the units of the bar's length; None for none.
    """

    x: float
    y: float
    width: float
    height: float
    look: Look
    words: str
    bar: Bar
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plot:
    """A plot's bars and axes.

    Attributes:
        ticks: places and words; of the rows where they are `rows`, else of the columns.
        reach: the length of the value axis.
        aside: words beside the title.
        empty: what to say instead of bars; "" where there are some.
    """

    bars: tuple[Drawn, ...]
    ticks: tuple[tuple[float, str], ...]
    reach: float
    aside: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Board:
    """All plots of the page."""

    prevalence: Plot
    agreement: Plot
    progress: Plot
    doubts: Plot
    times: Plot
    words: str


class DashboardModel(QObject):
    """Counts in the background and opens the reports behind a bar.

    Signals:
        counted: the `Board`.
        picked: the `Filter` that lists the reports behind a bar.
        said: a passing word for the status bar.
        failed: what the user should know.
    """

    counted = Signal(object)
    picked = Signal(object)
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, library: Library, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._tasks = tasks
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MILLISECONDS)
        self._quiet.timeout.connect(self.count)

    def count(self) -> None:
        """Count everything anew."""

        def read() -> Board:
            return board(overview(self._library), self._library.label_set)

        self._tasks.query(Query(read, self.counted.emit, aside=True))

    def count_soon(self) -> None:
        """Count once nothing has changed for a moment."""
        self._quiet.start()

    def open(self, bar: Bar) -> None:
        """Ask for the reports behind a bar."""
        self._tasks.query(Query(lambda: reports_of(self._library, bar), self.picked.emit))

    def export_table(self, path: Path) -> None:
        """Write all figures as a table."""
        self._tasks.operate(
            Operation(
                lambda: export_overview(self._library, path),
                lambda change: self.said.emit(change.what),
                aside=True,
            )
        )


def board(found: Overview, label_set: LabelSet) -> Board:
    """The bars of an overview."""
    reviewed = found.accepted + found.corrected
    return Board(
        prevalence=_prevalence(found, label_set),
        agreement=_agreement(found, label_set),
        progress=_progress(found),
        doubts=_doubts(found),
        times=_times(found),
        words=f"{_reports(found.reports)}, {found.labelled:,} labelled, {reviewed:,} reviewed",
    )


def _prevalence(found: Overview, label_set: LabelSet) -> Plot:
    total = max(found.labelled, 1)
    bars: list[Drawn] = []
    for place, numbers in enumerate(found.findings):
        x = 0.0
        for certainty in STACKED:
            number = numbers[CERTAINTIES.index(certainty)]
            if number:
                share = 100 * number / total
                name = label_set.names[place]
                words = f"{name}, {certainty.title}: {_reports(number)}, {share:.0f} %"
                look = Look(certainty.value)
                bar = Standing(place, certainty)
                bars.append(Drawn(x, _row(place) - 0.31, share, 0.62, look, words, bar))
                x += share
    ticks = tuple((_row(place), name) for place, name in enumerate(label_set.names))
    empty = "" if bars else "No labels yet."
    return Plot(tuple(bars), ticks, 100.0, empty=empty)


def _agreement(found: Overview, label_set: LabelSet) -> Plot:
    bars: list[Drawn] = []
    alike_in_all = compared_in_all = 0
    for place, agreement in enumerate(found.agreement):
        alike, compared = agreement.alike, agreement.compared
        alike_in_all += alike
        compared_in_all += compared
        if compared:
            share = 100 * alike / compared
            low, high = agreement.interval
            words = (
                f"{label_set.names[place]}: alike in {alike:,} of {compared:,}, "
                f"{share:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f})"
            )
            interval = (100 * low, 100 * high)
            bars.append(
                Drawn(
                    0.0,
                    _row(place) - 0.31,
                    share,
                    0.62,
                    Look.PALE,
                    words,
                    Differing(place),
                    interval,
                )
            )
    ticks = tuple((_row(place), "") for place in range(len(label_set)))
    aside = f"{100 * alike_in_all / compared_in_all:.1f} % of all" if compared_in_all else ""
    empty = "" if bars else "No report is reviewed yet."
    return Plot(tuple(bars), ticks, 100.0, aside, empty)


def _progress(found: Overview) -> Plot:
    bars: list[Drawn] = []
    x = 0.0
    for number, look, words, status in (
        (found.accepted, Look.PLAIN, "accepted", ReviewStatus.ACCEPTED),
        (found.corrected, Look.UNCERTAIN, "corrected", ReviewStatus.CORRECTED),
        (found.waiting, Look.QUIET, "to review", ReviewStatus.UNREVIEWED),
        (found.failed, Look.DOUBTFUL, "without labels", None),
    ):
        if number:
            said = f"{words}: {_reports(number)}"
            bars.append(Drawn(x, 0.2, float(number), 0.6, look, said, Progress(status)))
            x += number
    reviewed = found.accepted + found.corrected
    aside = f"{reviewed:,} of {found.reports:,}"
    return Plot(tuple(bars), (), max(x, 1.0), aside, "" if bars else "No reports yet.")


def _doubts(found: Overview) -> Plot:
    bars: list[Drawn] = []
    for place, number in enumerate(found.doubts):
        low, high = place / DOUBT_BINS, (place + 1) / DOUBT_BINS
        if number:
            look = Look.DOUBTFUL if low >= theme.DOUBTFUL else Look.PLAIN
            words = f"Doubt {low:.0%} to {high:.0%}: {_reports(number)}"
            bars.append(Drawn(place + 0.08, 0.0, 0.84, float(number), look, words, Doubt(place)))
    ticks = tuple((DOUBT_BINS * n / 4, f"{n / 4:.0%}") for n in range(5))
    doubtful = sum(found.doubts[round(theme.DOUBTFUL * DOUBT_BINS) :])
    aside = f"{doubtful:,} above {theme.DOUBTFUL:.0%}" if bars else ""
    empty = "" if bars else "No probabilities yet."
    return Plot(tuple(bars), ticks, float(max(found.doubts, default=1) or 1), aside, empty)


def _times(found: Overview) -> Plot:
    bars: list[Drawn] = []
    for place, number in enumerate(found.times):
        if number:
            words = f"{interval_words(place)}: {_reports(number)}"
            bar = Took(place)
            bars.append(Drawn(place + 0.08, 0.0, 0.84, float(number), Look.PLAIN, words, bar))
    labels = ("0", "5", "10", "20", "30", "60 s", "2 min", "10")
    aside = "" if found.median_seconds is None else f"median {found.median_seconds:.0f} s"
    return Plot(
        tuple(bars),
        tuple((float(n), label) for n, label in enumerate(labels)),
        float(max(found.times, default=1) or 1),
        aside,
        "" if bars else "Shown after two reviewed reports.",
    )


def _row(place: int) -> float:
    """The height of a finding's row: the first is at the top."""
    return -float(place)


def _reports(number: int) -> str:
    return "1 report" if number == 1 else f"{number:,} reports"

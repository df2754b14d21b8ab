"""The overview of a library: how findings are spread, how far the review is, how well it agrees."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chexdesk.evaluation.validation import wilson
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.services.library import Change, Library, ReviewStatus
from chexdesk.services.queues import Filter, Selection
from chexdesk.services.wholefile import output_file
from chexdesk.store import overview as store

#: Equal parts of the doubt from 0 to 1.
DOUBT_BINS: Final = 20
#: Seconds a report: the edges of the bars; the last is where a pause begins.
TIME_EDGES: Final = (0.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, store.PAUSE_SECONDS)


@dataclass(frozen=True)
class Agreement:
    """Reviewed decisions like the model's, and all reviewed ones, of one finding."""

    alike: int
    compared: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share; NaN where nothing was compared."""
        return wilson(self.alike, self.compared)


@dataclass(frozen=True)
class Overview:
    """The figures, as they stand.

    Attributes:
        reports: all of them. failed: without usable text, or where the model failed.
        waiting: usable, unreviewed (labelled or not). accepted, corrected: reviewed.
        findings: for each finding in label order the number of reports with each certainty, in
            `CERTAINTIES` order.
        doubts: labelled reports in each of `DOUBT_BINS`.
        agreement: of reviewers and the newest model, for each finding.
        times: reviewed reports between each two of `TIME_EDGES`.
        median_seconds: the middle of the times; None where there are none.
    """

    reports: int
    failed: int
    waiting: int
    accepted: int
    corrected: int
    findings: tuple[tuple[int, ...], ...]
    doubts: tuple[int, ...]
    agreement: tuple[Agreement, ...]
    times: tuple[int, ...]
    median_seconds: float | None

    @property
    def labelled(self) -> int:
        """Reports that have decisions."""
        return sum(self.findings[0]) if self.findings else 0


def overview(library: Library) -> Overview:
    """Count everything. Takes a moment in a large library; not for the GUI thread.

    Raises:
        StoreError: the library cannot be read.
    """
    label_set = library.label_set
    counts = library.counts()
    tally = library.queues.tally()
    with library.reading() as session:
        failed = len(store.failed(session, label_set))
        return Overview(
            reports=counts.reports,
            failed=failed,
            waiting=max(0, counts.reports - failed - counts.accepted - counts.corrected),
            accepted=counts.accepted,
            corrected=counts.corrected,
            findings=tally.findings,
            doubts=tuple(store.doubts(session, label_set, DOUBT_BINS)),
            agreement=tuple(Agreement(*each) for each in store.agreement(session, label_set)),
            times=tuple(store.seconds(session, TIME_EDGES)),
            median_seconds=store.median_seconds(session),
        )


@dataclass(frozen=True)
class Standing:
    """A bar: the reports in which a finding stands so."""

    finding: int
    certainty: Certainty


@dataclass(frozen=True)
class Doubt:
    """A bar: the reports whose doubt lies in one of `DOUBT_BINS`."""

    bin: int


@dataclass(frozen=True)
class Differing:
    """A bar: the reviewed reports where model and reviewer differ on a finding."""

    finding: int


@dataclass(frozen=True)
class Took:
    """A bar: the reports that took as long as between two of `TIME_EDGES`."""

    interval: int


@dataclass(frozen=True)
class Progress:
    """A bar: the reports of a status; None for those that have no labels because of an error."""

    status: ReviewStatus | None


Bar = Standing | Doubt | Differing | Took | Progress


def reports_of(library: Library, bar: Bar) -> Filter:
    """What the list must show to show the reports behind a bar.

    Raises:
        StoreError: the library cannot be read.
    """
    label_set = library.label_set
    if isinstance(bar, Standing):
        return Filter(findings=frozenset([(bar.finding, bar.certainty)]))
    with library.reading() as session:
        if isinstance(bar, Doubt):
            low, high = bar.bin / DOUBT_BINS, (bar.bin + 1) / DOUBT_BINS
            words = f"Doubt {low:.0%} to {high:.0%}"
            keys = store.with_doubt(session, label_set, low, high)
        elif isinstance(bar, Differing):
            name = label_set.names[bar.finding]
            words = f"{name}: reviewer differs"
            keys = store.disagreeing(session, label_set, name)
        elif isinstance(bar, Took):
            words = f"Took {interval_words(bar.interval)}"
            keys = store.with_seconds(session, *TIME_EDGES[bar.interval : bar.interval + 2])
        elif bar.status is None:
            words = "Without labels"
            keys = store.failed(session, label_set)
        else:
            words = {
                ReviewStatus.UNREVIEWED: "To review",
                ReviewStatus.ACCEPTED: "Accepted",
                ReviewStatus.CORRECTED: "Corrected",
            }[bar.status]
            keys = store.with_status(session, label_set, bar.status)
    return Filter(only=Selection(words, frozenset(keys)))


def interval_words(interval: int) -> str:
    """An interval of time in words."""
    low, high = TIME_EDGES[interval : interval + 2]
    if high < 60:
        return f"{low:.0f} to {high:.0f} s"
    if low < 60:
        return f"{low:.0f} s to {high / 60:.0f} min"
    return f"{low / 60:.0f} to {high / 60:.0f} min"


def export_overview(library: Library, path: Path) -> Change:
    """Write all figures as one table: `figure`, `group`, `category`, `count`.

    Raises:
        OutputError: the file cannot be written. StoreError: the library cannot be read.
    """
    found = overview(library)
    with output_file(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("figure", "group", "category", "count"))
        writer.writerows(_rows(library, found))
    return Change(frozenset(), f"Table written to {path.name}")


def _rows(library: Library, found: Overview) -> Iterator[tuple[str, str, str, int]]:
    names = library.label_set.names
    for category, count in (
        ("accepted", found.accepted),
        ("corrected", found.corrected),
        ("to review", found.waiting),
        ("without labels", found.failed),
    ):
        yield "review", "", category, count
    for name, numbers in zip(names, found.findings, strict=True):
        for certainty, count in zip(CERTAINTIES, numbers, strict=True):
            yield "prevalence", name, certainty.title, count
    for place, count in enumerate(found.doubts):
        low, high = place / DOUBT_BINS, (place + 1) / DOUBT_BINS
        yield "doubt", "", f"{low:.2f} to {high:.2f}", count
    for name, agreement in zip(names, found.agreement, strict=True):
        yield "agreement", name, "alike", agreement.alike
        yield "agreement", name, "different", agreement.compared - agreement.alike
    for interval, count in enumerate(found.times):
        yield "time per report", "", interval_words(interval), count

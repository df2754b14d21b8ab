"""The overview's figures, against a library whose every number is known."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from library_samples import LABELS, NEGATIVE, NEWER, POSITIVE, UNCERTAIN, failed, predicted

from chexdesk.outputs.write import OutputError
from chexdesk.reports.report import Report
from chexdesk.services.library import Library, ReviewStatus
from chexdesk.services.overview import (
    DOUBT_BINS,
    Agreement,
    Differing,
    Doubt,
    Progress,
    Standing,
    Took,
    export_overview,
    overview,
    reports_of,
)


@pytest.fixture
def six(library: Library) -> Library:
    """Reports 1 to 4 labelled, of 5 the model made nothing, 6 is empty."""
    reports = [Report(f"r{n}", f"Report {n}.") for n in range(1, 6)]
    library.add_reports([*reports, Report("r6", "", "", "empty report")])
    library.save_predictions(
        [
            (1, predicted(reports[0], NEGATIVE, chance=0.98)),
            (2, predicted(reports[1], POSITIVE, chance=0.98)),
            (3, predicted(reports[2], POSITIVE, chance=0.62)),
            (4, predicted(reports[3], UNCERTAIN, chance=0.31)),
            (5, failed(reports[4])),
        ]
    )
    return library


def listed(library: Library, bar: object) -> list[int]:
    return library.queues.keys(reports_of(library, bar))  # type: ignore[arg-type]


def test_progress_and_prevalence_are_counted(six: Library) -> None:
    six.accept(1)
    six.correct(2, 3, NEGATIVE)
    found = overview(six)
    assert (found.reports, found.labelled, found.failed) == (6, 4, 2)
    assert (found.accepted, found.corrected, found.waiting) == (1, 1, 2)
    assert found.findings[0] == (2, 1, 1, 0)
    assert found.findings[3] == (1, 2, 1, 0)


def test_doubts_fall_into_their_bars_and_a_bar_lists_its_reports(six: Library) -> None:
    found = overview(six)
    assert sum(found.doubts) == 4
    assert found.doubts[0] == 2
    for place, number in enumerate(found.doubts):
        assert len(listed(six, Doubt(place))) == number
    assert listed(six, Doubt(int(0.69 * DOUBT_BINS))) == [4]


def test_agreement_counts_reviewed_reports_alone(six: Library) -> None:
    assert overview(six).agreement == (Agreement(0, 0),) * 14
    six.accept(1)
    six.correct(2, 3, NEGATIVE)
    six.set_note(3, "later")
    agreement = overview(six).agreement
    assert agreement[3] == Agreement(1, 2)
    assert agreement[0] == Agreement(2, 2)
    assert listed(six, Differing(3)) == [2]
    assert listed(six, Differing(0)) == []
    low, high = agreement[3].interval
    assert (low, high) == (pytest.approx(0.0945, abs=1e-3), pytest.approx(0.9055, abs=1e-3))


def test_the_newest_model_is_held_against_the_review(six: Library) -> None:
    six.accept(1)
    six.save_predictions([(1, predicted(Report("r1", ""), POSITIVE, NEWER))])
    assert overview(six).agreement[0] == Agreement(0, 1)


def test_bars_of_findings_and_progress_list_their_reports(six: Library) -> None:
    six.accept(1)
    six.correct(2, 3, NEGATIVE)
    assert listed(six, Standing(3, NEGATIVE)) == [1, 2]
    assert listed(six, Standing(3, POSITIVE)) == [3]
    assert listed(six, Progress(ReviewStatus.ACCEPTED)) == [1]
    assert listed(six, Progress(ReviewStatus.CORRECTED)) == [2]
    assert listed(six, Progress(ReviewStatus.UNREVIEWED)) == [3, 4]
    assert listed(six, Progress(None)) == [5, 6]


def test_time_runs_from_one_report_to_the_next_of_the_same_person(
    six: Library, open_library: Callable[..., Library]
) -> None:
    six.accept(1)
    assert sum(overview(six).times) == 0
    time.sleep(0.02)
    six.correct(2, 3, NEGATIVE)
    six.correct(2, 4, NEGATIVE)
    open_library(reviewer="bea").accept(3)
    found = overview(six)
    assert found.times[0] == 1
    assert sum(found.times) == 1
    assert found.median_seconds is not None
    assert 0.01 < found.median_seconds < 60
    assert listed(six, Took(0)) == [2]


def test_the_table_holds_every_figure(six: Library, tmp_path: Path) -> None:
    six.accept(1)
    export_overview(six, tmp_path / "overview.csv")
    with (tmp_path / "overview.csv").open(newline="") as file:
        rows = {
            (r["figure"], r["group"], r["category"]): int(r["count"]) for r in csv.DictReader(file)
        }
    assert rows["review", "", "accepted"] == 1
    assert rows["prevalence", LABELS.names[3], "positive"] == 2
    assert rows["agreement", LABELS.names[3], "alike"] == 1
    assert sum(count for (figure, _, _), count in rows.items() if figure == "doubt") == 4


def test_a_table_that_cannot_be_written_is_refused_in_words(six: Library, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Choose another"):
        export_overview(six, tmp_path / "missing" / "overview.csv")


def test_an_empty_library_has_an_overview(library: Library) -> None:
    found = overview(library)
    assert (found.reports, found.labelled, sum(found.times)) == (0, 0, 0)
    assert found.median_seconds is None

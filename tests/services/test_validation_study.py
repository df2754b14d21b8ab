"""Validation studies over a library: what counts, what is left out, what the report says."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from library_samples import LABELS, MODEL, NEGATIVE, NEWER, POSITIVE, predicted

from chexdesk.reports.report import Report
from chexdesk.services.library import Library, LibraryError
from chexdesk.services.queues import Sample
from chexdesk.services.validation import LabelsError, Study, Target, conduct, models
from chexdesk.services.validation_text import cautions, methods, to_csv, to_html


@pytest.fixture
def twelve(library: Library) -> Library:
    """Twelve reports, all labelled negative; in the first four one finding is corrected."""
    reports = [Report(f"<r{n}>", f"Report {n}.") for n in range(12)]
    library.add_reports(reports)
    library.save_predictions((n + 1, predicted(r, NEGATIVE)) for n, r in enumerate(reports))
    for key in range(1, 5):
        library.correct(key, 3, POSITIVE)
    for key in range(5, 9):
        library.accept(key)
    return library


def test_reviews_are_the_reference(twelve: Library) -> None:
    found = conduct(twelve, Study())
    assert found.model == MODEL
    assert (found.usable, found.referenced, found.validation.reports) == (12, 8, 8)
    finding = found.validation.findings[3]
    assert (finding.tp, finding.fp, finding.fn, finding.tn) == (0, 0, 4, 4)
    assert found.validation.exact.hits == 4
    assert found.readers == 1


def test_a_random_sample_is_that_of_the_queue(twelve: Library) -> None:
    from chexdesk.services.queues import Filter, Queue

    sample = Sample(seed=7, size=6)
    drawn = twelve.queues.keys(Filter(Queue.SAMPLE, sample=sample))
    found = conduct(twelve, Study(sample=sample))
    assert found.drawn == 6
    assert found.referenced == len([key for key in drawn if key <= 8])
    assert "random sample of 6 reports was drawn from 12 (seed 7)" in methods(found)
    assert any("have no reference yet" in words for words in cautions(found))


def test_the_model_can_be_chosen_and_others_do_not_count(twelve: Library) -> None:
    reports = [Report(f"<r{n}>", "") for n in range(2)]
    twelve.save_predictions((n + 1, predicted(r, POSITIVE, NEWER)) for n, r in enumerate(reports))
    assert models(twelve) == [NEWER, MODEL]
    newest = conduct(twelve, Study())
    assert newest.model == NEWER
    assert (newest.validation.reports, newest.unlabelled) == (2, 6)
    assert newest.validation.findings[3].tp == 2
    assert "6 reports that the model had not labelled were left out" in methods(newest)
    older = conduct(twelve, Study(model=MODEL))
    assert older.validation.reports == 8


def test_labels_made_elsewhere_are_matched_by_id(
    twelve: Library, tmp_path: Path, open_library: Callable[..., Library]
) -> None:
    path = tmp_path / "gold.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", *LABELS.names))
        for name in ("<r0>", "<r9>", "<r10>", "unknown"):
            writer.writerow((name, *("0.0",) * 13, "1.0"))
    twelve.add_reports([Report("<r10>", "Another of the same name.")])
    found = conduct(twelve, Study(labels=path))
    assert found.validation.reports == 2
    assert found.ambiguous == 1
    assert found.validation.findings[13].fn == 2
    assert "made elsewhere and matched by report id" in methods(found)
    assert not any("saw the model" in words for words in cautions(found))
    path.write_text("nothing\n")
    with pytest.raises(LabelsError, match=r"gold\.csv"):
        conduct(twelve, Study(labels=path))


def test_what_is_missing_is_said(library: Library) -> None:
    with pytest.raises(LibraryError, match="No model"):
        conduct(library, Study())
    library.add_reports([Report("a", "Edema.")])
    library.save_predictions([(1, predicted(Report("a", "")))])
    with pytest.raises(LibraryError, match="reviewed yet"):
        conduct(library, Study())
    with pytest.raises(LibraryError, match="sampled reports"):
        conduct(library, Study(sample=Sample()))


def test_the_table_can_be_read_back(twelve: Library) -> None:
    found = conduct(twelve, Study(target=Target.MENTIONED))
    rows = list(csv.DictReader(StringIO(to_csv(found))))
    assert [row["finding"] for row in rows] == list(LABELS.names)
    assert {row["target"] for row in rows} == {"mentioned"}
    assert rows[0]["sensitivity"] == "1.0000"
    assert rows[0]["specificity"] == ""
    assert float(rows[0]["sensitivity_low"]) < 1


def test_the_page_holds_figures_cautions_and_methods_and_no_report(twelve: Library) -> None:
    found = conduct(twelve, Study())
    page = to_html(found)
    for name in LABELS.names:
        assert name in page
    assert "0.50 (0.22–0.78)" in page
    assert MODEL.sha256 in page
    assert "95 % Wilson" in page
    assert "not a random sample" in page
    assert "r0" not in page
    assert "<script" not in page
    assert "http" not in page

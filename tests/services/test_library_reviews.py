import threading
from collections.abc import Callable

import pytest
from library_samples import (
    LABELS,
    MODEL,
    NEGATIVE,
    NEWER,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    A,
    B,
    predicted,
)

from chexdesk.services.library import Counts, Library, LibraryError, ReviewStatus


def test_a_correction_is_stored_at_once(
    filled: Library, open_library: Callable[..., Library]
) -> None:
    change = filled.correct(1, LABELS.index("Pneumonia"), UNCERTAIN)
    assert change.keys == {1}
    assert change.what == "Pneumonia: negative → uncertain"
    detail = open_library().detail(1)
    assert detail.entry.status is ReviewStatus.CORRECTED
    assert detail.corrected == {LABELS.index("Pneumonia")}
    assert detail.decisions is not None
    assert detail.decisions[LABELS.index("Pneumonia")] is UNCERTAIN
    assert detail.prediction == predicted(A)


def test_correcting_back_leaves_nothing_corrected(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.correct(1, 3, NEGATIVE)
    assert filled.detail(1).corrected == frozenset()
    assert list(filled.preferences()) == []
    assert filled.accept(1).keys == {1}
    assert filled.entry(1).status is ReviewStatus.ACCEPTED


def test_setting_what_stands_changes_nothing(filled: Library) -> None:
    assert filled.correct(1, 3, NEGATIVE).keys == frozenset()
    assert filled.set_note(1, "").keys == frozenset()
    assert filled.entry(1).status is ReviewStatus.UNREVIEWED
    assert not filled.can_undo


def test_a_report_can_be_labelled_by_hand(library: Library) -> None:
    library.add_reports([A])
    with pytest.raises(LibraryError, match="no labels to accept"):
        library.accept(1)
    library.correct(1, 0, POSITIVE)
    detail = library.detail(1)
    assert detail.decisions == (POSITIVE, *(NOT_MENTIONED,) * 13)
    assert detail.entry.status is ReviewStatus.CORRECTED


def test_a_corrected_report_stays_corrected_when_accepted(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    assert filled.accept(1).keys == frozenset()
    assert filled.entry(1).status is ReviewStatus.CORRECTED
    filled.accept(2)
    assert filled.accept(2).keys == frozenset()
    assert filled.counts() == Counts(2, 2, 1, 1)
    filled.correct(2, 0, UNCERTAIN)
    assert filled.counts() == Counts(2, 2, 0, 2)


def test_a_newer_model_does_not_touch_a_review(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.accept(2)
    filled.save_predictions([(1, predicted(A, POSITIVE, NEWER)), (2, predicted(B, model=NEWER))])
    detail = filled.detail(1)
    assert detail.prediction == predicted(A, POSITIVE, NEWER)
    assert detail.decisions == (*(NEGATIVE,) * 3, POSITIVE, *(NEGATIVE,) * 10)
    assert detail.corrected == {*range(14)} - {3}
    assert filled.detail(1, MODEL).corrected == {3}
    assert filled.entry(2).status is ReviewStatus.ACCEPTED


def test_a_note_keeps_the_status(filled: Library) -> None:
    filled.set_note(1, "ask the ward")
    assert filled.detail(1).note == "ask the ward"
    assert filled.entry(1).status is ReviewStatus.UNREVIEWED
    filled.accept(1)
    filled.set_note(1, "asked")
    assert filled.entry(1).status is ReviewStatus.ACCEPTED
    for expected in ("ask the ward", "ask the ward", ""):
        filled.undo()
        assert filled.detail(1).note == expected
    assert not filled.can_undo


def test_undo_and_redo_walk_through_all_reports(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.correct(2, 4, UNCERTAIN)
    first = filled.undo()
    assert first is not None
    assert first.keys == {2}
    assert "uncertain" in first.what
    assert filled.entry(2).status is ReviewStatus.UNREVIEWED
    assert filled.entry(1).status is ReviewStatus.CORRECTED
    again = filled.redo()
    assert again is not None
    assert again.keys == {2}
    assert filled.detail(2).corrected == {4}
    filled.undo()
    filled.accept(2)
    assert not filled.can_redo


def test_undo_never_overwrites_what_another_window_did(
    filled: Library, open_library: Callable[..., Library]
) -> None:
    other = open_library(reviewer="bea")
    filled.correct(1, 3, POSITIVE)
    other.correct(1, 4, UNCERTAIN)
    with pytest.raises(LibraryError, match="changed elsewhere"):
        filled.undo()
    assert filled.detail(1).corrected == {3, 4}
    assert not filled.can_undo
    assert other.undo() is not None
    assert filled.detail(1).corrected == {3}


def test_undo_of_a_report_that_another_window_removed(
    filled: Library, open_library: Callable[..., Library]
) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.undo()
    open_library().remove_reports([1])
    with pytest.raises(LibraryError, match="no longer in the library"):
        filled.redo()
    assert not filled.can_redo


def test_two_windows_correct_one_report_and_neither_loses(
    filled: Library, open_library: Callable[..., Library]
) -> None:
    libraries = [filled, open_library(reviewer="bea")]
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def work(library: Library, findings: range) -> None:
        start.wait()
        try:
            for finding in findings:
                library.correct(1, finding, POSITIVE)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(library, findings))
        for library, findings in zip(libraries, (range(7), range(7, 14)), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert filled.detail(1).decisions == (POSITIVE,) * 14


def test_threads_of_one_library_share_one_undo(filled: Library) -> None:
    def work(key: int) -> None:
        for finding in range(7):
            filled.correct(key, finding, POSITIVE)

    threads = [threading.Thread(target=work, args=(key,)) for key in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(14):
        assert filled.undo() is not None
    assert not filled.can_undo
    assert filled.counts() == Counts(2, 2, 0, 0)

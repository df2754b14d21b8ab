import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from library_samples import (
    LABELS,
    MODEL,
    NEGATIVE,
    NEWER,
    POSITIVE,
    UNCERTAIN,
    A,
    B,
    failed,
    predicted,
)

from chexdesk.labeling.labeler import Prediction
from chexdesk.reports.report import Report
from chexdesk.services.library import (
    FILE_NAME,
    Counts,
    Library,
    LibraryError,
    Preference,
    ReviewStatus,
    StoreError,
)
from chexdesk.store import audit


def test_the_default_file_lies_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path / "home"))
    library = Library.open()
    assert library.path == tmp_path / "home" / FILE_NAME
    assert library.path.is_file()
    assert library.reviewer
    library.close()
    with pytest.raises(StoreError):
        library.entries()


def test_an_empty_library(library: Library) -> None:
    assert library.entries() == []
    assert library.counts() == Counts(0, 0, 0, 0)
    assert list(library.export_rows()) == []
    assert library.undo() is None
    assert library.redo() is None
    assert not library.can_undo
    assert not library.can_redo


def test_reports_are_listed_in_the_order_of_adding(library: Library) -> None:
    change = library.add_reports([B, A])
    assert change.keys == {1, 2}
    assert change.what == "2 reports added"
    assert [(entry.key, entry.id, entry.source) for entry in library.entries()] == [
        (1, "b", "a.csv:2"),
        (2, A.id, "a.csv:1"),
    ]
    assert library.entry(2) == library.entries()[1]
    detail = library.detail(2)
    assert detail.text == A.text
    assert (detail.prediction, detail.decisions, detail.corrected, detail.note) == (
        None,
        None,
        frozenset(),
        "",
    )


def test_the_same_report_is_not_added_twice_but_another_text_is(library: Library) -> None:
    library.add_reports([A, B])
    changed = Report(A.id, A.text + " ", A.source)
    change = library.add_reports([A, changed, A, changed])
    assert change.keys == {1, 3}
    assert change.what == "1 report added (1 already there)"
    assert [entry.id for entry in library.entries()] == [A.id, "b", A.id]


def test_what_was_added_before_a_reader_failed_is_kept(library: Library) -> None:
    def reader() -> Iterator[Report]:
        for number in range(300):
            yield Report(str(number), "text")
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        library.add_reports(reader())
    assert library.counts().reports == 256


@pytest.mark.parametrize(
    "text", ["", "a\0b", "naïve \u2028 line", "lone \udcff half", "é" * 70_000]
)
def test_any_text_comes_back_letter_for_letter(library: Library, text: str) -> None:
    library.add_reports([Report("name\udcff.txt", text, "x", "")])
    detail = library.detail(1)
    assert detail.text == text.replace("\udcff", "\ufffd")
    assert detail.entry.id == "name\ufffd.txt"
    assert library.add_reports([Report("name\udcff.txt", text)]).keys == {1}


def test_predictions_show_in_list_and_detail(filled: Library) -> None:
    unsure = predicted(A, UNCERTAIN, NEWER)
    row = (0.1, 0.2, 0.3, 0.4)
    unsure = Prediction(A.id, unsure.certainties, (row, *unsure.probabilities[1:]), NEWER)
    assert filled.save_predictions([(1, unsure)]).keys == {1}
    first, second = filled.entries()
    assert first.labelled
    assert first.doubt == pytest.approx(0.7)
    assert second.doubt == pytest.approx(0.25)
    assert filled.detail(1).prediction == unsure
    assert filled.detail(1).decisions == unsure.certainties
    assert filled.detail(1, MODEL).prediction == predicted(A)
    assert filled.detail(2, NEWER).prediction is None
    assert filled.counts() == Counts(2, 2, 0, 0)


def test_a_second_prediction_of_the_same_model_changes_nothing(filled: Library) -> None:
    change = filled.save_predictions([(1, predicted(A, POSITIVE)), (2, predicted(B))])
    assert change.keys == frozenset()
    assert filled.detail(1).prediction == predicted(A)


def test_of_two_predictions_given_at_once_the_first_stays(library: Library) -> None:
    library.add_reports([A])
    library.save_predictions(
        [(1, predicted(A)), (1, predicted(A, POSITIVE)), (1, predicted(A, UNCERTAIN, NEWER))]
    )
    assert library.detail(1, MODEL).prediction == predicted(A)
    assert library.detail(1).prediction == predicted(A, UNCERTAIN, NEWER)


def test_a_failed_prediction_is_shown_and_gives_way(library: Library) -> None:
    library.add_reports([A, Report("empty", "", "", "empty report")])
    library.save_predictions([(1, failed(A))])
    entry, empty = library.entries()
    assert (entry.labelled, entry.doubt, entry.error) == (False, None, "too long")
    assert (empty.labelled, empty.error) == (False, "empty report")
    assert library.detail(1).decisions is None
    assert library.counts().labelled == 0
    assert library.unlabelled(MODEL) == [(1, A)]
    library.save_predictions([(1, predicted(A))])
    assert library.unlabelled(MODEL) == []
    assert library.unlabelled(NEWER) == [(1, A)]
    library.save_predictions([(1, failed(A))])
    assert library.entry(1).error == ""


def test_an_engine_without_probabilities_leaves_doubt_open(library: Library) -> None:
    library.add_reports([A])
    plain = Prediction(A.id, (POSITIVE,) * 14, (), MODEL)
    library.save_predictions([(1, plain)])
    assert library.entry(1).labelled
    assert library.entry(1).doubt is None
    assert library.detail(1).prediction == plain


def test_predictions_that_do_not_fit_are_refused_whole(library: Library) -> None:
    library.add_reports([A, B])
    short = Prediction(B.id, (POSITIVE,) * 3, (), MODEL)
    with pytest.raises(ValueError, match="3 decisions"):
        library.save_predictions([(1, predicted(A)), (2, short)])
    assert library.counts().labelled == 0


def test_predictions_of_removed_reports_are_passed_over(filled: Library) -> None:
    filled.remove_reports([1])
    assert filled.save_predictions([(1, predicted(A, model=NEWER))]).keys == frozenset()


def test_removed_reports_are_gone_with_all_that_hangs_on_them(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.correct(2, 3, POSITIVE)
    change = filled.remove_reports([1, 99])
    assert change.keys == {1}
    assert change.what == "1 report removed"
    for call in (filled.entry, filled.detail, filled.accept):
        with pytest.raises(LibraryError, match="no longer in the library"):
            call(1)
    assert filled.undo() is not None  # of report 2
    assert not filled.can_undo
    assert filled.add_reports([A]).keys == {3}
    assert filled.detail(3).prediction is None


def test_the_audit_log_outlives_reports_without_naming_them(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.undo()
    filled.set_note(2, "a telltale note")
    filled.prefer(Preference(1, (POSITIVE,) * 14, (NEGATIVE,) * 14, "expert"), MODEL)
    filled.remove_reports([2])
    filled.clear()
    with filled._database.reading() as session:
        log = audit.events(session)
        assert audit.first_break(session) is None
    model = f"small@{'a' * 64}"
    assert {who for _, who, _ in log} == {"ada"}
    assert [event for _, _, event in log] == [
        audit.Event("add", new="2"),
        audit.Event("label", new="2", model=model),
        audit.Event("correct", 1, LABELS.names[3], "negative", "positive", model),
        audit.Event("undo correct", 1, LABELS.names[3], "positive", "negative", model),
        audit.Event("note", 2, None, "unreviewed", "unreviewed", model),
        audit.Event("prefer", 1, new="expert", model=model),
        audit.Event("remove", 2),
        audit.Event("clear", old="1"),
    ]


def test_clearing_leaves_no_word_of_a_report_in_any_file(filled: Library) -> None:
    filled.set_note(1, "a telltale note")
    assert filled.clear().keys == {1, 2}
    assert filled.counts() == Counts(0, 0, 0, 0)
    for path in filled.path.parent.iterdir():
        content = path.read_bytes()
        for word in (b"effusion.", b"pneumothorax.", b"a.csv", b"telltale", b"MRN-0071"):
            assert word not in content, path.name


def test_a_preference_given_by_hand_is_kept(filled: Library) -> None:
    choice = Preference(1, (POSITIVE,) * 14, (UNCERTAIN,) * 14, "choice", 0.5, "small")
    filled.prefer(choice, MODEL)
    filled.correct(1, 0, POSITIVE)
    filled.undo()
    assert list(filled.preferences()) == [(A, choice)]
    with pytest.raises(ValueError, match="correction"):
        filled.prefer(Preference(1, choice.chosen, choice.rejected, "correction"))
    with pytest.raises(LibraryError):
        filled.prefer(Preference(9, choice.chosen, choice.rejected, "choice"))


def test_export_rows_hold_every_report_in_order(filled: Library) -> None:
    empty = Report("c", "", "a.csv:3", "empty report")
    late = Report("d", "Clear.", "a.csv:4")
    filled.add_reports([empty, late])
    filled.correct(1, 3, POSITIVE)
    rows = list(filled.export_rows())
    assert [report for report, *_ in rows] == [A, B, empty, late]
    assert [status for *_, status in rows] == [
        ReviewStatus.CORRECTED,
        *(ReviewStatus.UNREVIEWED,) * 3,
    ]
    assert rows[0][2][3] is POSITIVE
    assert rows[0][1] == predicted(A)
    assert rows[1][2] == predicted(B).certainties
    assert [prediction.error for _, prediction, *_ in rows] == [
        "",
        "",
        "empty report",
        "not labelled yet",
    ]


def test_walking_through_many_reports_misses_none(library: Library) -> None:
    library.add_reports(Report(str(number), f"text {number}") for number in range(600))
    library.remove_reports(range(100, 400))
    assert [report.id for report, *_ in library.export_rows()] == [
        str(number) for number in range(600) if not 100 <= number + 1 < 400
    ]


def test_another_label_set_has_its_own_reviews(filled: Library) -> None:
    two = replace(LABELS, name="two", findings=LABELS.findings[:2])
    filled.correct(1, 3, POSITIVE)
    other = Library.open(filled.path, two, "bea")
    assert other.entry(1).status is ReviewStatus.UNREVIEWED
    assert not other.entry(1).labelled
    other.save_predictions([(1, Prediction(A.id, (POSITIVE, NEGATIVE), (), MODEL))])
    other.correct(1, 1, UNCERTAIN)
    assert other.detail(1).decisions == (POSITIVE, UNCERTAIN)
    assert filled.detail(1).corrected == {3}
    other.close()


@pytest.mark.parametrize("finding", [-1, 14])
def test_a_finding_that_there_is_not(filled: Library, finding: int) -> None:
    with pytest.raises(IndexError):
        filled.correct(1, finding, POSITIVE)


def test_the_list_is_read_in_one_query(filled: Library) -> None:
    statements: list[str] = []
    filled.add_reports(Report(str(number), "text") for number in range(50))
    connection = filled._database._engine.raw_connection()
    raw = connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.set_trace_callback(statements.append)
    connection.close()
    assert len(filled.entries()) == 52
    assert sum(statement.startswith("SELECT") for statement in statements) == 1

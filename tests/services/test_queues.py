"""Queues and the search: what they hold, in which order, and what they count."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_samples import (
    LABELS,
    NEGATIVE,
    NEWER,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    failed,
    predicted,
)

from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.reports.report import Report
from chexdesk.services.library import Library
from chexdesk.services.queues import Filter, Queue, Sample

TEXTS = {
    "p-1": "Small left pleural effusion. No pneumothorax.",
    "p-2": "Mild pulmonary oedema; follow-up advised.",
    "p-3": "Épanchement pleural droit.",
    "p-4": "Heart size is normal. Left pleural thickening, no effusion.",
    "MRN-77": "Clear lungs.",
}
REPORTS = [Report(name, text, "queue.csv") for name, text in TEXTS.items()]
EDEMA, FRACTURE = LABELS.index("Edema"), LABELS.index("Fracture")


@pytest.fixture
def five(library: Library) -> Library:
    """Five reports, keys 1 to 5, not labelled."""
    library.add_reports(REPORTS)
    return library


@pytest.fixture
def labelled(five: Library) -> Library:
    """The five with labels of rising sureness."""
    chances = (0.9, 0.4, 0.7, 0.7, 0.95)
    pairs = [predicted(r, NOT_MENTIONED, chance=c) for r, c in zip(REPORTS, chances, strict=True)]
    five.save_predictions(enumerate(pairs, 1))
    return five


def test_all_come_in_the_order_of_adding(five: Library) -> None:
    assert five.queues.keys(Filter()) == [1, 2, 3, 4, 5]


def test_the_doubtful_come_first_and_leave_when_they_are_reviewed(labelled: Library) -> None:
    assert labelled.queues.keys(Filter(Queue.DOUBTFUL)) == [2, 3, 4, 1, 5]
    labelled.accept(3)
    labelled.correct(1, EDEMA, POSITIVE)
    assert labelled.queues.keys(Filter(Queue.DOUBTFUL)) == [2, 4, 5]
    labelled.undo()
    assert labelled.queues.keys(Filter(Queue.DOUBTFUL)) == [2, 4, 1, 5]


def test_what_a_model_left_unlabelled_is_to_review_but_not_doubtful(five: Library) -> None:
    five.save_predictions([(1, failed(REPORTS[0]))])
    five.add_reports([Report("empty", "", "queue.csv", "empty report")])
    assert five.queues.keys(Filter(Queue.UNREVIEWED)) == [1, 2, 3, 4, 5]
    assert five.queues.keys(Filter(Queue.DOUBTFUL)) == []


def test_a_newer_model_sets_the_order_anew_and_leaves_reviews_alone(labelled: Library) -> None:
    labelled.accept(1)
    newer = [predicted(r, NOT_MENTIONED, NEWER, 0.3 + n / 10) for n, r in enumerate(REPORTS)]
    labelled.save_predictions(enumerate(newer, 1))
    assert labelled.queues.keys(Filter(Queue.DOUBTFUL)) == [2, 3, 4, 5]
    assert labelled.queues.tally().queues[Queue.UNREVIEWED] == 4


def test_where_words_and_model_disagree_most_comes_first(five: Library) -> None:
    agreeing = [NOT_MENTIONED] * 14
    agreeing[EDEMA] = POSITIVE
    five.save_predictions(
        [
            (1, predicted(REPORTS[0], NOT_MENTIONED)),  # an effusion, and no pneumothorax
            (2, Prediction("p-2", tuple(agreeing), (), NEWER)),
            (4, predicted(REPORTS[3], POSITIVE)),
        ]
    )
    assert five.queues.keys(Filter(Queue.DISAGREEING)) == [4, 1]


def test_flags_and_notes_have_their_queues(labelled: Library) -> None:
    labelled.set_flag(4, True)
    labelled.set_note(2, "compare with the CT")
    assert labelled.queues.keys(Filter(Queue.FLAGGED)) == [4]
    assert labelled.queues.keys(Filter(Queue.NOTED)) == [2]
    assert labelled.entry(4).flagged
    assert labelled.entry(2).noted
    labelled.set_flag(4, False)
    labelled.set_note(2, "")
    assert labelled.queues.keys(Filter(Queue.FLAGGED)) == []
    assert labelled.queues.keys(Filter(Queue.NOTED)) == []


def test_by_finding_and_certainty_what_stands_counts_not_what_was_predicted(
    labelled: Library,
) -> None:
    edema = Filter(findings=frozenset({(EDEMA, UNCERTAIN)}))
    assert labelled.queues.keys(edema) == []
    labelled.correct(3, EDEMA, UNCERTAIN)
    labelled.correct(5, EDEMA, UNCERTAIN)
    labelled.correct(5, FRACTURE, NEGATIVE)
    assert labelled.queues.keys(edema) == [3, 5]
    both = frozenset({(EDEMA, UNCERTAIN), (FRACTURE, NEGATIVE)})
    assert labelled.queues.keys(Filter(Queue.CORRECTED, both)) == [5]
    assert labelled.queues.keys(Filter(Queue.DOUBTFUL, both)) == []


def test_the_tally_counts_what_the_queues_hold(labelled: Library) -> None:
    labelled.accept(1)
    labelled.correct(2, EDEMA, POSITIVE)
    labelled.set_flag(2, True)
    tally = labelled.queues.tally()
    held = {q: len(labelled.queues.keys(Filter(q))) for q in Queue if q is not Queue.SAMPLE}
    assert tally.queues == held
    assert held[Queue.DOUBTFUL] == 3
    for place in range(len(LABELS)):
        for column, certainty in enumerate(CERTAINTIES):
            chosen = Filter(findings=frozenset({(place, certainty)}))
            assert tally.findings[place][column] == len(labelled.queues.keys(chosen))


def test_a_sample_is_the_same_each_time_and_in_another_library(
    five: Library, tmp_path: Path
) -> None:
    many = [Report(f"r{n}", f"Report number {n}.", "") for n in range(60)]
    five.add_reports([*many, Report("broken", "", "", "empty report")])
    chosen = Filter(Queue.SAMPLE, sample=Sample(seed=7, size=10))
    drawn = five.queues.keys(chosen)
    assert len(set(drawn)) == 10
    assert drawn == five.queues.keys(chosen)
    assert drawn != sorted(drawn)
    assert drawn != five.queues.keys(Filter(Queue.SAMPLE, sample=Sample(seed=8, size=10)))
    names = [five.entry(key).id for key in drawn]
    shuffled = [*many, *REPORTS]
    random.Random(1).shuffle(shuffled)
    other = Library.open(tmp_path / "other.sqlite3")
    other.add_reports(shuffled)
    assert [other.entry(key).id for key in other.queues.keys(chosen)] == names
    other.close()


def test_a_small_library_is_its_own_sample_without_what_cannot_be_read(five: Library) -> None:
    five.add_reports([Report("empty", "", "", "empty report")])
    assert sorted(five.queues.keys(Filter(Queue.SAMPLE))) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("effusion", [1, 4]),
        ("EFFUS", [1, 4]),
        ("effusion left", [1, 4]),
        ('"left pleural"', [1, 4]),
        ('"left pleural effusion"', [1]),
        ('"left pleur"', []),
        ("pleural -thickening", [1, 3]),
        ('-"pleural"', [2, 5]),
        ("epanchement", [3]),
        ("follow-up", [2]),
        ("mrn-7", [5]),
        ("effusion AND clear", []),
        ("text:effusion", []),
        ("", [1, 2, 3, 4, 5]),
        ("  ", [1, 2, 3, 4, 5]),
        ('"', []),
        ("*", []),
        ("(", []),
        ("NEAR(", []),
    ],
)
def test_search(five: Library, words: str, keys: list[int]) -> None:
    assert five.queues.keys(Filter(words=words)) == keys


WORDS = st.text(st.sampled_from("ab \"'*-()^:;%_\\N\u00e9\u0301\0\ud800"), max_size=12) | st.text(
    max_size=8
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(WORDS)
def test_whatever_is_typed_is_a_search(five: Library, words: str) -> None:
    assert set(five.queues.keys(Filter(words=words))) <= {1, 2, 3, 4, 5}


def test_search_follows_what_is_added_and_removed(five: Library) -> None:
    five.add_reports([Report("new", "Cavitating lesion.", "")])
    assert five.queues.keys(Filter(words="cavitating")) == [6]
    five.remove_reports([6])
    assert five.queues.keys(Filter(words="cavitating")) == []
    five.clear()
    assert five.queues.keys(Filter(words="effusion")) == []
    assert five.queues.tally().queues[Queue.ALL] == 0


def test_no_word_of_a_removed_report_stays_in_the_file(five: Library) -> None:
    five.add_reports([Report("secret", "Xylocanary shunt in place.", "")])
    five.remove_reports([6])
    path = five.path
    five.close()
    for each in path.parent.iterdir():
        assert b"xylocanary" not in each.read_bytes().lower(), each.name
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO report_words (report_words) VALUES ('integrity-check')")
    connection.close()


def test_entries_of_reports_that_are_gone_are_left_out(
    five: Library, open_library: Callable[..., Library]
) -> None:
    keys = five.queues.keys(Filter())
    open_library().remove_reports([2])
    assert sorted(five.queues.entries(keys)) == [1, 3, 4, 5]


@pytest.mark.parametrize("queue", list(Queue))
def test_some_reports_can_be_asked_for_alone(labelled: Library, queue: Queue) -> None:
    labelled.accept(1)
    labelled.correct(2, EDEMA, POSITIVE)
    labelled.set_flag(3, True)
    labelled.set_note(3, "why?")
    whole = set(labelled.queues.keys(Filter(queue)))
    assert labelled.queues.among(Filter(queue), [5, 3, 2, 99]) == sorted(whole & {2, 3, 5})


def test_certainties_are_told_apart_at_every_place(five: Library) -> None:
    mixed = tuple(CERTAINTIES[place % 4] for place in range(14))
    five.save_predictions([(1, Prediction("p-1", mixed, (), NEWER))])

    def found(place: int, certainty: Certainty) -> bool:
        return five.queues.keys(Filter(findings=frozenset({(place, certainty)}))) == [1]

    assert all(found(p, c) is (mixed[p] is c) for p in range(14) for c in CERTAINTIES)

"""Comparing two candidate outputs: what is asked, what is kept, what it is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_samples import LABELS, MODEL, NEGATIVE, NEWER, POSITIVE, UNCERTAIN, predicted

from chexdesk.labels import CERTAINTIES
from chexdesk.reports.report import Report
from chexdesk.services.comparing import (
    REPEAT_AFTER,
    Comparing,
    Comparison,
    Kind,
    Side,
    sample_pair,
)
from chexdesk.services.library import Library, LibraryError
from chexdesk.services.preferences import export_preferences


@pytest.fixture
def many(library: Library) -> Library:
    """Twelve labelled reports, the last the most doubtful."""
    reports = [Report(f"r{n}", f"Report number {n}. No effusion.") for n in range(12)]
    library.add_reports(reports)
    library.save_predictions(
        (n + 1, predicted(report, chance=0.95 - n / 20)) for n, report in enumerate(reports)
    )
    return library


def ask(comparing: Comparing, kind: Kind = Kind.SAMPLED) -> Comparison:
    asked = comparing.next(kind)
    assert asked is not None
    return asked


def exported(library: Library, path: Path) -> list[dict[str, object]]:
    export_preferences(library, path)
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_different_outputs_of_the_most_doubtful_report_come_first(many: Library) -> None:
    asked = ask(Comparing(many))
    assert asked.report_id == "r11"
    assert asked.text.startswith("Report number 11")
    assert asked.left != asked.right
    assert asked.differing
    assert asked.models == (MODEL, MODEL)


def test_the_same_seed_asks_the_same_questions(many: Library) -> None:
    assert ask(Comparing(many, seed=4)) == ask(Comparing(many, seed=4))
    others = {ask(Comparing(many, seed=n)).left for n in range(8)}
    assert len(others) > 1


@pytest.mark.parametrize("better", [Side.LEFT, Side.RIGHT])
def test_a_choice_is_kept_as_a_pair(
    many: Library, open_library: Callable[..., Library], better: Side
) -> None:
    comparing = Comparing(many)
    asked = ask(comparing)
    comparing.answer(asked, better)
    ((report, pair),) = open_library().preferences()
    assert report.id == asked.report_id
    both = (asked.left, asked.right)
    assert (pair.chosen, pair.rejected) == (both if better is Side.LEFT else both[::-1])
    assert (pair.source, pair.weight, pair.model) == ("choice", 1.0, MODEL.name)
    assert many.entry(asked.key).status.value == "unreviewed"


def test_what_was_asked_is_not_asked_again(
    many: Library, open_library: Callable[..., Library]
) -> None:
    comparing = Comparing(many)
    for better in (Side.LEFT, Side.NEITHER):
        comparing.answer(ask(comparing), better)
    assert ask(comparing).report_id == "r9"
    assert ask(Comparing(open_library())).report_id == "r9"


def test_neither_is_remembered_but_is_no_pair(many: Library, tmp_path: Path) -> None:
    comparing = Comparing(many)
    comparing.answer(ask(comparing), Side.NEITHER)
    assert comparing.tally().by_source == {"neither": 1}
    assert exported(many, tmp_path / "pairs.jsonl") == []
    comparing.answer(ask(comparing), Side.LEFT)
    (row,) = exported(many, tmp_path / "pairs.jsonl")
    assert (row["id"], row["source"]) == ("r10", "choice")


def test_an_answer_can_be_taken_back(many: Library) -> None:
    comparing = Comparing(many)
    asked = ask(comparing)
    comparing.answer(asked, Side.LEFT)
    assert comparing.take_back() == asked
    assert list(many.preferences()) == []
    assert comparing.take_back() is None


def test_a_question_passed_over_comes_at_another_sitting(many: Library) -> None:
    comparing = Comparing(many)
    comparing.pass_over(ask(comparing))
    assert ask(comparing).report_id == "r10"
    assert ask(Comparing(many)).report_id == "r11"


def test_an_old_question_comes_again_and_both_answers_count(many: Library, tmp_path: Path) -> None:
    comparing = Comparing(many)
    first = ask(comparing)
    comparing.answer(first, Side.LEFT)
    for _ in range(REPEAT_AFTER - 1):
        comparing.answer(ask(comparing), Side.LEFT)
    again = ask(comparing)
    assert again.again
    assert again.key == first.key
    assert {again.left, again.right} == {first.left, first.right}
    same = Side.LEFT if again.left == first.left else Side.RIGHT
    other = Side.RIGHT if same is Side.LEFT else Side.LEFT
    comparing.answer(again, other)
    tally = comparing.tally()
    assert (tally.repeated, tally.same) == (1, 0)
    assert first.report_id not in {row["id"] for row in exported(many, tmp_path / "a.jsonl")}
    comparing.take_back()
    comparing.answer(again, same)
    tally = comparing.tally()
    assert (tally.repeated, tally.same) == (1, 1)
    assert not ask(comparing).again
    ids = [row["id"] for row in exported(many, tmp_path / "b.jsonl")]
    assert ids.count(first.report_id) == 1


def test_choices_are_held_against_reviews(many: Library) -> None:
    comparing = Comparing(many)
    borne_out, not_borne_out = ask(comparing), None
    comparing.answer(borne_out, Side.LEFT)
    not_borne_out = ask(comparing)
    comparing.answer(not_borne_out, Side.LEFT)
    for asked, truth in ((borne_out, borne_out.left), (not_borne_out, not_borne_out.right)):
        for place, certainty in enumerate(truth):
            many.correct(asked.key, place, certainty)
        many.accept(asked.key)
    tally = comparing.tally()
    assert (tally.reviewed, tally.borne_out, tally.reports) == (2, 1, 2)


def test_the_model_stands_against_the_rules(library: Library) -> None:
    reports = [Report("same", "No pneumothorax."), Report("other", "Mild edema.")]
    library.add_reports(reports)
    ruled = {"Pneumothorax": NEGATIVE, LABELS.no_finding: POSITIVE}
    same = tuple(ruled.get(name, CERTAINTIES[3]) for name in LABELS.names)
    agreeing = replace(predicted(reports[0]), certainties=same)
    library.save_predictions([(1, agreeing), (2, predicted(reports[1], UNCERTAIN))])
    asked = ask(Comparing(library), Kind.RULES)
    assert {model.name for model in asked.models} == {"rules", MODEL.name}
    assert asked.key == 2
    assert (UNCERTAIN,) * 14 in (asked.left, asked.right)


def test_two_models_are_compared_where_they_differ(library: Library) -> None:
    reports = [Report(f"r{n}", "Edema.") for n in range(3)]
    library.add_reports(reports)
    library.save_predictions((n + 1, predicted(report)) for n, report in enumerate(reports))
    comparing = Comparing(library)
    assert comparing.next(Kind.MODELS) is None
    library.save_predictions(
        [(1, predicted(reports[0], model=NEWER)), (2, predicted(reports[1], POSITIVE, NEWER))]
    )
    asked = ask(comparing, Kind.MODELS)
    assert asked.key == 2
    assert {asked.left, asked.right} == {(NEGATIVE,) * 14, (POSITIVE,) * 14}
    assert set(asked.models) == {MODEL, NEWER}
    comparing.answer(asked, Side.NEITHER)
    assert comparing.next(Kind.MODELS) is None


def test_nothing_is_asked_of_reports_without_probabilities_or_labels(library: Library) -> None:
    library.add_reports([Report("a", "Edema.")])
    assert Comparing(library).next(Kind.SAMPLED) is None


def test_an_answer_about_a_removed_report_is_refused(many: Library) -> None:
    comparing = Comparing(many)
    asked = ask(comparing)
    many.remove_reports([asked.key])
    with pytest.raises(LibraryError, match="no longer"):
        comparing.answer(asked, Side.LEFT)
    assert comparing.take_back() is None


chances = st.lists(
    st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda row: sum(row) > 0.01),
    min_size=1,
    max_size=14,
).map(lambda rows: [[value / sum(row) for value in row] for row in rows])


@given(chances, st.floats(0.3, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_sampled_outputs_always_differ(
    rows: list[list[float]], temperature: float, seed: int
) -> None:
    one, other = sample_pair(rows, temperature, np.random.default_rng(seed))
    assert len(one) == len(other) == len(rows)
    assert one != other


def test_the_second_sample_has_the_distribution_of_all_that_differ_from_the_first() -> None:
    rows = [[0.7, 0.3, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0]]
    rng = np.random.default_rng(0)
    counts: dict[tuple[object, object], int] = {}
    for _ in range(3000):
        pair = sample_pair(rows, 1.0, rng)
        counts[pair] = counts.get(pair, 0) + 1
    first = (POSITIVE, POSITIVE)
    begun = {pair[1]: number for pair, number in counts.items() if pair[0] == first}
    total = sum(begun.values())
    assert total == pytest.approx(0.42 * 3000, rel=0.1)
    assert begun[(POSITIVE, NEGATIVE)] / total == pytest.approx(0.28 / 0.58, abs=0.05)
    assert begun[(NEGATIVE, POSITIVE)] / total == pytest.approx(0.18 / 0.58, abs=0.05)
    assert begun[(NEGATIVE, NEGATIVE)] / total == pytest.approx(0.12 / 0.58, abs=0.05)

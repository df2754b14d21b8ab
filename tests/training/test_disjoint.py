from __future__ import annotations

import json
from pathlib import Path

from training import disjoint, written

TEST = {"t": "No fracture. The left base shows a wedge of dense lung behind the heart, new today."}


def test_no_training_text_leans_on_a_test_set() -> None:
    training = disjoint.training_texts()
    test = disjoint.texts_of_sets()
    assert len(test) >= 2 * 130
    found = disjoint.shared(training, test)
    assert not found, "\n".join(map(str, found))


def test_a_sentence_is_found_whatever_its_case_numbers_and_line_breaks() -> None:
    training = {
        "a": "1) Clear right lung.\n2) THE LEFT BASE SHOWS A WEDGE OF DENSE\nLUNG BEHIND THE HEART"
        " - NEW TODAY. 3) Feeding tube, pacer and both ports as they were on all earlier films."
    }
    (found,) = disjoint.shared(training, TEST)
    assert (found.training, found.test) == ("a", "t")
    assert found.sentence == "the left base shows a wedge of dense lung behind the heart new today"


def test_short_stock_phrases_are_everybodys() -> None:
    assert not disjoint.shared({"a": "No fracture. Heart is large."}, TEST)


def test_texts_that_overlap_without_a_common_sentence_are_found() -> None:
    near = "There is no fracture; but the left base shows a wedge of dense lung behind the heart."
    (found,) = disjoint.shared({"a": near}, TEST)
    assert not found.sentence
    assert found.overlap >= disjoint.OVERLAP


def test_one_long_phrase_in_a_long_report_is_not_too_much() -> None:
    far = (
        "The left base shows a wedge of dense lung where the tube was pulled, and a seam of air "
        "lies under the diaphragm; the right side was read from the morning film and is as before."
    )
    assert not disjoint.shared({"a": far}, TEST)


def test_every_source_of_training_texts_is_read(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("# a comment\nsmall right effusion. | PE+\n= Card?\n")
    first = tmp_path / "first.jsonl"
    first.write_text(json.dumps({"uid": "W1", "text": "clear lungs", "labels": {}}) + "\n")
    texts = disjoint.training_texts(tmp_path, first)
    (report,) = written.read(tmp_path / "one.txt")
    assert texts == {report.id: "small right effusion.", "W1": "clear lungs"}


def test_every_text_of_a_test_set_is_read(tmp_path: Path) -> None:
    rows = [{"id": 1, "a": {"text": "x"}, "b": {"text": "y"}}, {"text": "z"}]
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(disjoint.texts_of_sets(tmp_path).values()) == ["x", "y", "z"]

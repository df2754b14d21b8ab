import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chexdesk.labeling import wire
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, chexpert14
from chexdesk.reports.report import Report
from chexdesk.services.library import Library, Preference
from chexdesk.services.preferences import export_preferences, render_completion, render_prompt
from chexdesk.services.reviews import export_reviews
from chexdesk.services.wholefile import whole_file
from training import data

LABELS = chexpert14()
MODEL = ModelId("small", "a" * 64, "1")
NEWER = ModelId("small", "b" * 64, "2")
POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = CERTAINTIES
BLANK = (NOT_MENTIONED,) * 14
A = Report("a", "HISTORY: Fever.\nFINDINGS: Small effusion.\nIMPRESSION: May be pneumonia.")
#: Holds each character at which str.splitlines would break a line of JSON.
B = Report("b", "Line one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven\nNaïve “quotes”.")


@pytest.fixture
def filled(library: Library) -> Library:
    """Reports 1 to 3, labelled as blank."""
    reports = [A, B, Report("c", "Clear.")]
    library.add_reports(reports)
    library.save_predictions(
        (key, Prediction(report.id, BLANK, (), MODEL)) for key, report in enumerate(reports, 1)
    )
    return library


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def exported(library: Library) -> list[dict[str, Any]]:
    out = io.StringIO()
    count = export_preferences(library, out)
    found = rows(out.getvalue())
    assert len(found) == count
    return found


def test_a_completion_is_marker_and_word_for_each_finding() -> None:
    decisions = (POSITIVE, NEGATIVE, UNCERTAIN, *BLANK[3:])
    text = render_completion(LABELS, decisions)
    assert text.startswith(" A yes B no C maybe D none")
    assert text.split() == [
        word
        for finding, certainty in zip(LABELS.findings, decisions, strict=True)
        for word in (
            finding.marker.strip(),
            LABELS.words[CERTAINTIES.index(certainty)].strip(),
        )
    ]


def test_a_prompt_is_what_the_model_reads_before_the_first_marker() -> None:
    prompt = render_prompt(LABELS, A.text)
    assert prompt.startswith(wire.instruction(LABELS))
    assert prompt.endswith("impression: may be pneumonia." + wire.close())
    assert "fever" not in prompt


def test_a_correction_becomes_one_pair(filled: Library) -> None:
    finding = LABELS.index("Pneumonia")
    filled.correct(1, finding, POSITIVE)
    filled.correct(1, finding, UNCERTAIN)
    filled.accept(2)
    (row,) = exported(filled)
    assert row == {
        "prompt": render_prompt(LABELS, A.text),
        "chosen": render_completion(LABELS, (*BLANK[:finding], UNCERTAIN, *BLANK[finding + 1 :])),
        "rejected": render_completion(LABELS, BLANK),
        "source": "correction",
        "weight": 1.0,
        "id": "a",
    }


def test_an_undone_correction_leaves_no_pair(filled: Library) -> None:
    filled.correct(1, 3, POSITIVE)
    filled.undo()
    assert exported(filled) == []
    filled.redo()
    assert len(exported(filled)) == 1
    filled.remove_reports([1])
    assert exported(filled) == []


def test_a_correction_counts_against_every_model_it_contradicts(filled: Library) -> None:
    other = (UNCERTAIN, *BLANK[1:])
    filled.save_predictions([(1, Prediction("a", other, (), NEWER))])
    filled.correct(1, 3, POSITIVE)
    assert [row["rejected"] for row in exported(filled)] == [
        render_completion(LABELS, BLANK),
        render_completion(LABELS, other),
    ]
    assert len({row["chosen"] for row in exported(filled)}) == 1


def test_equal_pairs_are_written_once(filled: Library) -> None:
    filled.save_predictions([(1, Prediction("a", BLANK, (), NEWER))])
    filled.correct(1, 3, POSITIVE)
    better = (*BLANK[:3], POSITIVE, *BLANK[4:])
    for _ in range(2):
        filled.prefer(Preference(1, better, BLANK, "choice"))
        filled.prefer(Preference(1, BLANK, BLANK, "expert"))
    assert [row["source"] for row in exported(filled)] == ["correction"]


def test_choices_and_rankings_keep_source_and_weight(filled: Library) -> None:
    yes, no = (POSITIVE,) * 14, (NEGATIVE,) * 14
    filled.prefer(Preference(2, yes, no, "choice"), MODEL)
    filled.prefer(Preference(2, no, BLANK, "expert", weight=0.25))
    assert [(row["source"], row["weight"], row["id"]) for row in exported(filled)] == [
        ("choice", 1.0, "b"),
        ("expert", 0.25, "b"),
    ]


def test_datasets_reads_the_pairs_as_they_are(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    filled.correct(1, 3, POSITIVE)
    filled.correct(2, 3, POSITIVE)
    path = tmp_path / "pairs.jsonl"
    assert export_preferences(filled, path) == 2
    loaded = datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.column_names == ["prompt", "chosen", "rejected", "source", "weight", "id"]
    for column in ("prompt", "chosen", "rejected"):
        assert loaded.features[column].dtype == "string"
    assert loaded["id"][:] == ["a", "b"]


def test_training_reads_the_reviews_as_they_are(filled: Library, tmp_path: Path) -> None:
    for place, certainty in enumerate(CERTAINTIES):
        filled.correct(2, place, certainty)
    filled.accept(1)
    filled.set_note(3, "only a note")
    path = tmp_path / "gold.jsonl"
    assert export_reviews(filled, path) == 2
    first, second = data.read(data.SourceSpec("reviews", str(path)), LABELS)
    assert (first.id, second.id) == ("a", "b")
    assert first.answers == (3,) * 14
    assert second.answers == (0, 1, 2, *(3,) * 11)
    assert "fever" not in first.text
    assert "naïve" in second.text


def test_reviews_keep_text_reviewer_and_status(
    filled: Library, open_library: Callable[..., Library]
) -> None:
    filled.accept(1)
    open_library(reviewer="béa").correct(2, 0, UNCERTAIN)
    out = io.StringIO()
    export_reviews(filled, out)
    assert rows(out.getvalue()) == [
        {"id": "a", "text": A.text, "labels": [None] * 14, "reviewer": "ada", "status": "accepted"},
        {
            "id": "b",
            "text": B.text,
            "labels": [-1, *[None] * 13],
            "reviewer": "béa",
            "status": "corrected",
        },
    ]


@pytest.mark.parametrize("export", [export_preferences, export_reviews])
def test_nothing_to_export_is_an_empty_file_for_the_owner_alone(
    library: Library, tmp_path: Path, export: Callable[[Library, Path], int]
) -> None:
    path = tmp_path / "out.jsonl"
    old = os.umask(0)
    try:
        assert export(library, path) == 0
    finally:
        os.umask(old)
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("out.jsonl.partial").exists()


def half(path: Path) -> None:
    with whole_file(path) as stream:
        stream.write("half")
        stream.flush()
        assert path.with_name(path.name + ".partial").exists()
        raise OSError("the disk is full")


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    path.with_name("out.jsonl.partial").write_text("left by a killed run")
    with pytest.raises(OSError, match="full"):
        half(path)
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]
    assert path.read_text() == "old"

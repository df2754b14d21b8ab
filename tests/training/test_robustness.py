from __future__ import annotations

import collections
import itertools
import json
import sys
from pathlib import Path

import pytest

from chexdesk.evaluation.gold import LabelsError
from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import chexpert14
from training import robustness

ROWS = [
    {"id": "a", "text": "1. No pneumothorax.\n2. Right port."},
    {"id": "b", "text": "The heart is enlarged. No effusion is seen."},
    {"id": "c", "text": "Small left effusion."},
]


@pytest.fixture
def gold_file(tmp_path: Path) -> Path:
    """Three reports; the last one's gold is wrong on purpose and stands in another split."""
    names = chexpert14().names
    said = [
        {"No Finding": 1, "Pneumothorax": 0, "Support Devices": 1},
        {"Cardiomegaly": 1, "Pleural Effusion": 0},
        {"Pleural Effusion": 0},
    ]
    path = tmp_path / "gold.jsonl"
    with path.open("w") as file:
        for row, labels, split in zip(ROWS, said, ("x", "x", "y"), strict=True):
            assert set(labels) <= set(names)
            file.write(json.dumps({**row, "labels": labels, "split": split}) + "\n")
    return path


def test_flips_differ_in_one_stretch_and_flip_the_finding() -> None:
    flips = robustness.read_flips()
    label_set = chexpert14()
    assert len(flips) >= 130
    assert len({flip.id for flip in flips}) == len(flips)
    assert len({text for flip in flips for text in flip.texts}) == 2 * len(flips)
    counts = collections.Counter(flip.finding for flip in flips)
    assert set(counts) == set(label_set.names) - {label_set.no_finding}
    assert min(counts.values()) >= 7
    for flip in flips:
        assert flip.certainties[0] is not flip.certainties[1], flip.id
        a, b = (text.split() for text in flip.texts)
        same = sum(1 for _ in itertools.takewhile(lambda p: p[0] == p[1], zip(a, b, strict=False)))
        a, b = a[same:][::-1], b[same:][::-1]
        same = sum(1 for _ in itertools.takewhile(lambda p: p[0] == p[1], zip(a, b, strict=False)))
        assert max(len(a) - same, len(b) - same) <= 8, flip.id


def test_a_pair_is_right_when_both_answers_are(tmp_path: Path) -> None:
    flips = [
        ("right", "No effusion.", "negative", "Small effusion.", "positive"),
        ("half", "No effusion.", "negative", "Moderate effusion.", "uncertain"),
        ("still", "Large effusion.", "positive", "Left effusion.", "negative"),
    ]
    path = tmp_path / "flips.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "id": name,
                    "finding": "Pleural Effusion",
                    "kind": "no",
                    "a": {"text": a, "certainty": says_a},
                    "b": {"text": b, "certainty": says_b},
                }
            )
            + "\n"
            for name, a, says_a, b, says_b in flips
        )
    )
    figures = robustness.evaluate_flips(RuleLabeler(), path)
    assert (figures.pairs, figures.right_pairs, figures.right_texts, figures.still) == (3, 1, 4, 1)
    assert figures.findings == {"Pleural Effusion": (1, 3)}
    assert figures.wrong == ("half", "still")


def test_a_damaged_flip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "flips.jsonl"
    path.write_text('\n{"id": "x", "a": {"text": "y"}}\n')
    with pytest.raises(ValueError, match=r"flips\.jsonl:2: not a pair"):
        robustness.read_flips(path)


def test_every_kind_is_compared_with_the_reports_as_given(gold_file: Path) -> None:
    labeler = RuleLabeler()
    gold = robustness.read_gold(gold_file, labeler.label_set, "x")
    assert [entry.report.id for entry in gold] == ["a", "b"]
    rows = {row.kind: row for row in robustness.evaluate_robustness(labeler, gold)}
    assert tuple(rows) == (robustness.AS_GIVEN, *robustness.KINDS)
    assert rows[robustness.AS_GIVEN].macro_f1 == 1.0
    assert rows["upper case"].reports == 2
    assert rows["upper case"].changed == 0.0
    assert rows["order"].reports == 1
    assert rows["indication"].macro_f1 == 1.0


def test_a_wrong_gold_label_costs_macro_f1(gold_file: Path) -> None:
    labeler = RuleLabeler()
    gold = robustness.read_gold(gold_file, labeler.label_set)
    assert robustness.evaluate_robustness(labeler, gold)[0].macro_f1 < 1.0


def test_labels_without_a_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "a", "text": "Clear.", "labels": {}}\n{"id": "b", "labels": {}}\n')
    with pytest.raises(LabelsError, match="no text for 'b'"):
        robustness.read_gold(path, chexpert14())


def test_the_command_prints_tables_and_writes_the_figures(
    gold_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "figures.json"
    command = ["--engine", "rules", "--gold", str(gold_file), "--split", "x", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["robustness", *command])
    robustness.main()
    figures = json.loads(out.read_text())
    pairs, right = figures["flips"]["pairs"], figures["flips"]["right_pairs"]
    assert [row["kind"] for row in figures["robustness"]] == ["as given", *robustness.KINDS]
    assert right > pairs / 2
    printed = capsys.readouterr().out
    assert f"| **all** | {right} | {pairs} |" in printed
    assert "| indication | 2 | 1.0000 | +0.0000 | 0.00% |" in printed

"""Training data: read whole, split the same way every time, free of what dev holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from training import data

LABELS = chexpert14()


def gold(path: Path, rows: list[object]) -> data.SourceSpec:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return data.SourceSpec("test", str(path))


def example(key: str, text: str) -> data.Example:
    return data.Example(key, "test", text, (3,) * len(LABELS))


def test_every_way_of_writing_labels_means_the_same(tmp_path: Path) -> None:
    name = LABELS.names[9]
    numbers: list[int | None] = [None] * len(LABELS)
    numbers[9] = -1
    rows: list[object] = [
        {"id": 1, "text": "a", "labels": numbers},
        {"uid": "x", "text": "a", "labels": {name: [-1, "a"]}},
        {"id": "y", "text": "a", "labels": {name: "uncertain"}},
        {"id": "z", "text": "a", "labels": {name: -1.0}},
    ]
    found = data.read(gold(tmp_path / "gold.jsonl", rows), LABELS)
    assert len({e.answers for e in found}) == 1
    assert CERTAINTIES[found[0].answers[9]] is Certainty.UNCERTAIN
    assert [e.id for e in found] == ["1", "x", "y", "z"]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    good = {"id": 1, "text": "a", "labels": [None] * len(LABELS)}
    spec = gold(tmp_path / "gold.jsonl", [good, {"id": 2, "text": "a", "labels": [7]}])
    with pytest.raises(ValueError, match=r"gold\.jsonl:2"):
        data.read(spec, LABELS)


def test_a_text_may_hold_any_line_separator(tmp_path: Path) -> None:
    text = "no effusion\u2028no edema\x85clear"
    path = tmp_path / "gold.jsonl"
    row = {"id": 1, "text": text, "labels": [None] * len(LABELS)}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert len(data.read(data.SourceSpec("test", str(path)), LABELS)) == 1


def test_a_quote_in_a_hidden_section_shows_the_whole_text(tmp_path: Path) -> None:
    row = {
        "uid": 1,
        "text": "HISTORY: rib fracture.\nFINDINGS: clear.",
        "labels": {LABELS.names[12]: [1, "rib fracture"]},
    }
    (found,) = data.read(gold(tmp_path / "gold.jsonl", [row]), LABELS)
    assert "rib fracture" in found.text


def test_the_held_out_part_depends_on_the_id_alone() -> None:
    many = [example(str(n), f"text {n}") for n in range(500)]
    train, held = data.split_held_out(many, 0.1)
    assert {e.id for e in train} | {e.id for e in held} == {e.id for e in many}
    assert 20 < len(held) < 90
    assert data.split_held_out(reversed(many), 0.1)[1] == list(reversed(held))


def test_near_duplicates_are_dropped_and_others_kept() -> None:
    other = "there is a small left pleural effusion with adjacent atelectasis, new since yesterday"
    same = example("same", other.upper() + "  .")
    near = example("near", other + " morning")
    far = example("far", "there is a small left pleural effusion but the lungs are clear today")
    short = example("short", "normal chest")
    kept, dropped = data.drop_near_duplicates([same, near, far, short], [other, "Normal chest."])
    assert dropped == [same, near, short]
    assert kept == [far]


def test_real_sources_fit_the_label_set(eval_folder: Path) -> None:
    spec = data.SourceSpec("feedback", "stanford_open.jsonl", split="feedback")
    assert len(data.read(spec, LABELS)) == 300

"""Labels in every form they are kept in, and the comparison of two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from chexdesk.evaluation.gold import LabelsError, align, read_labels
from chexdesk.evaluation.tables import compare, print_table
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, chexpert14
from chexdesk.outputs.write import open_output
from chexdesk.reports.report import Report

LABELS = chexpert14()
NUMBERS = [1, 0, -1, None, 1, 0, -1, None, 1, 0, -1, None, 1, 0]
WANTED = tuple(Certainty.from_number(number) for number in NUMBERS)
BLANK = (Certainty.NOT_MENTIONED,) * len(LABELS)


def put(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def named(values: list[object]) -> dict[str, object]:
    return dict(zip(LABELS.names, values, strict=True))


@pytest.mark.parametrize(
    "labels",
    [
        NUMBERS,
        [float("nan") if number is None else float(number) for number in NUMBERS],
        named(NUMBERS),
        {name: [n, "no edema"] for name, n in named(NUMBERS).items() if n is not None},
        named([c.json_name for c in WANTED]),
        named([c.value for c in WANTED]),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_json_forms(tmp_path: Path, labels: object, name: str) -> None:
    rows = [{"id": 10, "labels": labels}, {"uid": "b", "labels": {}}]
    text = json.dumps(rows) if name == "a.json" else "\n".join(map(json.dumps, rows))
    found = read_labels(put(tmp_path, name, text), LABELS)
    assert found == {"10": WANTED, "b": BLANK}
    assert list(found) == ["10", "b"]


def test_chexpert_csv_in_any_order(tmp_path: Path) -> None:
    names = ["Reports", *reversed(LABELS.names), "Study_ID"]
    cells = ["" if number is None else f"{number}.0" for number in reversed(NUMBERS)]
    text = ",".join(names) + "\n" + ",".join(['"no, edema"', *cells, "007"]) + "\n"
    assert read_labels(put(tmp_path, "a.csv", text), LABELS) == {"007": WANTED}


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_what_chexdesk_writes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    model = ModelId("m", "0", "1")
    with open_output(path, kind, LABELS) as writer:
        writer.write(Report("a", "no edema"), Prediction("a", WANTED, (), model))
        writer.write(Report("b", ""), Prediction.failed("b", LABELS, model, "empty report"))
    assert read_labels(path, LABELS) == {"a": WANTED, "b": BLANK}


def test_split(tmp_path: Path) -> None:
    rows = [{"id": n, "split": s, "labels": NUMBERS} for n, s in enumerate(["dev", "train", "dev"])]
    path = put(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert list(read_labels(path, LABELS, "dev")) == ["0", "2"]
    with pytest.raises(LabelsError, match=r"a\.jsonl: no row is of the split 'test' .*dev, train"):
        read_labels(path, LABELS, "test")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"id": 1, "labels": {}}\n{"id": 2, "labels": [1]}', "line 2: has 1 labels"),
        ("a.jsonl", '{"id": 1, "labels": {"Gout": 1}}', "line 1: 'Gout' is not a finding"),
        ("a.jsonl", '{"id": 1, "labels": {"Edema": 2}}', "line 1: 2 is not a label"),
        ("a.jsonl", '{"id": 1, "labels": {"Edema": "yes"}}', "line 1: 'yes'"),
        ("a.jsonl", '{"id": 1, "labels": {"Edema": true}}', "line 1: true is not a label"),
        ("a.jsonl", '{"id": 1}', "line 1: not an object with `labels`"),
        ("a.jsonl", '{"id": 1, "labels": {}}\n{"id": 1, "labels": {}}', "line 2: the id '1' comes"),
        ("a.jsonl", "{", "line 1: not JSON"),
        ("a.json", "[]", "holds no labels"),
        ("a.csv", "id,Edema\n1,1.0\n", "has no column No Finding"),
        ("a.csv", f"id,{','.join(LABELS.names)}\n1,x{',' * 13}\n", "row 1: 'x' is not a label"),
        ("a.csv", f"id,{','.join(LABELS.names)}\n1,1\n", "row 1: has not as many cells"),
        ("a.txt", "no edema", "are read from .csv, .tsv, .json and .jsonl"),
    ],
)
def test_files_that_are_not_labels(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(LabelsError) as caught:
        read_labels(put(tmp_path, name, content), LABELS)
    assert name in str(caught.value)
    assert message in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"none\.csv: cannot be opened"):
        read_labels(tmp_path / "none.csv", LABELS)


def test_alignment_is_by_id_in_the_golds_order() -> None:
    gold, predicted = align({"a": WANTED, "b": BLANK}, {"c": WANTED, "b": WANTED, "a": BLANK})
    assert gold.shape == predicted.shape == (2, 14)
    assert (gold[1] == 3).all()
    assert (predicted[0] == 3).all()
    with pytest.raises(LabelsError, match=r"no labels for 1 of 2 .*\(ids b\)"):
        align({"a": WANTED, "b": BLANK}, {"a": WANTED})


def test_two_files_compared(tmp_path: Path) -> None:
    other = [0, *NUMBERS[1:]]
    gold = put(tmp_path, "gold.jsonl", "\n".join(
        json.dumps({"id": n, "labels": NUMBERS}) for n in range(4)
    ))  # fmt: skip
    predicted = put(tmp_path, "predicted.jsonl", "\n".join(
        json.dumps({"id": n, "labels": NUMBERS if n else other}) for n in range(4)
    ))  # fmt: skip
    evaluation = compare(
        LABELS, read_labels(gold, LABELS), read_labels(predicted, LABELS), rounds=20
    )
    found = evaluation.as_dict()
    assert found["reports"] == 4
    assert found["errors_a_report"] == 0.25
    assert found["perfect"] == 0.75
    first = 2 * 3 / (4 + 3)
    assert found["findings"][LABELS.names[0]] == {
        "f1": round(first, 4),
        "support": {"positive": 4, "negative": 0, "uncertain": 0, "not_mentioned": 0},
    }
    assert found["findings"][LABELS.names[3]]["f1"] is None
    assert found["macro_f1_14"] == round((first + 10) / 11, 4)
    assert found["macro_f1_13"] == round((first + 9) / 10, 4)
    low, high = found["intervals"]["macro_f1_13"]
    assert low <= found["macro_f1_13"] <= high
    json.dumps(found, allow_nan=False)
    console = Console(width=100)
    with console.capture() as capture:
        print_table(evaluation, console)
    text = capture.get()
    assert "macro F1, 13 findings" in text
    assert "75.0 %" in text
    assert all(name in text for name in LABELS.names)

"""No cell of a `sheet-csv` file is a formula, and ids come back letter for letter."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cli_samples import invoke, write_csv
from hypothesis import given
from hypothesis import strategies as st

from chexdesk.evaluation.gold import read_labels
from chexdesk.labels import chexpert14
from chexdesk.outputs.formulas import guarded, unguarded

RISKY = st.text("'=+-@\t\r\n＝ ab", max_size=8)


@given(RISKY | st.text(max_size=20))
def test_the_way_back_is_never_in_doubt(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert not guarded(cell).lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠"))


@given(RISKY, RISKY)
def test_no_two_cells_become_one(a: str, b: str) -> None:
    assert (guarded(a) == guarded(b)) is (a == b)


IDS = ['=HYPERLINK("http://example.invalid","x")', "+1", "-2", "@sum", "'=x", "'quoted", " =y", "7"]


@pytest.mark.parametrize("name", ["out.sheet.csv", "out.csv"])
def test_ids_come_back_and_are_no_formulas(tmp_path: Path, name: str) -> None:
    source = write_csv(tmp_path / "in.csv", [(each, "Small effusion.") for each in IDS])
    output = tmp_path / name
    result = invoke(
        "label", source, "--output", output, "--engine", "rules", "--format", "sheet-csv"
    )
    assert result.exit_code == 0, result.stderr
    with output.open(encoding="utf-8", newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert [unguarded(cell) for cell in cells] == IDS
    assert not [cell for cell in cells if cell.lstrip(" ")[0] in "=+-@"]
    assert list(read_labels(output, chexpert14())) == IDS


def test_plain_csv_stays_verbatim(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [(each, "Small effusion.") for each in IDS])
    output = tmp_path / "out.csv"
    assert invoke("label", source, "--output", output, "--engine", "rules").exit_code == 0
    with output.open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == IDS


def test_a_broken_off_run_is_taken_up(tmp_path: Path) -> None:
    rows = [(f"={n}", "Small effusion.") for n in range(300)]
    source = write_csv(tmp_path / "in.csv", rows)
    whole, broken = tmp_path / "whole.sheet.csv", tmp_path / "broken.sheet.csv"
    assert invoke("label", source, "--output", whole, "--engine", "rules").exit_code == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    broken.with_name(f"{broken.name}.partial").write_bytes(b"".join(lines[:280]))
    result = invoke("label", source, "--output", broken, "--engine", "rules", "--resume")
    assert result.exit_code == 0, result.stderr
    assert "256 of them kept" in result.stderr
    assert broken.read_bytes() == whole.read_bytes()


def test_gold_of_a_plain_file_still_matches(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "=1", "labels": [None] * 14}) + "\n")
    source = write_csv(tmp_path / "in.csv", [("=1", "Clear lungs.")])
    output = tmp_path / "out.sheet.csv"
    invoke("label", source, "--output", output, "--engine", "rules")
    result = invoke("evaluate", gold, output, "--rounds", "100")
    assert result.exit_code == 0, result.stderr

"""Decisions files are matched by id, and what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chexdesk.labels import CERTAINTIES, chexpert14
from training.decisions import DecisionsError
from training.evaluation import errors, tables
from training.evaluation.systems import (
    Gold,
    read_about,
    read_folder,
    read_gold,
    read_system,
)

LABELS = chexpert14()
SILENT = [None] * len(LABELS)
GOLD = Gold(
    "made up", ("a", "b", "7"), np.full((3, len(LABELS)), 3, dtype=np.int8), np.array([1, 2, 3])
)


def row(key: Any, first: int | None, **more: Any) -> dict[str, Any]:
    return {"id": key, "decisions": [first, *SILENT[1:]], **more}


def write(folder: Path, *rows: dict[str, Any], gold: str = "made up", name: str = "x") -> Path:
    header = {"system": name, "gold": gold, "command": "", "date": "2026-11-25", "notes": ""}
    path = folder / f"{name}.{gold}.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (header, *rows)) + "\n", encoding="utf-8")
    return path


def test_rows_in_any_order_are_matched_by_id(tmp_path: Path) -> None:
    path = write(tmp_path, row(7, -1), row("other", 1), row("b", 0), row("a", 1))
    system = read_system(path, GOLD, LABELS)
    assert system.decisions[:, 0].tolist() == [0, 1, 2]
    assert (system.decisions[:, 1:] == 3).all()
    assert system.probabilities is None


def test_probabilities_follow_the_ids(tmp_path: Path) -> None:
    sure = [[1.0, 0, 0, 0]] * len(LABELS)
    even = [[0.25] * 4] * len(LABELS)
    path = write(
        tmp_path,
        row("b", None, probabilities=even),
        row(7, None, probabilities=even),
        row("a", None, probabilities=sure),
    )
    found = read_system(path, GOLD, LABELS).probabilities
    assert found is not None
    assert found[:, 0, 0].tolist() == [1, 0.25, 0.25]


def test_a_report_that_is_missing_is_named_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, row("a", 1), row(7, 1))
    with pytest.raises(
        DecisionsError, match=r"lacks 1 of the 3 reports of made up \(b\)"
    ) as caught:
        read_system(path, GOLD, LABELS)
    assert str(path) in str(caught.value)


def test_a_file_for_other_reports_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, gold="elsewhere")
    with pytest.raises(DecisionsError, match="is for 'elsewhere', not for 'made up'") as caught:
        read_system(path, GOLD, LABELS)
    assert str(path) in str(caught.value)
    with pytest.raises(DecisionsError, match="is no gold set"):
        read_gold("elsewhere", LABELS)


def test_known_systems_come_in_their_order_and_others_after(tmp_path: Path) -> None:
    known = list(read_about())[:2]
    for name in ("a-new-one", *reversed(known)):
        write(tmp_path, *(row(key, 1) for key in GOLD.ids), name=name)
    write(tmp_path, gold="elsewhere", name="not-read")
    found = read_folder(tmp_path, GOLD, LABELS, read_about())
    assert [system.name for system in found] == [*known, "a-new-one"]


def test_the_papers_figures_fit_the_label_set_and_the_systems() -> None:
    paper = tables.read_paper()
    wanted = set(LABELS.names) - LABELS.not_in_paper_average
    assert set(paper["findings"]) == wanted
    assert set(paper["certainties"]) < {certainty.value for certainty in CERTAINTIES}
    assert {about.paper for about in read_about().values()} - {""} <= set(paper["systems"])
    # The paper's Table 1 is close to the mean of its Table 3, which guards against slips in typing.
    for place, whole in enumerate(paper["macro_f1"]):
        mean = np.mean([values[place] for values in paper["findings"].values()])
        assert mean == pytest.approx(whole, abs=0.006)


def test_notes_are_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    assert errors.read_notes(path) == {}
    path.write_text('"A: positive -> negative": written reports added\n', encoding="utf-8")
    assert errors.read_notes(path) == {"A: positive -> negative": "written reports added"}
    path.write_text("- a list\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.yaml"):
        errors.read_notes(path)

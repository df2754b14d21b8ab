"""From decisions files to the results, on the other hospital's reports with made-up systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chexdesk.labeling.calibration import Calibration
from chexdesk.labels import chexpert14
from training import evaluate
from training.decisions import Decisions, path, write
from training.evaluation.errors import worst_kinds
from training.evaluation.systems import Gold, System, read_about, read_gold

LABELS = chexpert14()
NAME = "openi_evidence"
OURS = next(name for name, about in read_about().items() if about.ours)


def leave(folder: Path, system: str, gold: Gold, chance: float, seed: int) -> System:
    """Write decisions that part from the gold with some chance; ours with probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (*gold.decisions.shape, 4)) + 3 * np.eye(4)[gold.decisions]
    logits[rng.random(gold.decisions.shape) < chance] = rng.normal(0, 1, 4)
    probabilities = Calibration.none(len(LABELS)).apply(logits)
    decisions = probabilities.argmax(-1).astype(np.int8)
    found = Decisions(
        system, gold.name, gold.ids, decisions, probabilities if system == OURS else None
    )
    write(path(system, gold.name, folder), found)
    return System(system, decisions)


def adapter(folder: Path, calibration: dict[str, Any]) -> None:
    text = json.dumps({"calibration": calibration})
    (folder / "adapter.json").write_text(text, encoding="utf-8")


def arguments(folder: Path) -> list[str]:
    places = {
        "--decisions": folder,
        "--out": folder / "results.md",
        "--plots": folder / "plots",
        "--head": folder / "head.md",
        "--notes": folder / "notes.yaml",
        "--adapter": folder / "adapter.json",
    }
    options = [str(part) for pair in places.items() for part in pair]
    return [*options, "--gold", NAME, "--rounds", "40"]


@pytest.mark.usefixtures("eval_folder")
def test_the_results_hold_every_table_and_plot(tmp_path: Path) -> None:
    gold = read_gold(NAME, LABELS)
    model = leave(tmp_path, OURS, gold, 0.02, 0)
    leave(tmp_path, "rules", gold, 0.1, 1)
    leave(tmp_path, "a-new-one", gold, 0.2, 2)
    worst = worst_kinds(LABELS, gold, model)[0]
    (tmp_path / "head.md").write_text("# By hand\n", encoding="utf-8")
    (tmp_path / "notes.yaml").write_text(f'"{worst.key}": more of these were written\n', "utf-8")
    record = Calibration.uniform(1.2, len(LABELS)).as_dict() | {
        "method": "temperature",
        "doubt": "expected",
        "fitted_on": "made-up reports",
        "cross_validation": [{"form": "raw softmax", "log-loss": 0.1}],
    }
    adapter(tmp_path, record)
    evaluate.main(arguments(tmp_path))
    text = (tmp_path / "results.md").read_text("utf-8")
    assert text.startswith("# By hand\n")
    for title in ("Tables 1 and 2", "Table 3", "Table 4", "Table 5", "worst kinds", "Calibration"):
        assert title in text
    # The whole, extraction, and the tests have a row for each system.
    assert sum(line.startswith("| a-new-one |") for line in text.splitlines()) == 3
    assert "more of these were written" in text
    assert "raw softmax" in text
    plots = sorted(plot.name for plot in (tmp_path / "plots").iterdir())
    assert plots == [
        f"findings-{NAME}.svg",
        f"macro-f1-{NAME}.svg",
        "reliability.svg",
        "selective.svg",
    ]
    assert all(f"(plots/{name})" in text for name in plots)


@pytest.mark.usefixtures("eval_folder")
def test_the_results_are_the_same_each_time(tmp_path: Path) -> None:
    leave(tmp_path, OURS, read_gold(NAME, LABELS), 0.05, 0)
    adapter(tmp_path, {})
    (tmp_path / "head.md").write_text("# By hand\n", encoding="utf-8")
    made = []
    for _ in range(2):
        evaluate.main(arguments(tmp_path))
        files = [tmp_path / "results.md", *sorted((tmp_path / "plots").iterdir())]
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]


def test_no_decisions_are_an_error_that_names_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(arguments(tmp_path))
    assert f"{tmp_path} holds no decisions for {NAME}" in capsys.readouterr().err

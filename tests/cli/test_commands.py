"""The commands beside `label`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_samples import COLUMNS, DOUBT, EFFUSION, NORMAL, invoke, read_csv, spawn, write_csv

from chexdesk import __version__
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.services.library import Library

ROWS = [EFFUSION, NORMAL, DOUBT]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """What `label` says of three reports."""
    source, output = write_csv(tmp_path / "in.csv", ROWS), tmp_path / "labels.csv"
    assert invoke("label", source, "--output", output, "--engine", "rules").exit_code == 0
    return output


def gold_of(labels: Path, path: Path) -> Path:
    """Expert labels that agree with a CSV in everything, as the gold files keep them."""
    numbers = {"1.0": 1, "0.0": 0, "-1.0": -1, "": None}
    with path.open("w") as file:
        for place, row in enumerate(read_csv(labels)):
            line = {
                "id": row["id"],
                "split": "dev" if place else "feedback",
                "text": "",
                "labels": [numbers[row[name]] for name in COLUMNS],
            }
            file.write(json.dumps(line) + "\n")
    return path


def test_evaluate_of_the_same_labels_is_perfect(tmp_path: Path, labels: Path) -> None:
    gold = gold_of(labels, tmp_path / "gold.jsonl")
    result = invoke("evaluate", gold, labels, "--json", "--rounds", "100")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["reports"] == 3
    assert figures["macro_f1_13"] == figures["macro_f1_14"] == 1
    assert figures["perfect"] == 1
    assert figures["errors_a_report"] == 0
    assert figures["intervals"]["perfect"] == [1, 1]
    assert list(figures["findings"]) == COLUMNS


def test_evaluate_counts_what_differs(tmp_path: Path, labels: Path) -> None:
    gold = gold_of(labels, tmp_path / "gold.jsonl")
    text = labels.read_text("utf-8")
    labels.write_text(text.replace("0.0", "-1.0", 1), "utf-8")
    figures = json.loads(invoke("evaluate", gold, labels, "--json", "--rounds", "100").stdout)
    assert figures["errors_a_report"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["perfect"] == pytest.approx(2 / 3, abs=1e-4)
    table = invoke("evaluate", gold, labels, "--rounds", "100")
    assert table.exit_code == 0
    assert "macro F1, 13 findings" in table.stdout
    assert "66.7 %" in table.stdout
    for name in COLUMNS:
        assert name in table.stdout


def test_evaluate_reads_json_and_takes_a_split(tmp_path: Path, labels: Path) -> None:
    gold = gold_of(labels, tmp_path / "gold.jsonl")
    predicted = tmp_path / "labels.json"
    invoke("label", tmp_path / "in.csv", "--output", predicted, "--engine", "rules")
    result = invoke("evaluate", gold, predicted, "--split", "dev", "--json", "--rounds", "100")
    assert json.loads(result.stdout)["reports"] == 2
    result = invoke("evaluate", gold, predicted, "--split", "test")
    assert result.exit_code == 1
    assert "dev, feedback" in result.stderr


def test_evaluate_names_what_does_not_fit(tmp_path: Path, labels: Path) -> None:
    gold = gold_of(labels, tmp_path / "gold.jsonl")
    missing = invoke("evaluate", gold, tmp_path / "gone.csv")
    assert missing.exit_code == 1
    assert "gone.csv" in missing.stderr
    no_labels = invoke("evaluate", gold, tmp_path / "in.csv")
    assert no_labels.exit_code == 1
    assert "in.csv" in no_labels.stderr
    lines = gold.read_text().splitlines()
    gold.write_text("\n".join([*lines, lines[0].replace("007", "another")]))
    unmatched = invoke("evaluate", gold, labels)
    assert unmatched.exit_code == 1
    assert "another" in unmatched.stderr
    assert invoke("evaluate", gold).exit_code == 2


def test_model_info_is_the_manifest(default_pack: Path) -> None:
    result = invoke("model", "info")
    assert result.exit_code == 0
    manifest = json.loads((default_pack / "manifest.json").read_text("utf-8"))
    assert json.loads(result.stdout) == manifest
    assert json.loads(invoke("model", "info", default_pack).stdout) == manifest


def test_model_verify_loads_it_and_says_so(default_pack: Path) -> None:
    result = invoke("model", "verify", default_pack)
    assert result.exit_code == 0, result.stderr
    assert "whole and usable" in result.stdout


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_pack_that_is_none_is_named(tmp_path: Path, command: str) -> None:
    result = invoke("model", command, tmp_path)
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert "make model" in result.stderr


@pytest.fixture
def corrected(tmp_path: Path) -> None:
    """Three reports in the library: one corrected, one accepted, one as it was labelled."""
    source = write_csv(tmp_path / "in.csv", ROWS)
    result = invoke(
        "label", source, "--output", tmp_path / "out.csv", "--engine", "rules", "--store"
    )
    assert result.exit_code == 0, result.stderr
    library = Library.open()
    keys = [entry.key for entry in library.entries()]
    library.correct(keys[0], COLUMNS.index("Pneumothorax"), Certainty.UNCERTAIN)
    library.accept(keys[1])
    library.close()


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.usefixtures("corrected")
def test_preferences_export_gives_pairs_for_a_reward_model(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    result = invoke("preferences", "export", "--output", output)
    assert result.exit_code == 0, result.stderr
    assert "1 preference pair\n" in result.stderr
    (pair,) = lines_of(output)
    assert {"prompt", "chosen", "rejected", "source"} <= set(pair)
    prompt, chosen, rejected = (str(pair[key]) for key in ("prompt", "chosen", "rejected"))
    assert "pleural effusion" in prompt.lower()
    assert chosen != rejected
    assert len(chosen) > len(CERTAINTIES)


@pytest.mark.usefixtures("corrected")
def test_reviews_export_gives_gold_that_evaluate_reads(tmp_path: Path) -> None:
    output = tmp_path / "gold.jsonl"
    result = invoke("reviews", "export", "--output", output)
    assert result.exit_code == 0, result.stderr
    assert "2 reviewed reports" in result.stderr
    first, second = lines_of(output)
    assert (first["id"], first["text"], first["status"]) == (*EFFUSION, "corrected")
    assert (second["id"], second["status"]) == (NORMAL[0], "accepted")
    figures = invoke("evaluate", output, tmp_path / "out.csv", "--json", "--rounds", "100").stdout
    assert json.loads(figures)["errors_a_report"] == 0.5


@pytest.mark.parametrize("what", ["preferences", "reviews"])
def test_exports_from_an_empty_library_are_empty_files(tmp_path: Path, what: str) -> None:
    output = tmp_path / "out.jsonl"
    assert invoke(what, "export", "--output", output).exit_code == 0
    assert output.read_bytes() == b""


@pytest.mark.parametrize("what", ["preferences", "reviews"])
@pytest.mark.parametrize("where", ["gone/out.jsonl", ""])
def test_exports_name_an_output_that_cannot_be(tmp_path: Path, what: str, where: str) -> None:
    result = invoke(what, "export", "--output", tmp_path / where)
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert "folder" in result.stderr


def test_a_library_that_is_none_is_named_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    file = home / "chexdesk.sqlite3"
    file.write_text("a letter to my aunt" * 1000)
    before = file.read_bytes()
    monkeypatch.setenv("CHEXDESK_HOME", str(home))
    source = write_csv(tmp_path / "in.csv", ROWS)
    output = tmp_path / "out.csv"
    for command in (
        ("label", source, "--output", output, "--engine", "rules", "--store"),
        ("reviews", "export", "--output", tmp_path / "out.jsonl"),
        ("preferences", "export", "--output", tmp_path / "out.jsonl"),
    ):
        result = invoke(*command)
        assert result.exit_code == 1
        assert str(file) in result.stderr
        assert file.read_bytes() == before


def test_version() -> None:
    assert invoke("--version").stdout == f"chexdesk {__version__}\n"
    done = spawn("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"chexdesk {__version__}\n")


HELP = {
    "": ["label", "evaluate", "model", "preferences", "reviews", "gui", "--version"],
    "label": [
        "--output", "--format", "--from", "--column", "--sections", "--engine", "--model",
        "--gpu-layers", "--jobs", "--resume", "--strict", "--store", "INPUT",
    ],
    "evaluate": ["GOLD", "PREDICTED", "--split", "--rounds", "--json", "bootstrap"],
    "model": ["info", "verify"],
    "model info": ["PACK"],
    "model verify": ["PACK", "sha256"],
    "preferences export": ["--output", "RewardTrainer"],
    "reviews export": ["--output", "gold"],
    "gui": ["--model", "window"],
}  # fmt: skip


@pytest.mark.parametrize("command", HELP)
def test_help_is_worth_reading(command: str) -> None:
    result = invoke(*command.split(), "--help")
    assert result.exit_code == 0
    for word in HELP[command]:
        assert word in result.stdout
    # Every option says in words what it does.
    for line in re.findall(r"^  (--\S+.*)$", result.stdout, re.MULTILINE):
        assert len(line.split()) > 2 or "--help" in line, line


def test_a_display_is_needed_for_the_window(tmp_path: Path) -> None:
    hidden = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    done = spawn("gui", env={**hidden, "CHEXDESK_HOME": str(tmp_path)})
    assert done.returncode == 1
    assert b"chexdesk label" in done.stderr

"""`chexdesk label` with the default model pack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_samples import COLUMNS, DOUBT, EFFUSION, EMPTY, NORMAL, invoke, many, read_csv, write_csv

from chexdesk.labeling.labeler import WINDOW

pytestmark = pytest.mark.usefixtures("default_pack")

CERTAINTIES = ["positive", "negative", "uncertain", "not_mentioned"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A window and a bit, of short reports."""
    rows = many(WINDOW + 20, longest=1)
    return write_csv(tmp_path_factory.mktemp("some") / "some.csv", rows)


@pytest.fixture(scope="module")
def unbroken(source: Path) -> bytes:
    output = source.with_name("unbroken.jsonl")
    result = invoke("label", source, "--output", output)
    assert result.exit_code == 0, result.stderr
    return output.read_bytes()


def test_it_is_the_default_engine_and_gives_probabilities(
    tmp_path: Path, default_pack: Path
) -> None:
    rows = [EFFUSION, EMPTY, NORMAL, DOUBT]
    source, output = write_csv(tmp_path / "in.csv", rows), tmp_path / "labels.json"
    result = invoke("label", source, "--output", output)
    assert result.exit_code == 0, result.stderr
    manifest = json.loads((default_pack / "manifest.json").read_text("utf-8"))
    records = json.loads(output.read_text("utf-8"))
    assert [record["id"] for record in records] == ["007", "none", "8", "1e3"]
    for record, (identifier, text) in zip(records, rows, strict=True):
        assert record["model"] == {key: manifest[key] for key in ("name", "sha256", "version")}
        if identifier == "none":
            assert record["probabilities"] == {}
            continue
        assert list(record["probabilities"]) == COLUMNS
        for name, chances in record["probabilities"].items():
            assert list(chances) == CERTAINTIES
            assert sum(chances.values()) == pytest.approx(1, abs=4e-4)
            assert all(round(chance, 4) == chance for chance in chances.values())
            said = record["labels"][name] or "not_mentioned"
            assert chances[said] == max(chances.values())
        for span in record["evidence"]:
            assert text[span["start"] : span["end"]] == span["text"]
    assert records[0]["labels"]["Pleural Effusion"] == "positive"
    assert records[0]["labels"]["Pneumothorax"] == "negative"
    assert records[2]["labels"]["No Finding"] == "positive"


def test_two_jobs_give_the_bytes_of_one(tmp_path: Path, source: Path, unbroken: bytes) -> None:
    output = tmp_path / "two.jsonl"
    assert invoke("label", source, "--output", output, "--jobs", "2").exit_code == 0
    assert output.read_bytes() == unbroken


def test_a_resumed_run_gives_the_bytes_of_an_unbroken_one(
    tmp_path: Path, source: Path, unbroken: bytes
) -> None:
    output = tmp_path / "resumed.jsonl"
    lines = unbroken.splitlines(keepends=True)
    begun = b"".join(lines[: WINDOW + 10]) + lines[WINDOW + 10][:40]
    output.with_name("resumed.jsonl.partial").write_bytes(begun)
    result = invoke("label", source, "--output", output, "--resume")
    assert result.exit_code == 0
    assert f"{WINDOW} of them kept" in result.stderr
    assert output.read_bytes() == unbroken


def test_a_pack_can_be_named(tmp_path: Path, default_pack: Path) -> None:
    source, output = write_csv(tmp_path / "in.csv", [EFFUSION]), tmp_path / "labels.csv"
    result = invoke("label", source, "--output", output, "--model", default_pack)
    assert result.exit_code == 0, result.stderr
    assert read_csv(output)[0]["Pleural Effusion"] == "1.0"

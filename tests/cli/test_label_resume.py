"""A run that breaks off and is taken up again gives the bytes of one that never broke off."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_samples import EFFUSION, NORMAL, invoke, many, read_csv, write_csv

from chexdesk.labeling.labeler import WINDOW

ROWS = 1000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("many") / "many.csv", many(ROWS))


def begin(source: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a run that gets only a part of its input, and wait until it has written some."""
    partial = output.with_name(f"{output.name}.partial")
    data = source.read_bytes()
    command = ["label", "-", "--from", "csv", "--output", str(output), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "chexdesk.cli", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(data[: len(data) * 3 // 4])
    process.stdin.flush()
    # It waits for the rest of its input; whole buffers of output are on the disk by then.
    while not (partial.exists() and partial.stat().st_size > 20_000):
        assert process.poll() is None
        time.sleep(0.02)
    return process


def end(process: subprocess.Popen[bytes], by: signal.Signals) -> str:
    """Send a signal to the run and its workers, as a terminal does; returns what it said."""
    os.killpg(process.pid, by)
    # Not communicate(): closing the input would tell the run that it is whole.
    assert process.stdout is not None
    assert process.stderr is not None
    process.wait(timeout=120)
    with process:
        assert process.stdout.read() == b""
        return process.stderr.read().decode()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "fhir.json"])
def test_killed_and_resumed_is_as_never_killed(tmp_path: Path, source: Path, ending: str) -> None:
    whole, broken = tmp_path / f"whole.{ending}", tmp_path / f"broken.{ending}"
    assert invoke("label", source, "--output", whole, "--engine", "rules").exit_code == 0
    end(begin(source, broken, "--engine", "rules"), signal.SIGKILL)
    partial = broken.with_name(f"{broken.name}.partial")
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    assert not broken.exists()
    begun = partial.read_bytes()
    assert whole.read_bytes().startswith(begun)
    result = invoke("label", source, "--output", broken, "--engine", "rules", "--resume")
    assert result.exit_code == 0
    assert broken.read_bytes() == whole.read_bytes()
    assert not partial.exists()
    assert "kept from the run before" in result.stderr


def interrupted(source: Path, output: Path, *options: str) -> None:
    process = begin(source, output, *options)
    words = end(process, signal.SIGINT)
    assert process.returncode == 1
    assert "--resume" in words
    assert words.count("\n") == 1, words
    assert output.with_name(f"{output.name}.partial").is_file()
    assert not output.exists()


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(tmp_path: Path, source: Path) -> None:
    interrupted(source, tmp_path / "labels.jsonl", "--engine", "rules")


@pytest.mark.usefixtures("default_pack")
def test_ctrl_c_ends_the_model_too_without_a_word(tmp_path: Path) -> None:
    # Short reports in long rows: the reader takes its input in large pieces.
    rows = [(name, text, "." * 1000) for name, text in many(400, longest=1)]
    source = write_csv(tmp_path / "wide.csv", rows, ("id", "report", "remarks"))
    interrupted(source, tmp_path / "labels.jsonl")


@pytest.fixture
def broken(tmp_path: Path, source: Path) -> Path:
    """What a run that broke off after some 300 rows, in the middle of one, leaves."""
    output = tmp_path / "labels.csv"
    invoke("label", source, "--output", output, "--engine", "rules")
    lines = output.read_bytes().splitlines(keepends=True)
    output.with_name("labels.csv.partial").write_bytes(b"".join(lines[:301]) + lines[301][:9])
    output.unlink()
    return output


def test_resume_keeps_whole_windows(broken: Path, source: Path) -> None:
    result = invoke("label", source, "--output", broken, "--engine", "rules", "--resume")
    assert f"{300 - 300 % WINDOW:,} of them kept" in result.stderr
    assert [row["id"] for row in read_csv(broken)] == [name for name, _ in many(ROWS)]


def test_strict_counts_the_kept_rows_too(broken: Path, tmp_path: Path) -> None:
    """Empty reports stand among the first 256 rows alone; the others were taken out."""
    kept = 300 - 300 % WINDOW
    rows = [row for place, row in enumerate(many(ROWS)) if place < kept or row[1]]
    source = write_csv(tmp_path / "fewer.csv", rows)
    result = invoke(
        "label", source, "--output", broken, "--engine", "rules", "--resume", "--strict"
    )
    assert result.exit_code == 1
    assert len(read_csv(broken)) == len(rows)


def test_without_resume_it_starts_anew_and_says_so(broken: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "two.csv", [EFFUSION, NORMAL])
    result = invoke("label", source, "--output", broken, "--engine", "rules")
    assert result.exit_code == 0
    assert "--resume" in result.stderr
    assert [row["id"] for row in read_csv(broken)] == ["007", "8"]


@pytest.mark.parametrize("given", ["other ids", "fewer reports", "another id column"])
def test_another_input_is_not_written_on(broken: Path, tmp_path: Path, given: str) -> None:
    partial = broken.with_name("labels.csv.partial")
    before = partial.read_bytes()
    rows = many(ROWS)
    if given == "other ids":
        rows = [(f"x{name}", text) for name, text in rows]
    if given == "fewer reports":
        rows = rows[:20]
    header = ("study", "report") if given == "another id column" else ("id", "report")
    source = write_csv(tmp_path / "other.csv", rows, header)
    result = invoke("label", source, "--output", broken, "--engine", "rules", "--resume")
    assert result.exit_code == 1
    assert "labels.csv" in result.stderr
    assert "anew" in result.stderr
    assert partial.read_bytes() == before
    assert not broken.exists()


def test_resume_without_a_broken_run_is_a_plain_run(tmp_path: Path) -> None:
    source, output = write_csv(tmp_path / "two.csv", [EFFUSION, NORMAL]), tmp_path / "labels.csv"
    result = invoke("label", source, "--output", output, "--engine", "rules", "--resume")
    assert result.exit_code == 0
    assert [row["id"] for row in read_csv(output)] == ["007", "8"]

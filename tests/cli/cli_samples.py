"""Inputs for the command line, and two ways to call it: in this process and in one of its own."""

from __future__ import annotations

import csv
import os
import random
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from chexdesk import paths
from chexdesk.cli import app

COLUMNS = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion", "Lung Opacity",
    "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
]  # fmt: skip

Row = tuple[str, str]

EFFUSION: Row = ("007", "Small left pleural effusion. No pneumothorax.")
NORMAL: Row = ("8", "The lungs are clear. No acute disease.")
DOUBT: Row = ("1e3", "Possible pneumonia in the right lower lobe.")
EMPTY: Row = ("none", "  ")


def invoke(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    """The command in this process; standard output and error apart."""
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)


def spawn(
    *arguments: str | Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    code: Sequence[str] = ("-m", "chexdesk.cli"),
) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, as a user starts it."""
    return subprocess.run(
        [sys.executable, *code, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=300,
        check=False,
    )


def write_csv(
    path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("id", "report")
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels_of(row: Mapping[str, str]) -> dict[str, str]:
    """The cells of one row that say something."""
    return {name: row[name] for name in COLUMNS if row[name]}


def sentences() -> list[str]:
    """The sentences of the sample reports that ship with ChexDesk."""
    found: set[str] = set()
    for path in sorted((paths.resources() / "samples").glob("*.txt")):
        text = " ".join(path.read_text("utf-8").split())
        found.update(s for s in re.split(r"(?<=[.?])\s+", text) if 10 < len(s) < 120)
    return sorted(found)


def many(count: int, longest: int = 8) -> list[Row]:
    """Reports made of those sentences, the same ones each time; every 50th is empty."""
    chance = random.Random(1405)
    known = sentences()
    return [
        (f"{number:05}", " ".join(chance.sample(known, chance.randint(1, longest))))
        if number % 50 != 7
        else (f"{number:05}", "")
        for number in range(count)
    ]

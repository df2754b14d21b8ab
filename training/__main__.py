"""All stages, one after the other.

    python -m training all --config training/configs/all.yaml [--from STAGE] [--dry]

A stage that left what it makes is not run again; one that was cut off takes up its last checkpoint.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Stage:
    """One command.

    Attributes:
        module: run as `python -m <module> <arguments>`.
        makes: a file that is there once the stage is finished.
    """

    name: str
    module: str
    arguments: str
    makes: Path


def main() -> None:
    """Run the stages of a configuration."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Run all stages.")
    parser.add_argument("what", choices=["all"])
    parser.add_argument("--config", type=Path, default=Path("training/configs/all.yaml"))
    parser.add_argument("--from", dest="first", help="run this stage and all after it, done or not")
    parser.add_argument("--dry", action="store_true", help="only say what would be run")
    args = parser.parse_args()
    for stage in due(load(args.config), args.first):
        print(f"== {stage.name}: python -m {stage.module} {stage.arguments}", flush=True)
        if not args.dry:
            run(stage)


def load(path: Path) -> list[Stage]:
    """The stages of a configuration.

    Raises:
        ValueError: it is none; the message names the file.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        return [
            Stage(r["name"], r["module"], r.get("arguments", ""), Path(r["makes"])) for r in rows
        ]
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not a list of stages ({error!r})") from error


def due(stages: Sequence[Stage], first: str | None = None) -> list[Stage]:
    """The stages still to be run: from the first unfinished (or the named) one on.

    Raises:
        ValueError: no stage has that name.
    """
    names = [stage.name for stage in stages]
    if first is not None:
        if first not in names:
            raise ValueError(f"no stage {first!r}; there are {', '.join(names)}")
        return list(stages[names.index(first) :])
    unfinished = (i for i, stage in enumerate(stages) if not stage.makes.exists())
    return list(stages[next(unfinished, len(stages)) :])


def run(stage: Stage) -> None:
    """Run one stage.

    Raises:
        SystemExit: it failed; the status is the stage's.
    """
    begun = time.monotonic()
    command = [sys.executable, "-m", stage.module, *shlex.split(stage.arguments)]
    status = subprocess.run(command, check=False).returncode
    if status:
        print(f"{stage.name} failed; run again to take it up from there", file=sys.stderr)
        raise SystemExit(status)
    print(f"== {stage.name}: {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()

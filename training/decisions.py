"""Decisions files: what one system decided on one gold set, so that any comparison can be redone.

`training/runs/decisions/<system>.<gold>.jsonl`. The first line is a header; every other line is one
report: its id, for each finding 1, 0, -1 or null, and where the system knows them the probabilities
of the four certainties. No text of a report stands in it, so it may be committed.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation import metrics
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet

FOLDER: Final = Path("training/runs/decisions")
#: Decimal places of a probability in a file.
PLACES: Final = 4


class DecisionsError(ValueError):
    """A file does not hold decisions; the message names file and line."""


@dataclass(frozen=True)
class Decisions:
    """One system's decisions on n reports of one gold set.

    Attributes:
        ids: of the n reports, as text.
        certainties: (n, findings) indices into `CERTAINTIES`.
        probabilities: (n, findings, 4) in `CERTAINTIES` order, or None where there are none.
        command: what was run.
        date: the day it was run.
        notes: whatever else one must know to read the figures, for example the seed.
    """

    system: str
    gold: str
    ids: tuple[str, ...]
    certainties: metrics.Decisions
    probabilities: NDArray[np.float64] | None = None
    command: str = ""
    date: datetime.date = field(default_factory=datetime.date.today)
    notes: str = ""


def path(system: str, gold: str, folder: Path = FOLDER) -> Path:
    """Where the decisions of a system on a gold set lie."""
    return folder / f"{system}.{gold}.jsonl"


def write(path: Path, decisions: Decisions) -> None:
    """Write a decisions file; it appears whole or not at all.

    Raises:
        ValueError: ids, decisions and probabilities are not of one length.
    """
    n = len(decisions.ids)
    given = decisions.probabilities
    if len(decisions.certainties) != n or (given is not None and len(given) != n):
        raise ValueError(f"{n} ids do not fit the decisions of {decisions.system}")
    header = {
        "system": decisions.system,
        "gold": decisions.gold,
        "command": decisions.command,
        "date": decisions.date.isoformat(),
        "notes": decisions.notes,
    }
    lines = [json.dumps(header, ensure_ascii=False)]
    for place, key in enumerate(decisions.ids):
        numbers = [CERTAINTIES[i].value_number for i in decisions.certainties[place]]
        row: dict[str, Any] = {"id": key, "decisions": numbers}
        if given is not None:
            row["probabilities"] = [
                [round(float(p), PLACES) for p in four] for four in given[place]
            ]
        lines.append(json.dumps(row, separators=(",", ":")))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def read(path: Path, label_set: LabelSet) -> Decisions:
    """Read a decisions file.

    Raises:
        DecisionsError: it is none, or is of another label set; an id comes twice; only some
            reports have probabilities.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        header, rows = lines[0], lines[1:]
        about: dict[str, Any] = {
            "system": str(header["system"]),
            "gold": str(header["gold"]),
            "command": str(header.get("command", "")),
            "date": datetime.date.fromisoformat(header["date"]),
            "notes": str(header.get("notes", "")),
        }
    except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise DecisionsError(f"{path}: is no decisions file ({error!r})") from error
    certainties: dict[str, list[int]] = {}
    probabilities: list[Any] = []
    for number, row in enumerate(rows, 2):
        try:
            key, found = str(row["id"]), [_index(value) for value in row["decisions"]]
            four = row.get("probabilities")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DecisionsError(f"{path}:{number}: holds no decisions ({error!r})") from error
        if len(found) != len(label_set):
            raise DecisionsError(f"{path}:{number}: {len(found)} decisions, not {len(label_set)}")
        if key in certainties:
            raise DecisionsError(f"{path}:{number}: the id {key!r} comes twice")
        certainties[key] = found
        if four is not None:
            probabilities.append(four)
    return Decisions(
        ids=tuple(certainties),
        certainties=np.array(list(certainties.values()), dtype=np.int8).reshape(-1, len(label_set)),
        probabilities=_probabilities(path, probabilities, len(certainties), label_set),
        **about,
    )


def _index(value: float | None) -> int:
    return CERTAINTIES.index(Certainty.from_number(value))


def _probabilities(
    path: Path, given: list[Any], reports: int, label_set: LabelSet
) -> NDArray[np.float64] | None:
    if not given:
        return None
    shape = (reports, len(label_set), len(CERTAINTIES))
    try:
        found = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DecisionsError(f"{path}: probabilities that are none ({error})") from error
    if found.shape != shape:
        raise DecisionsError(f"{path}: probabilities of shape {found.shape}, expected {shape}")
    return found

"""Gold sets and decisions files: what is compared, matched by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labeling.calibration import Probabilities
from chexdesk.labels import LabelSet
from training import data, decisions
from training.decisions import DecisionsError

#: Every gold set that decisions files may name. Which of them may be used for what:
#: `../shared/eval/README.md`.
GOLD: Final = {
    "dev": data.SourceSpec("dev", "stanford_open.jsonl", split="dev"),
    "feedback": data.SourceSpec("feedback", "stanford_open.jsonl", split="feedback"),
    "openi_evidence": data.SourceSpec("openi_evidence", "openi_evidence_open.jsonl"),
}
ABOUT: Final = Path(__file__).with_name("systems.yaml")
#: How many ids a message names before it stops.
_SHOWN: Final = 5


@dataclass(frozen=True)
class Gold:
    """Reports with expert labels.

    Attributes:
        ids: of the n reports.
        decisions: (n, findings) indices into `CERTAINTIES`.
        words: (n,) words of what a system reads of each report.
    """

    name: str
    ids: tuple[str, ...]
    decisions: Decisions
    words: NDArray[np.int64]


@dataclass(frozen=True)
class About:
    """What the tables say of a system.

    Attributes:
        title: its name there.
        paper: the column of the paper's tables that it stands beside, or "".
        ours: it is the model that the others are compared with.
        drawn: it stands in the plot of the findings.
        ablation: it is the model with a part left out, no rival that is tested against.
    """

    title: str
    paper: str = ""
    ours: bool = False
    drawn: bool = False
    ablation: bool = False


@dataclass(frozen=True)
class System:
    """One system's decisions on one gold set, in the gold's order.

    Attributes:
        name: as in the file's name and header.
        decisions: (n, findings).
        probabilities: (n, findings, 4) in `CERTAINTIES` order, or None where it has none.
    """

    name: str
    decisions: Decisions
    probabilities: Probabilities | None = None


def read_gold(name: str, label_set: LabelSet) -> Gold:
    """A gold set by name.

    Raises:
        DecisionsError: there is no gold set of this name.
        FileNotFoundError: `../shared/eval` is absent.
    """
    if name not in GOLD:
        raise DecisionsError(f"{name!r} is no gold set (there are {', '.join(GOLD)})")
    examples = data.read(GOLD[name], label_set)
    return Gold(
        name,
        tuple(example.id for example in examples),
        np.array([example.answers for example in examples], dtype=np.int8),
        np.array([len(example.text.split()) for example in examples]),
    )


def read_system(path: Path, gold: Gold, label_set: LabelSet) -> System:
    """A decisions file, put in the gold's order; lines for other reports are left aside.

    Raises:
        DecisionsError: not such a file, for another gold set, or a report is missing.
    """
    found = decisions.read(path, label_set)
    if found.gold != gold.name:
        raise DecisionsError(f"{path}: is for {found.gold!r}, not for {gold.name!r}")
    places = {key: place for place, key in enumerate(found.ids)}
    missing = [key for key in gold.ids if key not in places]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        raise DecisionsError(
            f"{path}: lacks {len(missing)} of the {len(gold.ids)} reports of {gold.name} ({shown})"
        )
    order = [places[key] for key in gold.ids]
    probabilities = None if found.probabilities is None else found.probabilities[order]
    return System(found.system, found.certainties[order], probabilities)


def read_folder(
    folder: Path, gold: Gold, label_set: LabelSet, about: Mapping[str, About]
) -> list[System]:
    """All systems with a file `<system>.<gold>.jsonl`: those of `about` first, in its order.

    Raises:
        DecisionsError: as `read_system`.
    """
    found = [
        read_system(path, gold, label_set) for path in sorted(folder.glob(f"*.{gold.name}.jsonl"))
    ]
    order = {name: place for place, name in enumerate(about)}
    return sorted(found, key=lambda system: (order.get(system.name, len(order)), system.name))


def read_about(path: Path = ABOUT) -> dict[str, About]:
    """Titles, and which system stands beside which column of the paper, by system."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(name): About(**entry) for name, entry in entries.items()}

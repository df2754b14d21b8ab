"""Kinds of errors: a finding, what the gold says, what was said instead."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from chexdesk.labels import CERTAINTIES, LabelSet
from training.evaluation.systems import Gold, System


@dataclass(frozen=True)
class Kind:
    """Errors that are alike.

    Attributes:
        ids: of the reports that hold one, in the gold's order.
        support: how many gold decisions of this finding and certainty there are.
    """

    finding: str
    gold: str
    predicted: str
    ids: tuple[str, ...]
    support: int

    @property
    def key(self) -> str:
        """As `docs/error-kinds.yaml` names it."""
        return f"{self.finding}: {self.gold} -> {self.predicted}"


def worst_kinds(label_set: LabelSet, gold: Gold, system: System, number: int = 10) -> list[Kind]:
    """The most frequent kinds of errors, most frequent first, ties in label order."""
    where: dict[tuple[int, int, int], list[str]] = defaultdict(list)
    for report, finding in np.argwhere(gold.decisions != system.decisions):
        pair = int(gold.decisions[report, finding]), int(system.decisions[report, finding])
        where[(int(finding), *pair)].append(gold.ids[report])
    worst = sorted(where, key=lambda kind: (-len(where[kind]), kind))[:number]
    return [
        Kind(
            label_set.names[finding],
            CERTAINTIES[truth].title,
            CERTAINTIES[said].title,
            tuple(where[finding, truth, said]),
            int((gold.decisions[:, finding] == truth).sum()),
        )
        for finding, truth, said in worst
    ]


def read_notes(path: Path) -> dict[str, str]:
    """What was done about kinds of errors, by `Kind.key`; empty where the file is absent.

    Raises:
        ValueError: the file is no mapping from kinds to sentences.
    """
    if not path.is_file():
        return {}
    notes = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(notes, dict):
        raise ValueError(f"{path}: maps no kinds of errors to sentences")
    return {str(key): str(note) for key, note in notes.items()}

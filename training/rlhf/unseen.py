"""Logits of policies for reports that those policies were not trained on.

A policy that has seen a report's answer makes no honest errors on it to learn from.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chexdesk.labeling.wire import Wire
from chexdesk.labels import CERTAINTIES, LabelSet
from training import data, predict
from training.data import Example
from training.rlhf import tables
from training.rlhf.pairs import key

Logits = NDArray[np.float32]


class LeakError(ValueError):
    """A policy was, or may have been, trained on the reports that it is to label."""


def seen(adapter: Path, label_set: LabelSet) -> set[str]:
    """Keys of the reports that an adapter, or one that it began with, was trained on.

    Told from `training.json` of each stage; files that grew since then count as trained on.

    Raises:
        LeakError: a stage left no record.
    """
    found: set[str] = set()
    at: Path | None = adapter
    while at is not None:
        config = _record(at)
        for source in config["sources"]:
            examples = data.read(data.SourceSpec(**source), label_set)
            train, _ = data.split_held_out(examples, config["held_out"])
            found |= {key(example.text) for example in train}
        at = Path(config["start"]) if config.get("start") else None
    return found


def unseen(examples: Sequence[Example], adapter: Path, label_set: LabelSet) -> list[Example]:
    """The examples that an adapter was not trained on.

    Raises:
        LeakError: the adapter left no record of what it was trained on.
    """
    known = seen(adapter, label_set)
    return [example for example in examples if key(example.text) not in known]


def logits(
    adapter: Path,
    base_folder: Path | None,
    examples: Sequence[Example],
    label_set: LabelSet,
    folder: Path,
) -> Logits:
    """Logits (n, findings, 4) of an adapter's policy for reports that it was not trained on.

    Args:
        folder: where they are kept (`tables.kept`), so that none is computed twice.

    Raises:
        LeakError: the adapter was trained on one of them, or left no record.
    """
    leaked = len(examples) - len(unseen(examples, adapter, label_set))
    if leaked:
        raise LeakError(f"{adapter} was trained on {leaked} of the reports that it is to label")
    if not examples:
        return np.zeros((0, len(label_set), len(CERTAINTIES)), dtype=np.float32)

    @functools.cache
    def loaded() -> tuple[Any, Wire]:
        model, _, wire = predict.load(adapter, base_folder, label_set)
        return model, wire

    def ask(texts: Sequence[str]) -> Logits:
        return predict.decision_logits(*loaded(), texts)

    return tables.kept(folder, adapter, [example.text for example in examples], ask)


def crossfitted(
    path: Path, examples: Sequence[Example], of: int, label_set: LabelSet
) -> tuple[list[Example], Logits]:
    """The examples that a cross-validation holds logits of, each by the fold that held it out.

    Args:
        path: as `training.folds` writes it. of: the number of its folds.

    Raises:
        LeakError: a report's logits are not those of the fold that holds it out.
        ValueError: the file is none, or its labels are no longer those of the examples.
    """
    try:
        with np.load(path) as file:
            ids, rows, gold, folds = (file[n] for n in ("ids", "logits", "gold", "fold"))
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} holds no cross-validated logits ({error}); python -m training.folds makes them"
        ) from error
    if rows.shape[1:] != (len(label_set), 4):
        raise ValueError(f"{path}: logits of shape {rows.shape}, expected (n, {len(label_set)}, 4)")
    place = {str(name): number for number, name in enumerate(ids.tolist())}
    found = [example for example in examples if example.id in place]
    for example in found:
        number = place[example.id]
        if data.fold(example.id, of) != folds[number]:
            raise LeakError(f"{path}: {example.id} is not in fold {folds[number]} of {of}")
        if tuple(gold[number].tolist()) != example.answers:
            raise ValueError(f"{path}: the labels of {example.id} changed since; run it again")
    return found, rows[[place[example.id] for example in found]].astype(np.float32)


def _record(adapter: Path) -> dict[str, Any]:
    path = adapter / "training.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["config"]
        config["sources"], config["held_out"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeakError(f"{path} does not say what {adapter} was trained on ({error!r})") from error
    return config

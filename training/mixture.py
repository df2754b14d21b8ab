"""The reports of one training run, from all its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chexdesk.labels import LabelSet
from training import data, pairs, recombine, written
from training.data import Example, SourceSpec


def examples(
    sources: Sequence[SourceSpec],
    label_set: LabelSet,
    *,
    seed: int,
    held_out: float,
    fold: Mapping[str, Any] | None = None,
    near_duplicates: bool = True,
) -> tuple[list[Example], list[Example], dict[str, int]]:
    """Training examples with repeats, held-out examples without, and how many of each.

    Args:
        seed: of what is made from the sources' items. held_out: share of each source.
        fold: `source`, `of` and `index` under cross-validation: that fold of that source is held
            out, and nothing else.
        near_duplicates: whether to leave out what all but repeats a text of `dev`.

    Raises:
        FileNotFoundError, ValueError: as `data.read`.
    """
    train_set: list[Example] = []
    held_set: list[Example] = []
    counts: dict[str, int] = {}
    for spec in sources:
        kept, dropped = data.read(spec, label_set), list[Example]()
        if near_duplicates:
            kept, dropped = data.drop_near_duplicates(kept, data.dev_texts())
        train, held = _split(spec, kept, held_out, fold)
        made, twins = _made(spec, train, seed, label_set)
        if near_duplicates:
            made, _ = data.drop_near_duplicates(made, data.dev_texts())
        train_set += train * spec.repeat + made + twins
        held_set += held
        counts |= {
            f"{spec.name} trained on": len(train),
            f"{spec.name} recombined": len(made),
            f"{spec.name} in minimal pairs": len(twins),
            f"{spec.name} held out": len(held),
            f"{spec.name} dropped as near-duplicates of dev": len(dropped),
        }
    return train_set, held_set, counts


def _split(
    spec: SourceSpec, found: list[Example], held_out: float, fold: Mapping[str, Any] | None
) -> tuple[list[Example], list[Example]]:
    if fold is None:
        return data.split_held_out(found, held_out)
    if spec.name != fold["source"]:
        return found, []
    here = [data.fold(example.id, fold["of"]) == fold["index"] for example in found]
    train = [example for example, held in zip(found, here, strict=True) if not held]
    return train, [example for example, held in zip(found, here, strict=True) if held]


def _made(
    spec: SourceSpec, train: list[Example], seed: int, label_set: LabelSet
) -> tuple[list[Example], list[Example]]:
    """Recombined reports and minimal pairs, from the items of the training examples."""
    if not spec.recombined and not spec.pairs:
        return [], []
    ids = {example.id for example in train}
    written_reports = [
        report
        for file in data.written_files(spec)
        for report in written.read(file, label_set)
        if report.id in ids
    ]
    if written_reports:
        parts = [recombine.from_written(report, label_set) for report in written_reports]
    else:
        parts = [recombine.from_example(example, label_set) for example in train]
    known = [part for part in parts if part is not None]
    made = recombine.recombine(known, spec.recombined, seed, label_set, spec.name)
    return made, pairs.make(known, spec.pairs, seed, label_set, spec.name)

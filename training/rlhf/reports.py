"""Which reports a policy learns from, and which only watch it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chexdesk.labels import LabelSet
from training import data
from training.baselines import pseudo
from training.data import UNKNOWN, Example
from training.rlhf.settings import Settings


def labelled(settings: Settings, label_set: LabelSet) -> tuple[list[Example], list[Example]]:
    """Reports to learn from, with repeats, and reports held out.

    Under cross-validation the fold is held out and nothing else; otherwise a part of each source
    and all of `watch`.
    """
    train: list[Example] = []
    held: list[Example] = []
    for spec in settings.sources:
        kept = _far_from_dev(settings, data.read(spec, label_set))
        here, aside = _split(settings, spec, kept)
        train += here * spec.repeat
        held += aside
    if settings.fold is None:
        for spec in settings.watch:
            held += data.read(spec, label_set)
    # A finding may be unknown in a made report; agreement is measured where all are known.
    return train, [example for example in held if UNKNOWN not in example.answers]


def unlabelled(settings: Settings, label_set: LabelSet, others: Sequence[Example]) -> list[Example]:
    """OpenI's reports without their labels, each text once.

    Args:
        others: labelled reports, learnt from or held out, whose texts are left out.
    """
    if not settings.unlabelled:
        return []
    seen = {example.text for example in others} | {example.id for example in others}
    nothing = (UNKNOWN,) * len(label_set)
    found: list[Example] = []
    for report in pseudo.reports():
        if data.share(f"unlabelled:{report.id}") >= settings.unlabelled:
            continue
        text = data.model_text(report.text)
        if not {text, report.id} & seen:
            seen.add(text)
            found.append(Example(report.id, "unlabelled", text, nothing))
    return _far_from_dev(settings, found)


def _far_from_dev(settings: Settings, examples: list[Example]) -> list[Example]:
    if not settings.near_duplicates:
        return examples
    return data.drop_near_duplicates(examples, data.dev_texts())[0]


def _split(
    settings: Settings, spec: data.SourceSpec, examples: list[Example]
) -> tuple[list[Example], list[Example]]:
    fold: dict[str, Any] | None = settings.fold
    if fold is None:
        return data.split_held_out(examples, settings.held_out)
    if spec.name != fold["source"]:
        return examples, []
    held = [data.fold(example.id, fold["of"]) == fold["index"] for example in examples]
    return (
        [e for e, out in zip(examples, held, strict=True) if not out],
        [e for e, out in zip(examples, held, strict=True) if out],
    )

"""What each method learns from: reports to roll out on, labels, or pairs."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from chexdesk.labels import LabelSet
from training.data import UNKNOWN, Example
from training.rlhf import pairfile, reports
from training.rlhf.pairs import key
from training.rlhf.rollout import Rows
from training.rlhf.settings import Settings


@dataclass(frozen=True)
class Lessons:
    """Texts, and what is known of each.

    Attributes:
        texts: n, of which some may be the same (a report may have several pairs).
        rows: `gold` (n, f), `UNKNOWN` where there is no label; for pairs also `chosen`,
            `rejected` (n, f) and `weight` (n,).
        sources: of each text, for the counts.
    """

    texts: list[str]
    rows: Rows
    sources: list[str]

    def counts(self) -> dict[str, int]:
        """How many there are of each source."""
        return dict(collections.Counter(self.sources))


def lessons(
    settings: Settings, label_set: LabelSet, train: Sequence[Example], held: Sequence[Example]
) -> Lessons:
    """What a method learns from.

    Rolling out needs no labels, so those methods also have the unlabelled reports; SFT continued
    has the labelled ones, DPO the pairs. No text of a held-out report is among them.

    Raises:
        ValueError: there is nothing to learn from.
    """
    if settings.method == "dpo":
        return _pairs(settings, label_set, held)
    if not train:
        raise ValueError("the sources leave no reports to learn from")
    examples = list(train)
    if settings.method != "continued":
        examples += reports.unlabelled(settings, label_set, [*train, *held])
    gold = torch.tensor([example.answers for example in examples], dtype=torch.int64)
    texts, sources = [e.text for e in examples], [e.source for e in examples]
    return Lessons(texts, {"gold": gold}, sources)


def _pairs(settings: Settings, label_set: LabelSet, held: Sequence[Example]) -> Lessons:
    if settings.preferences is None:
        raise ValueError(
            "DPO learns from preferences; name the file that training.preferences made"
        )
    stored = pairfile.read(settings.preferences, label_set)
    texts = stored.texts(label_set)
    answers = {key(example.text): example.answers for example in stored.examples(label_set)}
    nothing = (UNKNOWN,) * len(label_set)
    out = {key(example.text) for example in held}
    found = [preference for preference in stored.preferences if preference.report not in out]
    if not found:
        raise ValueError(f"{settings.preferences} leaves no pairs to learn from")
    return Lessons(
        [texts[preference.report] for preference in found],
        {
            "gold": torch.tensor([answers.get(p.report, nothing) for p in found]),
            "chosen": torch.tensor([p.chosen for p in found], dtype=torch.int64),
            "rejected": torch.tensor([p.rejected for p in found], dtype=torch.int64),
            "weight": torch.tensor([p.weight for p in found], dtype=torch.float32),
        },
        [preference.source for preference in found],
    )

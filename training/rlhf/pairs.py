"""Preferences as decisions: what an expert finds better, and how candidates are ranked.

Errors are told apart as in the paper's human evaluation: a positive finding that is missed, one
that is invented, and a wrong certainty.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import NEGATIVE, NOT_MENTIONED, POSITIVE

CORRECTION, CHOICE, EXPERT = "correction", "choice", "expert"
SOURCES: Final = (CORRECTION, CHOICE, EXPERT)
MISSED, INVENTED, CERTAINTY = "missed", "invented", "certainty"
KINDS: Final = (MISSED, INVENTED, CERTAINTY)

#: One index into `CERTAINTIES` for each finding of the label set.
Answers = tuple[int, ...]

_ABSENT: Final = (NEGATIVE, NOT_MENTIONED)


@dataclass(frozen=True)
class Preference:
    """Two outputs for one report, one of them better.

    Attributes:
        report: `key` of the text that the model reads. id: the report's id in its set, or library.
        origin: the name of the set (`feedback`, …) or of the exported file.
        source: `correction`, `choice` or `expert`.
        weight: how much it counts.
        kind: the heaviest error that only the rejected output has.
    """

    report: str
    id: str
    origin: str
    chosen: Answers
    rejected: Answers
    source: str
    weight: float
    kind: str


@dataclass(frozen=True)
class Costs:
    """What one wrong decision costs, in units of a wrong certainty.

    Attributes:
        missed: positive, but said to be absent (negative or not mentioned).
        invented: absent, but said to be positive.
        certainty: any other difference, for example uncertain for positive.

    Raises:
        ValueError: a cost is not above 0.
    """

    missed: float = 2.0
    invented: float = 2.0
    certainty: float = 1.0

    def __post_init__(self) -> None:
        if min(self.missed, self.invented, self.certainty) <= 0:
            raise ValueError("the costs of missed, invented and certainty must be above 0")

    def of(self, kind: str) -> float:
        """The cost of one error of a kind."""
        return {MISSED: self.missed, INVENTED: self.invented, CERTAINTY: self.certainty}[kind]

    def total(self, truth: Answers, said: Answers) -> float:
        """The cost of all errors of an output; 0 where it agrees with the expert."""
        return sum(self.of(kind) for kind in errors(truth, said).values())


def key(text: str) -> str:
    """The name under which a text that the model reads is known: equal texts have one."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def errors(truth: Answers, said: Answers) -> dict[int, str]:
    """The kind of each wrong decision, by finding."""
    found = {}
    for finding, (right, answer) in enumerate(zip(truth, said, strict=True)):
        if right == answer:
            continue
        if right == POSITIVE and answer in _ABSENT:
            found[finding] = MISSED
        elif answer == POSITIVE and right in _ABSENT:
            found[finding] = INVENTED
        else:
            found[finding] = CERTAINTY
    return found


def kind(truth: Answers, chosen: Answers, rejected: Answers, costs: Costs) -> str:
    """The heaviest error of the rejected output where the chosen one says something else.

    Args:
        truth: the expert's answers; those chosen, where a person only said which is better.

    Raises:
        ValueError: the rejected output has no error that the chosen one does not have.
    """
    own = [k for f, k in errors(truth, rejected).items() if chosen[f] != rejected[f]]
    if not own:
        raise ValueError("the rejected output has no error of its own")
    return max(own, key=lambda kind: (costs.of(kind), -KINDS.index(kind)))


def sample(
    logits: NDArray[np.float32], temperature: float, count: int, rng: np.random.Generator
) -> list[Answers]:
    """Different outputs among `count` that are drawn from a policy, in the order of their drawing.

    Args:
        logits: (findings, 4) of one report. temperature: divides them; above 1 for more variety.
    """
    scaled = logits.astype(np.float64) / temperature
    # The largest of the logits with Gumbel noise is a draw from their softmax.
    drawn = (scaled + rng.gumbel(size=(count, *scaled.shape))).argmax(-1)
    return list(dict.fromkeys(tuple(output.tolist()) for output in drawn))


def ranked(
    truth: Answers, candidates: Sequence[Answers], costs: Costs, cap: int, rng: np.random.Generator
) -> list[tuple[Answers, Answers, str]]:
    """Better, worse and kind of error: pairs of candidates that cost differently.

    Where there are more than `cap`, the kinds of error take turns, so that rare ones have room.
    """
    cost = {output: costs.total(truth, output) for output in dict.fromkeys(candidates)}
    by_kind: dict[str, list[tuple[Answers, Answers, str]]] = collections.defaultdict(list)
    for better, low in cost.items():
        for worse, high in cost.items():
            if low < high:
                name = kind(truth, better, worse, costs)
                by_kind[name].append((better, worse, name))
    turns = [
        [pairs[i] for i in rng.permutation(len(pairs))] for _, pairs in sorted(by_kind.items())
    ]
    chosen: list[tuple[Answers, Answers, str]] = []
    for turn in range(max(map(len, turns), default=0)):
        chosen += [pairs[turn] for pairs in turns if turn < len(pairs)]
    return chosen[:cap]

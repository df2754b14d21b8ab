"""Comparing: two candidate outputs for one report, and which of them a person finds better.

Candidates are samples from the probabilities that the model gave (as the paper's experts were shown
two sampled outputs), the model against the rule engine, or two models against each other. The two
always differ. Whose is whose, and which stands left, is not shown: a seed decides it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty
from chexdesk.reports.report import Report
from chexdesk.services.engines import open_labeler
from chexdesk.services.library import Change, Library, LibraryError, Preference
from chexdesk.services.undo import differences
from chexdesk.store import audit, comparisons, predictions, preferences, reports
from chexdesk.store.comparisons import CHOICE, NEITHER, PairTally
from chexdesk.store.database import Session

#: After so many new pairs an old one is asked again, sides newly drawn, to see whether the answer
#: stands; but not while it is fresh in memory.
REPEAT_AFTER: Final = 8
#: Reviewed reports that a first training round needs (docs/active-learning.md).
ROUND_NEEDS: Final = 200

_TEMPERATURE: Final = 1.0
_AHEAD: Final = 50
#: A certainty that was rounded to 0 in a file can still be drawn, but hardly ever.
_LEAST: Final = 1e-6

__all__ = [
    "REPEAT_AFTER",
    "ROUND_NEEDS",
    "Comparing",
    "Comparison",
    "Kind",
    "PairTally",
    "Side",
    "sample_pair",
]

Decisions = tuple[Certainty, ...]


class Kind(Enum):
    """Where the two candidates come from."""

    SAMPLED = "sampled"
    RULES = "rules"
    MODELS = "models"


class Side(Enum):
    """Which candidate is better."""

    LEFT = "left"
    RIGHT = "right"
    NEITHER = "neither"


@dataclass(frozen=True)
class Comparison:
    """One question.

    Attributes:
        key, report_id, text: of the report.
        left, right: the candidates, one certainty for each finding in label order; they differ.
        models: whose the left and the right one are.
        again: whether it was asked before.
    """

    key: int
    report_id: str
    text: str
    kind: Kind
    left: Decisions
    right: Decisions
    models: tuple[ModelId, ModelId]
    again: bool = False

    @property
    def differing(self) -> frozenset[int]:
        """The findings of which the candidates say different things, as places in label order."""
        return differences(self.left, self.right)


class Comparing:
    """Asks one question after another and keeps the answers in a library. Not thread-safe."""

    def __init__(
        self, library: Library, *, seed: int = 0, temperature: float = _TEMPERATURE
    ) -> None:
        """Begin.

        Args:
            seed: of everything drawn; the same seed and library give the same questions.
            temperature: at which outputs are sampled; 1 draws from the probabilities as they are.
        """
        self._library = library
        self._seed = seed
        self._temperature = temperature
        self._ahead: dict[Kind, deque[int]] = {kind: deque() for kind in Kind}
        self._passed_over: set[int] = set()
        self._answered: list[tuple[int, Comparison]] = []

    def next(self, kind: Kind) -> Comparison | None:
        """The next question, or None where there is none of this kind.

        Raises:
            StoreError: the library cannot be read. LabelerError: the rule engine cannot start.
        """
        repeat = self._repeat(kind)
        if repeat is not None:
            return repeat
        with self._library.reading() as session:
            while True:
                if not self._ahead[kind] and not self._look_ahead(session, kind):
                    return None
                key = self._ahead[kind].popleft()
                made = self._make(session, kind, key)
                if made is not None:
                    return made
                self._passed_over.add(key)

    def answer(self, comparison: Comparison, better: Side) -> Change:
        """Keep an answer; `take_back` deletes it again.

        Raises:
            LibraryError: the report is gone.
        """
        chosen, rejected = comparison.left, comparison.right
        model = comparison.models[1]
        if better is Side.RIGHT:
            chosen, rejected = rejected, chosen
            model = comparison.models[0]
        source, weight = (NEITHER, 0.0) if better is Side.NEITHER else (CHOICE, 1.0)
        label_set = self._library.label_set
        with self._library.writing() as session:
            if not reports.get(session, [comparison.key]):
                raise LibraryError("The report is no longer in the library.")
            pair = Preference(comparison.key, chosen, rejected, source, weight)
            number = preferences.add(session, label_set, pair, model)
            words = audit.model_words(model)
            event = audit.Event("prefer", comparison.key, new=source, model=words)
            audit.append(session, self._library.reviewer, event)
        self._answered.append((number, comparison))
        words_for = {
            Side.LEFT: "Kept: the left one is better",
            Side.RIGHT: "Kept: the right one is better",
            Side.NEITHER: "Kept: neither is better",
        }
        return Change(frozenset([comparison.key]), words_for[better])

    def pass_over(self, comparison: Comparison) -> None:
        """Leave a question for another time; nothing is kept."""
        self._passed_over.add(comparison.key)

    def ask_later(self, comparison: Comparison) -> None:
        """Put a question that was not answered back to the front."""
        if not comparison.again:
            self._ahead[comparison.kind].appendleft(comparison.key)

    def take_back(self) -> Comparison | None:
        """Delete the last answer given here; None where there is none.

        Returns:
            The question, to be asked again.
        """
        if not self._answered:
            return None
        number, comparison = self._answered.pop()
        with self._library.writing() as session:
            if comparisons.forget(session, number):
                event = audit.Event("undo prefer", comparison.key)
                audit.append(session, self._library.reviewer, event)
        return comparison

    def tally(self) -> PairTally:
        """How many pairs there are, how they were got, and how far they agree."""
        with self._library.reading() as session:
            return comparisons.tally(session, self._library.label_set)

    def _look_ahead(self, session: Session, kind: Kind) -> bool:
        find = comparisons.unasked
        if kind is Kind.MODELS:
            find = comparisons.unasked_between_models
        keys = find(session, self._library.label_set, self._passed_over, _AHEAD)
        self._ahead[kind].extend(keys)
        return bool(keys)

    def _make(self, session: Session, kind: Kind, key: int) -> Comparison | None:
        """The question about a report; None where its candidates would be the same."""
        report = reports.get(session, [key]).get(key)
        known = predictions.of_report(session, self._library.label_set, key)
        usable = [prediction for prediction in known if not prediction.error]
        if report is None or not usable:
            return None
        rng = self._rng(key, usable[-1].model)
        pair = self._candidates(kind, report, usable, rng)
        if pair is None or pair[0][0] == pair[1][0]:
            return None
        if rng.random() < 0.5:
            pair = (pair[1], pair[0])
        (left, one), (right, other) = pair
        return Comparison(key, report.id, report.text, kind, left, right, (one, other))

    def _candidates(
        self, kind: Kind, report: Report, usable: Sequence[Prediction], rng: Generator
    ) -> tuple[tuple[Decisions, ModelId], tuple[Decisions, ModelId]] | None:
        latest = usable[-1]
        if kind is Kind.SAMPLED:
            if not latest.probabilities:
                return None
            one, other = sample_pair(latest.probabilities, self._temperature, rng)
            return (one, latest.model), (other, latest.model)
        if kind is Kind.RULES:
            (ruled,) = open_labeler("rules").label([report])
            if ruled.error:
                return None
            return (latest.certainties, latest.model), (ruled.certainties, ruled.model)
        for older in reversed(usable[:-1]):
            if older.certainties != latest.certainties:
                return (latest.certainties, latest.model), (older.certainties, older.model)
        return None

    def _repeat(self, kind: Kind) -> Comparison | None:
        """The first question of this sitting that was asked only once, when a repeat is due."""
        new = [asked for _, asked in self._answered if not asked.again]
        again = {asked.key for _, asked in self._answered if asked.again}
        if len(new) // REPEAT_AFTER <= len(again):
            return None
        old = next((each for each in new if each.kind is kind and each.key not in again), None)
        if old is None:
            return None
        if self._rng(old.key, old.models[0], salt=1).random() < 0.5:
            return replace(old, again=True)
        models = (old.models[1], old.models[0])
        return replace(old, left=old.right, right=old.left, models=models, again=True)

    def _rng(self, key: int, model: ModelId, salt: int = 0) -> Generator:
        return np.random.default_rng([self._seed, key, int(model.sha256[:8] or "0", 16), salt])


def sample_pair(
    probabilities: Sequence[Sequence[float]], temperature: float, rng: Generator
) -> tuple[Decisions, Decisions]:
    """Two outputs drawn at a temperature, the second from all that differ from the first.

    The second is drawn exactly: finding by finding, each given that a difference must still come
    where none has come yet. So the two differ by what the model doubts most, most of the time.

    Args:
        probabilities: shape (findings, 4), in the orders of label set and `CERTAINTIES`.
    """
    p = np.maximum(np.asarray(probabilities, dtype=np.float64), _LEAST) ** (1 / temperature)
    p /= p.sum(axis=1, keepdims=True)
    first = np.array([_draw(row, rng) for row in p])
    same = p[np.arange(len(p)), first]
    # The chance that all findings from here on come out as in the first.
    rest = np.append(np.cumprod(same[::-1])[::-1], 1.0)
    second = first.copy()
    differs = False
    for place, row in enumerate(p):
        weights = row.copy()
        if not differs:
            weights[first[place]] *= 1 - rest[place + 1]
        second[place] = _draw(weights, rng)
        differs = differs or bool(second[place] != first[place])
    return tuple(CERTAINTIES[n] for n in first), tuple(CERTAINTIES[n] for n in second)


def _draw(weights: NDArray[np.float64], rng: Generator) -> int:
    sums = weights.cumsum()
    place = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
    return min(place, int(np.flatnonzero(weights)[-1]))

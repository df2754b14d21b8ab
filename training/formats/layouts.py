"""The three formats: how each writes a report's labels, and how its decisions are made.

All stand behind the same instruction and the same report (`chexdesk.labeling.wire`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chexdesk.labeling.wire import Wire, WireError
from chexdesk.labels import CERTAINTIES
from training import predict
from training.data import Example
from training.formats.blocks import IGNORED, Reader, Row

#: Reports that are labelled at once, in every format.
BATCH: Final = 16


class Format(Protocol):
    """A way to write the labels of a report in a model's tokens."""

    @property
    def wire(self) -> Wire:
        """The instruction and the report's tokens, which all formats share."""
        ...

    @property
    def markers(self) -> int:
        """How many last tokens of a row are blind to each other; 0 for plain causal text."""
        ...

    @property
    def answers(self) -> tuple[int, ...]:
        """The token that tells each certainty from the others, in `CERTAINTIES` order."""
        ...

    def row(self, example: Example) -> Row:
        """Tokens, loss mask and decision places of a labelled report."""
        ...

    def decide(self, model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of the four answers, each decision given the format's own decisions before it.

        Args:
            model: evaluating, with the attention `blocks.ATTENTION`.

        Returns:
            (texts, findings, 4).
        """
        ...


@dataclass(frozen=True)
class Slots:
    """All findings asked at once, the format that ships: no decision sees another."""

    wire: Wire

    @property
    def markers(self) -> int:
        """One marker for each finding."""
        return len(self.wire.markers)

    @property
    def answers(self) -> tuple[int, ...]:
        """The wire's own."""
        return self.wire.answers

    def row(self, example: Example) -> Row:
        """The report, then every marker at one position; the targets are not among the tokens."""
        report = self.wire.report(example.text)
        length = len(report)
        return Row(
            tokens=[*report, *self.wire.markers],
            positions=[*range(length), *[length] * self.markers],
            targets=[IGNORED] * length + [self.wire.answers[answer] for answer in example.answers],
            decisions=list(range(length, length + self.markers)),
        )

    def decide(self, model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        """One pass for all decisions."""
        return predict.decision_logits(model, self.wire, texts, BATCH)


@dataclass(frozen=True)
class Script:
    """A completion that is fixed but for its decisions, written one after the other.

    Attributes:
        before: for each finding the tokens that lead to its certainty.
        values: for each certainty the tokens that write it; their first tokens differ.
        end: the tokens after the last certainty.
        whole: whether the loss is over the whole completion, or over the certainties alone.
    """

    markers: ClassVar[int] = 0

    wire: Wire
    before: tuple[tuple[int, ...], ...]
    values: tuple[tuple[int, ...], ...]
    end: tuple[int, ...]
    whole: bool

    def __post_init__(self) -> None:
        if len(set(self.answers)) != len(CERTAINTIES):
            raise WireError("two certainties begin with the same token in this model's vocabulary")

    @property
    def answers(self) -> tuple[int, ...]:
        """The first token of each certainty."""
        return tuple(value[0] for value in self.values)

    def row(self, example: Example) -> Row:
        """The report and its completion, as causal text."""
        tokens = self.wire.report(example.text)
        start = len(tokens) - 1
        decisions = []
        for before, answer in zip(self.before, example.answers, strict=True):
            tokens += before
            decisions.append(len(tokens) - 1)
            tokens += self.values[answer]
        tokens += self.end
        targets = [IGNORED] * len(tokens)
        for place in range(start, len(tokens) - 1) if self.whole else decisions:
            targets[place] = tokens[place + 1]
        return Row(tokens, list(range(len(tokens))), targets, decisions)

    def decide(self, model: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        """Greedy decoding under the grammar of the format, several reports side by side.

        Where the grammar leaves one token, it is written without asking the model; where a value
        begins, the model's best of the four first tokens is taken. As those differ, the rest of a
        value is forced too, so this is what a grammar-constrained greedy decoder writes, and it
        asks the model 14 times and not once a token. (A grammar over characters would also allow
        other spellings of a value in tokens; none of them is ever taught.)
        """
        found = [
            self._decide(model, texts[i : i + BATCH]).float().cpu().numpy()
            for i in range(0, len(texts), BATCH)
        ]
        return np.concatenate(found)

    @torch.no_grad()
    def _decide(self, model: Any, texts: Sequence[str]) -> Tensor:
        reader = Reader(model, self.wire.prefix)
        written = [self.wire.report(text) for text in texts]
        decided: list[Tensor] = []
        for before in self.before:
            logits = reader.read([[*tokens, *before] for tokens in written])
            decided.append(logits[:, list(self.answers)])
            written = [list(self.values[choice]) for choice in decided[-1].argmax(-1).tolist()]
        return torch.stack(decided, dim=1)


def chain(wire: Wire) -> Script:
    """Marker, certainty, marker, certainty, …; the loss is on the certainties alone."""
    return Script(
        wire=wire,
        before=tuple((marker,) for marker in wire.markers),
        values=tuple((answer,) for answer in wire.answers),
        end=(),
        whole=False,
    )


def json_object(wire: Wire) -> Script:
    """The paper's output: an object from each finding to the words of its certainty.

    The loss is over the whole completion, as in the paper's equation 1.

    Raises:
        WireError: two certainties begin with the same token.
    """
    openings = [f'"{name}": "' for name in wire.label_set.names]
    texts = ["{" + openings[0], *(f'", {opening}' for opening in openings[1:])]
    return Script(
        wire=wire,
        before=tuple(tuple(wire.tokenize(text)) for text in texts),
        values=tuple(tuple(wire.tokenize(certainty.title)) for certainty in CERTAINTIES),
        end=tuple(wire.tokenize('"}')),
        whole=True,
    )


FORMATS: Final[dict[str, Callable[[Wire], Format]]] = {
    "slots": Slots,
    "chain": chain,
    "json": json_object,
}

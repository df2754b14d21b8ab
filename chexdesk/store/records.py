"""What the store hands out: plain values, free of any database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import Certainty


class StoreError(RuntimeError):
    """The store cannot be opened, read or written; the message names the file and what to do."""


class ReviewStatus(Enum):
    """How far a person has gone with a report."""

    UNREVIEWED = "unreviewed"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class Entry:
    """One line of the list of reports.

    Attributes:
        key: the store's own number; never used again after a report is removed.
        id: the report's id, verbatim.
        labelled: whether the latest prediction succeeded.
        doubt: 1 less the lowest probability among the chosen certainties; None where unknown.
        error: why there is no usable text or no prediction, or "".
        flagged: whether someone marked it for a second look.
        noted: whether there is a note on it.
    """

    key: int
    id: str
    source: str
    status: ReviewStatus
    labelled: bool
    doubt: float | None
    error: str
    flagged: bool = False
    noted: bool = False


@dataclass(frozen=True)
class Detail:
    """One report with all that is shown of it.

    Attributes:
        prediction: of the model asked for, else the latest; it may carry an `error`.
        decisions: the reviewed certainties, else the predicted ones, in label order; None where
            there are neither.
        corrected: the findings (places in label order) whose decision differs from the prediction.
        note: the reviewer's words, or "".
    """

    entry: Entry
    text: str
    prediction: Prediction | None
    decisions: tuple[Certainty, ...] | None
    corrected: frozenset[int]
    note: str


@dataclass(frozen=True)
class Counts:
    """How many reports there are, and how many of them are labelled, accepted and corrected."""

    reports: int
    labelled: int
    accepted: int
    corrected: int


class Queue(Enum):
    """Which reports are gone through, and in which order."""

    ALL = "all"
    UNREVIEWED = "unreviewed"
    DOUBTFUL = "doubtful"
    DISAGREEING = "disagreeing"
    FLAGGED = "flagged"
    CORRECTED = "corrected"
    NOTED = "noted"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Sample:
    """A random sample that comes out the same each time, here and on another machine.

    Attributes:
        seed: another seed, another sample.
        size: of how many reports; all that are usable where there are fewer.
    """

    seed: int = 1
    size: int = 100


@dataclass(frozen=True)
class Selection:
    """Reports that were picked elsewhere, as by a bar of the overview.

    Attributes:
        words: what they have in common.
    """

    words: str
    keys: frozenset[int]


@dataclass(frozen=True)
class Filter:
    """What the list shows.

    Attributes:
        findings: places in label order, each with the certainty that must stand there.
        words: searched for in the reports' texts and ids; "" for no search.
        sample: which one, for the queue `SAMPLE`.
        only: no others than these; None for no such limit.
    """

    queue: Queue = Queue.ALL
    findings: frozenset[tuple[int, Certainty]] = frozenset()
    words: str = ""
    sample: Sample = Sample()
    only: Selection | None = None


@dataclass(frozen=True)
class Tally:
    """How many reports each queue holds, and how many stand how for each finding.

    Attributes:
        queues: for each queue but `SAMPLE`.
        findings: for each finding in label order the number with each certainty, in `CERTAINTIES`
            order; reports without decisions are in none.
    """

    queues: Mapping[Queue, int]
    findings: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Review:
    """The state of a report's review; what an undo step puts back.

    Attributes:
        decisions: one for each finding in label order; None where there is only a note or a flag.
        flagged: whether it is marked for a second look.
    """

    status: ReviewStatus = ReviewStatus.UNREVIEWED
    decisions: tuple[Certainty, ...] | None = None
    note: str = ""
    flagged: bool = False
    reviewer: str = field(default="", compare=False)


@dataclass(frozen=True)
class Preference:
    """Two sets of decisions for one report, and which of them a person prefers.

    Attributes:
        key: the report's key.
        chosen, rejected: one certainty for each finding in label order.
        source: `correction` (reviewed against predicted), `choice` (between two shown) or `expert`.
        weight: how much it counts, 1 by default.
        model: name of the model whose decisions were rejected, or "".
    """

    key: int
    chosen: tuple[Certainty, ...]
    rejected: tuple[Certainty, ...]
    source: str
    weight: float = 1.0
    model: str = ""

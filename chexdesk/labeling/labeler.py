"""What every labelling engine promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice


@dataclass(frozen=True)
class ModelId:
    """Which model made a prediction; predictions of different models never mix.

    Attributes:
        sha256: of the model file, or of the lexicon for the rule engine.
    """

    name: str
    sha256: str
    version: str


@dataclass(frozen=True)
class Prediction:
    """What a model says of one report.

    Attributes:
        report_id: the report's id, verbatim.
        certainties: one for each finding, in label order; all not mentioned where `error` is set.
        probabilities: for each finding the probability of each of `CERTAINTIES`; empty where the
            engine knows none (the rule engine, a failed report).
        error: why there is no prediction, or "".
    """

    report_id: str
    certainties: tuple[Certainty, ...]
    probabilities: tuple[tuple[float, ...], ...]
    model: ModelId
    error: str = ""

    def probability(self, finding: int) -> float | None:
        """The probability of the certainty that was chosen for a finding, or None if unknown."""
        if not self.probabilities:
            return None
        return self.probabilities[finding][CERTAINTIES.index(self.certainties[finding])]

    @staticmethod
    def failed(report_id: str, label_set: LabelSet, model: ModelId, error: str) -> Prediction:
        """The prediction of a report that could not be labelled."""
        return Prediction(report_id, (Certainty.NOT_MENTIONED,) * len(label_set), (), model, error)


class Labeler(Protocol):
    """A labelling engine. Not safe for use from two threads at once."""

    @property
    def label_set(self) -> LabelSet:
        """The findings it labels."""
        ...

    @property
    def model(self) -> ModelId:
        """Which model it is."""
        ...

    def label(
        self, reports: Iterable[Report], sections: SectionChoice = SectionChoice.DEFAULT
    ) -> Iterator[Prediction]:
        """One prediction for each report, in order, as they become ready.

        A report that cannot be labelled gives a prediction with its `error`; the rest go on.

        Raises:
            LabelerError: the engine itself failed; no further prediction can be had.
        """
        ...

    def close(self) -> None:
        """Give back the engine's memory and processes. Closing twice is harmless."""
        ...


class LabelerError(RuntimeError):
    """An engine cannot start or go on; the message names the file and what to do."""


#: Reports that are batched together. Fixed, since floating-point sums differ with a batch's shape:
#: a run that starts at a window's edge gives the bytes of one that started at the beginning.
WINDOW: Final = 64

#: A longer text is no report but a file that was taken for one.
MAX_CHARACTERS: Final = 200_000


def unusable(report: Report) -> str:
    """Why a report cannot be labelled by any engine, or ""."""
    if report.error:
        return report.error
    if not report.text.strip():
        return "empty report"
    if len(report.text) > MAX_CHARACTERS:
        return (
            f"{len(report.text):,} characters are too many for one report (at most "
            f"{MAX_CHARACTERS:,}); split the file into reports"
        )
    return ""

"""The rule engine as a labeler: the words of a report, weighed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from chexdesk.labeling.context import ContextEngine, Reading, default_engine
from chexdesk.labeling.labeler import ModelId, Prediction, unusable
from chexdesk.labels import Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice, choose_sections

NAME: Final = "rules"
_STRENGTH: Final = (Certainty.POSITIVE, Certainty.UNCERTAIN, Certainty.NEGATIVE)


class RuleLabeler:
    """A `Labeler` without a model: it knows no probabilities.

    Raises:
        ValueError: the lexicon file is damaged (when made without an engine).
    """

    def __init__(self, engine: ContextEngine | None = None) -> None:
        self._engine = engine or default_engine()
        lexicon = self._engine.lexicon
        self._model = ModelId(NAME, lexicon.sha256, lexicon.version)

    @property
    def label_set(self) -> LabelSet:
        """The findings it labels."""
        return self._engine.label_set

    @property
    def model(self) -> ModelId:
        """The lexicon stands for the model: its file's sha256 and version."""
        return self._model

    def label(
        self, reports: Iterable[Report], sections: SectionChoice = SectionChoice.DEFAULT
    ) -> Iterator[Prediction]:
        """One prediction for each report, in order."""
        for report in reports:
            yield self._label(report, sections)

    def close(self) -> None:
        """Nothing is held open."""

    def _label(self, report: Report, sections: SectionChoice) -> Prediction:
        error = unusable(report)
        if error:
            return Prediction.failed(report.id, self.label_set, self._model, error)
        reading = self._engine.read(report.text, choose_sections(report.text, sections))
        certainties = aggregate(reading, self.label_set, self._engine.lexicon.aside)
        return Prediction(report.id, certainties, (), self._model)


def aggregate(
    reading: Reading, label_set: LabelSet, aside: frozenset[str] = frozenset()
) -> tuple[Certainty, ...]:
    """One certainty for each finding, in label order.

    Of several mentions of one finding, positive beats uncertain beats negative; a mention that
    leaves normality open counts only where it stands alone. "Nothing found" is positive when no
    finding is positive or uncertain (those `aside` apart) and the report names no other disease;
    incidental items count as disease unless the report gives a verdict. It is never negative.

    A contradiction between findings and impression is not weighed apart: on the training reports
    with both, letting the impression overrule the findings made more labels wrong than right.
    """
    certainties = {name: _strongest(reading, name) for name in label_set.names}
    nothing = label_set.no_finding
    if nothing is not None:
        verdict = certainties[nothing] is Certainty.POSITIVE
        abnormal = any(
            certainty in (Certainty.POSITIVE, Certainty.UNCERTAIN)
            for name, certainty in certainties.items()
            if name != nothing and name not in aside
        )
        other = reading.diseases or (reading.incidental and not verdict)
        certainties[nothing] = Certainty.NOT_MENTIONED if abnormal or other else Certainty.POSITIVE
    return tuple(certainties[name] for name in label_set.names)


def _strongest(reading: Reading, finding: str) -> Certainty:
    mentions = [m for m in reading.mentions if m.finding == finding]
    settled = [m for m in mentions if m.settles]
    said = {m.certainty for m in settled or mentions}
    return next((c for c in _STRENGTH if c in said), Certainty.NOT_MENTIONED)

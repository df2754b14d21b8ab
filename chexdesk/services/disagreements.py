"""Where the report's words, read by rule, say something else than a model."""

from __future__ import annotations

from collections.abc import Sequence

from chexdesk.evidence.find import find_evidence
from chexdesk.labeling.context import default_engine
from chexdesk.labels import Certainty, LabelSet


def comparable(label_set: LabelSet) -> bool:
    """Whether the rules know the findings of a label set."""
    return default_engine().label_set.names == label_set.names


def disagreements(text: str, certainties: Sequence[Certainty], label_set: LabelSet) -> int:
    """How many findings the words read otherwise. Takes milliseconds.

    Raises:
        ValueError: the label set is not comparable.
    """
    return len(find_evidence(text, certainties, label_set).disagreements)

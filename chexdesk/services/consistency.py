"""Labels that seldom stand side by side, and what could be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chexdesk.labels import Certainty, LabelSet


@dataclass(frozen=True)
class Suggestion:
    """A change that would make a report's labels agree with one another; nobody has to follow it.

    Attributes:
        finding: the place of the finding to change.
        certainty: what to set it to.
        because: the places of the findings that stand against it.
    """

    finding: int
    certainty: Certainty
    because: tuple[int, ...]


def suggestion(label_set: LabelSet, decisions: Sequence[Certainty]) -> Suggestion | None:
    """What to suggest where "nothing found" stands beside a finding, else None.

    A report that names a disease, surely or not, is by CheXpert's rules silent on "nothing
    found"; the label set says which findings may stand beside it.
    """
    if label_set.no_finding is None:
        return None
    nothing = label_set.index(label_set.no_finding)
    if decisions[nothing] is not Certainty.POSITIVE:
        return None
    said = (Certainty.POSITIVE, Certainty.UNCERTAIN)
    against = tuple(
        place
        for place, name in enumerate(label_set.names)
        if place != nothing and name not in label_set.beside_no_finding and decisions[place] in said
    )
    return Suggestion(nothing, Certainty.NOT_MENTIONED, against) if against else None

"""What probabilities are worth on a gold set, before and after calibration: table and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labeling.calibration import Calibration, Probabilities
from chexdesk.labels import LabelSet
from training.evaluation import reliability
from training.evaluation.figures import in_paper_average
from training.evaluation.systems import Gold, System
from training.evaluation.tables import markdown, number

#: Shares of reports sent to review in the table of selective labelling.
_SHARES: Final = (0.0, 0.1, 0.2, 0.3, 0.5)
#: States of calibration.
RAW: Final = "raw softmax"
CALIBRATED: Final = "calibrated"
GIVEN: Final = "as given"


@dataclass(frozen=True)
class Trust:
    """One system's probabilities in one state of calibration.

    Attributes:
        state: `RAW`, `CALIBRATED`, or `GIVEN` where that is unknown.
        bins: as `reliability.bins` gives them.
        held: share of the errors that the doubtful fifth of the reports holds; held_paper: the same
            without the findings that the paper's average leaves out.
        curve: as `reliability.selective` gives it, over the paper's findings.
    """

    system: str
    state: str
    bins: NDArray[np.float64]
    held: float
    held_paper: float
    curve: NDArray[np.float64]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over the decisions that gold or prediction mentions."""
        return reliability.calibration_error(self.bins)


def states(
    system: System, applied: Calibration | None, reading: Decisions | None = None
) -> list[tuple[str, Probabilities]]:
    """A system's probabilities before and after calibration, as far as they are known.

    Args:
        applied: the calibration that the file's probabilities have been through, from which the
            raw ones follow; None where it is unknown.
        reading: what the rule engine reads, needed for that where the calibration hears it.
    """
    given = system.probabilities
    if given is None:
        return []
    if applied is None or (applied.has_witness and reading is None):
        return [(GIVEN, given)]
    own = given if reading is None else applied.unhear(given, reading)
    raw = Calibration.none(given.shape[1]).apply(applied.undo(own))
    return [(RAW, raw), (CALIBRATED, given)]


def trust(
    label_set: LabelSet,
    gold: Gold,
    system: System,
    how: str,
    applied: Calibration | None,
    reading: Decisions | None = None,
) -> list[Trust]:
    """The figures of a system's probabilities in each state that is known.

    Args:
        how: the doubt, one of `reliability.DOUBTS`. applied, reading: see `states`.
    """
    averaged = in_paper_average(label_set)
    found = []
    for state, probabilities in states(system, applied, reading):
        # Of these probabilities' own decisions, which a bias or a second witness changes.
        decisions = probabilities.argmax(axis=-1).astype(np.int8)
        wrong = gold.decisions != decisions
        paper = wrong[:, averaged].sum(axis=1)
        doubts = reliability.doubt(probabilities, decisions, how)
        found.append(
            Trust(
                system.name,
                state,
                reliability.bins(probabilities, gold.decisions, decisions),
                reliability.errors_held(wrong.sum(axis=1), doubts, reliability.REVIEWED),
                reliability.errors_held(paper, doubts, reliability.REVIEWED),
                reliability.selective(paper, doubts),
            )
        )
    return found


def table(found: Sequence[tuple[str, Trust]]) -> str:
    """Calibration error and the errors held by doubtful reports, by gold set."""
    share = f"errors in the doubtful {reliability.REVIEWED:.0%}"
    rows = [
        [
            f"{entry.system}, {gold}",
            entry.state,
            number(entry.calibration_error),
            number(entry.held, percent=True),
            number(entry.held_paper, percent=True),
        ]
        for gold, entry in found
    ]
    header = ["system, reports", "probabilities", "calibration error", share]
    return markdown([*header, "of the paper's findings alone"], rows)


def selective_table(found: Sequence[tuple[str, Trust]]) -> str:
    """What is left among the reports that are not reviewed, at some shares sent to review."""
    rows = []
    for gold, entry in found:
        row = [f"{entry.system}, {gold}", entry.state]
        for share in _SHARES:
            _, errors, perfect = entry.curve[round(share * len(entry.curve))]
            row.append(f"{number(errors)} / {number(perfect, percent=True)}")
        rows.append(row)
    return markdown(
        ["system, reports", "probabilities", *(f"{share:.0%} reviewed" for share in _SHARES)], rows
    )


def cross_validation(record: dict[str, Any]) -> str:
    """The table of `training.calibrate`: what each form of calibration reaches out of its folds."""
    rows = record["cross_validation"]
    return markdown(
        list(rows[0]), [[v if isinstance(v, str) else number(v) for v in r.values()] for r in rows]
    )

"""How far probabilities can be trusted: expected calibration error, doubt, selective labelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import NOT_MENTIONED, Decisions

Probabilities = NDArray[np.float64]

BINS: Final = 15
#: The share of reports that a reviewer is assumed to have time for.
REVIEWED: Final = 0.2


def confidence(probabilities: Probabilities, decisions: Decisions) -> NDArray[np.float64]:
    """The probability of what was decided: (reports, findings)."""
    chosen = np.take_along_axis(probabilities, decisions[..., None].astype(np.intp), axis=-1)
    return np.asarray(chosen[..., 0])


def bins(
    probabilities: Probabilities, gold: Decisions, predicted: Decisions, number: int = BINS
) -> NDArray[np.float64]:
    """Bins of equal mass over the decisions that gold or prediction mentions.

    Silence that both agree on is most of a report and easy; it would hide the rest.

    Returns:
        (bins, 3): mean confidence, share that is right, decisions; bins without any left out.
    """
    counted = (gold != NOT_MENTIONED) | (predicted != NOT_MENTIONED)
    sure = confidence(probabilities, predicted)[counted]
    right = (gold == predicted)[counted]
    order = np.argsort(sure, kind="stable")
    return np.array(
        [
            (sure[part].mean(), right[part].mean(), len(part))
            for part in np.array_split(order, number)
            if len(part)
        ]
    ).reshape(-1, 3)


def calibration_error(table: NDArray[np.float64]) -> float:
    """Expected calibration error of `bins`: the mean gap weighted by the bins' decisions."""
    if not len(table):
        return float("nan")
    gaps = np.abs(table[:, 0] - table[:, 1])
    return float((gaps * table[:, 2]).sum() / table[:, 2].sum())


def _any(sure: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.maximum(sure, 1e-12)).sum(axis=1))


def _least(sure: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 - sure.min(axis=1))


def _expected(sure: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((1 - sure).sum(axis=1))


#: Ways to order reports by doubt, from the confidences (reports, findings) of their decisions.
#: `product` orders as 1 minus the product does (its logarithm keeps near-ties apart), `least` goes
#: by the least sure decision, `expected` by the number of errors to be expected.
DOUBTS: Final[dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "product": _any,
    "least": _least,
    "expected": _expected,
}


def doubt(probabilities: Probabilities, decisions: Decisions, how: str) -> NDArray[np.float64]:
    """How much a report wants a second look, highest first: (reports,).

    Args:
        how: one of `DOUBTS`.
    """
    return DOUBTS[how](confidence(probabilities, decisions))


def errors_held(wrong: NDArray[np.int64], doubts: NDArray[np.float64], share: float) -> float:
    """The share of all errors that the most doubtful reports hold; NaN where there are no errors.

    Args:
        wrong: (reports,) errors. doubts: (reports,). share: of the reports.
    """
    first = np.argsort(-doubts, kind="stable")[: round(share * len(doubts))]
    total = wrong.sum()
    return float(wrong[first].sum() / total) if total else float("nan")


def selective(wrong: NDArray[np.int64], doubts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The selective labelling curve: what is left when the most doubtful reports go to review.

    Args:
        wrong: (reports,) errors. doubts: (reports,).

    Returns:
        (reports, 3): share sent to review, errors a report among the others, and the share of the
        others without error.
    """
    order = np.argsort(-doubts, kind="stable")
    left = len(wrong) - np.arange(len(wrong))
    remaining = wrong.sum() - np.concatenate([[0], wrong[order].cumsum()[:-1]])
    clean = (wrong == 0)[order]
    perfect = clean.sum() - np.concatenate([[0], clean.cumsum()[:-1]])
    sent = np.arange(len(wrong)) / len(wrong)
    return np.stack([sent, remaining / left, perfect / left], axis=1)

"""Probabilities that mean what they say, from cross-validated logits.

Temperature scaling (Guo et al. 2017), and finer forms of it: a factor for the certainty that leads
and a factor for the finding, both drawn towards 1. Dividing all four logits of a decision by one
number never changes which leads, so none of this changes a label. A bias for each certainty may,
and so may the rule engine as a second witness: the logarithm of a product of experts (Hinton 2002),
with a weight for each certainty that the rules read. Forms that may change a label are kept apart.
`training.calibrate` chooses between the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import NOT_MENTIONED, Decisions
from chexdesk.labeling.calibration import Calibration, Logits, Probabilities
from chexdesk.labels import CERTAINTIES

#: Logarithms of the factors that are tried.
_GRID: Final = np.linspace(-1.2, 1.2, 61)
#: The weak pull of a bias or a weight towards 0: standard deviation in logits over temperature.
_BIAS_SPREAD: Final = 1.0
_NEWTON_STEPS: Final = 30
#: The largest exponent that stays far from overflow.
_STEEPEST: Final = 500.0


@dataclass(frozen=True)
class Method:
    """A form of calibration.

    Attributes:
        certainty: how far the factor of a leading certainty may go from 1 (the standard deviation
            of its logarithm's prior); 0 for no such factor.
        finding: the same for the factor of a finding.
        bias: whether each certainty has a bias; it may change decisions.
        witness: whether the rule engine is heard; it may change decisions.
    """

    certainty: float = 0.0
    finding: float = 0.0
    bias: bool = False
    witness: bool = False

    @property
    def changes(self) -> bool:
        """Whether it may change decisions."""
        return self.bias or self.witness

    @property
    def name(self) -> str:
        """As tables call it."""
        parts = ["temperature"]
        if self.certainty:
            parts.append(f"by certainty ({self.certainty})")
        if self.finding:
            parts.append(f"by finding ({self.finding})")
        if self.bias:
            parts.append("with bias")
        if self.witness:
            parts.append("with a second witness")
        return " ".join(parts)


#: From the simplest on: where two are equally likely, the simpler is taken.
METHODS: Final = (
    Method(),
    Method(certainty=0.5),
    Method(finding=0.15),
    Method(finding=0.4),
    Method(certainty=0.5, finding=0.15),
    Method(bias=True),
    Method(certainty=0.5, bias=True),
    Method(witness=True),
    Method(bias=True, witness=True),
)


def fit(
    logits: Logits, gold: Decisions, method: Method, reading: Decisions | None = None
) -> Calibration:
    """The most likely calibration of a form, its factors and bias under their priors.

    Args:
        logits: (reports, findings, 4), of a model that never saw these labels. gold: (reports,
            findings). reading: what the rules read (reports, findings), for a form with a witness.

    Raises:
        ValueError: a form with a witness, and no reading.
    """
    if method.witness and reading is None:
        raise ValueError(f"{method.name}: what the rules read is not given")
    z = np.asarray(logits, dtype=np.float64)
    findings = z.shape[1]
    heard = reading if method.witness else None
    temperature, bias, witness = _linear(z, gold, method.bias, heard)
    scaled = (z + bias) / temperature
    by_certainty, by_finding = np.ones(len(CERTAINTIES)), np.ones(findings)
    leading = scaled.argmax(axis=-1)
    if method.certainty:
        by_certainty = _factors(scaled, gold, leading, len(CERTAINTIES), method.certainty)
        scaled = scaled / by_certainty[leading][..., None]
    if method.finding:
        groups = np.broadcast_to(np.arange(findings), gold.shape)
        by_finding = _factors(scaled, gold, groups, findings, method.finding)
    return Calibration(
        round(float(temperature), 4),
        tuple(np.round(by_certainty, 4).tolist()),
        tuple(np.round(by_finding, 4).tolist()),
        tuple(np.round(bias, 4).tolist()),
        tuple(np.round(witness, 4).tolist()),
    )


def log_likelihoods(probabilities: Probabilities, gold: Decisions) -> NDArray[np.float64]:
    """The logarithm of what each gold answer was given: (reports, findings)."""
    chosen = np.take_along_axis(probabilities, gold[..., None].astype(np.intp), axis=-1)
    return np.asarray(np.log(np.maximum(chosen[..., 0], 1e-12)))


def _linear(
    z: Probabilities, gold: Decisions, with_bias: bool, reading: Decisions | None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Maximum likelihood of softmax(b z + a + w) by Newton's method; it is concave in all three.

    Returns:
        1 / b; a / b, the bias of "not mentioned" being 0; and w for each certainty that is read.
    """
    size = len(CERTAINTIES)
    biased = [c for c in range(size) if c != NOT_MENTIONED] if with_bias else []
    columns = [z.reshape(-1, size)]
    columns += [np.broadcast_to(np.eye(size)[c], columns[0].shape) for c in biased]
    if reading is not None:
        read = np.eye(size)[reading.reshape(-1)]
        columns += [read * np.eye(size)[c] for c in range(size)]
    features = np.stack(columns, axis=-1)
    truth = features[np.arange(gold.size), gold.reshape(-1).astype(np.intp)]
    pull = np.diag([1e-6, *[_BIAS_SPREAD**-2] * (len(columns) - 1)])
    weights = np.array([1.0, *[0.0] * (len(columns) - 1)])

    def objective(at: NDArray[np.float64]) -> float:
        scores = features @ at
        top = scores.max(axis=1)
        partition = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        return float((truth @ at - partition).sum() - 0.5 * at @ pull @ at)

    for _ in range(_NEWTON_STEPS):
        p = _softmax(features @ weights)
        mean = np.einsum("nc,nck->nk", p, features)
        centred = features - mean[:, None]
        slope = (truth - mean).sum(axis=0) - pull @ weights
        bend = np.einsum("nc,nck,ncl->kl", p, centred, centred, optimize=True) + pull
        step = np.linalg.solve(bend, slope)
        size_of_step = 1.0
        # A full step may overshoot; a temperature below 0.1 is no answer either.
        while size_of_step > 1e-6 and (
            not 0.02 < weights[0] + size_of_step * step[0] < 10
            or objective(weights + size_of_step * step) < objective(weights)
        ):
            size_of_step /= 2
        weights = weights + size_of_step * step
        if np.abs(size_of_step * step).max() < 1e-6:
            break
    bias = np.zeros(size)
    bias[biased] = weights[1 : 1 + len(biased)] / weights[0]
    witness = np.zeros(size) if reading is None else weights[1 + len(biased) :]
    return 1 / float(weights[0]), bias, witness


def _factors(
    scaled: Probabilities, gold: Decisions, groups: NDArray[np.intp], number: int, spread: float
) -> NDArray[np.float64]:
    """For each group of decisions the factor with the least loss, drawn towards 1: (number,)."""
    truth = np.take_along_axis(scaled, gold[..., None].astype(np.intp), axis=-1)
    behind = (scaled - truth).reshape(gold.size, -1)
    losses = np.empty((len(_GRID), number))
    for row, factor in enumerate(np.exp(_GRID)):
        lost = np.log(np.exp(np.minimum(behind / factor, _STEEPEST)).sum(axis=1))
        losses[row] = np.bincount(groups.reshape(-1), lost, minlength=number)
    losses += 0.5 * (_GRID[:, None] / spread) ** 2
    return np.asarray(np.exp(_GRID[losses.argmin(axis=0)]))


def _softmax(scores: Probabilities) -> Probabilities:
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))

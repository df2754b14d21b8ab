"""From a model's logits to probabilities that mean what they say.

Temperature scaling (Guo et al. 2017) with a factor for the certainty that leads and one for the
finding; a bias for each certainty may shift decisions where cross-validation found that it helps,
and so may a second witness: what the rule engine reads in the same report, at a weight of its own
for each certainty that it calls. Rules and model err on different reports. A pack's manifest holds
the numbers; `training.calibrate` fits them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.labels import CERTAINTIES

#: A probability of 0 in a file is a rounded one.
_LEAST: Final = 1e-6

Logits = NDArray[np.floating[Any]]
Probabilities = NDArray[np.float64]
Decisions = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Calibration:
    """From logits to probabilities: softmax((logits + bias) / temperature).

    The temperature of a decision is `temperature * by_certainty[c] * by_finding[f]`, c being the
    certainty that leads after the bias. Only the bias can change which certainty leads.

    Attributes:
        by_certainty: a factor for each of `CERTAINTIES`. by_finding: for each finding.
        bias: for each of `CERTAINTIES`, in logits; all 0 where decisions stay as they are.
        witness: for each of `CERTAINTIES`, by how much the logarithm of its odds rises where the
            rule engine reads it; all 0 where the model speaks alone.
    """

    temperature: float
    by_certainty: tuple[float, ...]
    by_finding: tuple[float, ...]
    bias: tuple[float, ...]
    witness: tuple[float, ...] = (0.0,) * len(CERTAINTIES)

    @property
    def has_witness(self) -> bool:
        """Whether the rule engine's reading is to be heard."""
        return any(self.witness)

    def apply(self, logits: Logits) -> Probabilities:
        """Probabilities (…, findings, 4) from logits of the same shape."""
        shifted = np.asarray(logits, dtype=np.float64) + np.array(self.bias)
        scaled = shifted / self._temperatures(shifted)[..., None]
        e = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True), dtype=np.float64)

    def alone(self) -> Calibration:
        """The same without what may change decisions: bias and witness."""
        none = (0.0,) * len(CERTAINTIES)
        return replace(self, bias=none, witness=none)

    def hear(self, probabilities: Probabilities, reading: Decisions) -> Probabilities:
        """Probabilities (…, findings, 4) with the second witness heard.

        Args:
            reading: what the rule engine reads (…, findings), as indices into `CERTAINTIES`.
        """
        return _raised(probabilities, reading, np.array(self.witness))

    def unhear(self, probabilities: Probabilities, reading: Decisions) -> Probabilities:
        """The probabilities that `hear` made these of."""
        return _raised(probabilities, reading, -np.array(self.witness))

    def undo(self, probabilities: Probabilities) -> Probabilities:
        """The logits that `apply` made these of, but for a constant in each decision."""
        logs = np.log(np.maximum(probabilities, _LEAST))
        return np.asarray(logs * self._temperatures(probabilities)[..., None] - np.array(self.bias))

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @staticmethod
    def none(findings: int) -> Calibration:
        """Raw softmax."""
        return Calibration.uniform(1.0, findings)

    @staticmethod
    def uniform(temperature: float, findings: int) -> Calibration:
        """One temperature for everything."""
        size = len(CERTAINTIES)
        return Calibration(temperature, (1.0,) * size, (1.0,) * findings, (0.0,) * size)

    @staticmethod
    def from_dict(data: Mapping[str, Any], findings: int) -> Calibration:
        """What `as_dict` gave. Fields that are absent change nothing; other keys are left aside.

        Raises:
            ValueError: a list has another length than there are certainties or findings, or a
                number is none, not finite, or (a temperature or factor) not positive.
        """
        plain = Calibration.none(findings)
        try:
            found = Calibration(
                float(data.get("temperature", plain.temperature)),
                tuple(map(float, data.get("by_certainty", plain.by_certainty))),
                tuple(map(float, data.get("by_finding", plain.by_finding))),
                tuple(map(float, data.get("bias", plain.bias))),
                tuple(map(float, data.get("witness", plain.witness))),
            )
        except TypeError as error:
            raise ValueError(f"calibration: not numbers ({error})") from None
        for field, values, length in (
            ("by_certainty", found.by_certainty, len(CERTAINTIES)),
            ("by_finding", found.by_finding, findings),
            ("bias", found.bias, len(CERTAINTIES)),
            ("witness", found.witness, len(CERTAINTIES)),
        ):
            if len(values) != length:
                raise ValueError(f"calibration: {field} has {len(values)} numbers, not {length}")
        if not np.isfinite([*found.bias, *found.witness]).all():
            raise ValueError("calibration: a bias or a witness's weight is not finite")
        factors = np.array([found.temperature, *found.by_certainty, *found.by_finding])
        if not (np.isfinite(factors) & (factors > 0)).all():
            raise ValueError("calibration: a temperature is not a positive number")
        return found

    def _temperatures(self, values: Probabilities) -> Probabilities:
        leading = np.array(self.by_certainty)[values.argmax(axis=-1)]
        return np.asarray(self.temperature * leading * np.array(self.by_finding))


def _raised(
    probabilities: Probabilities, reading: Decisions, weights: NDArray[np.float64]
) -> Probabilities:
    """Probabilities whose log-odds are raised by `weights[c]` at the certainty c of `reading`."""
    raised = np.array(probabilities, dtype=np.float64)
    places = np.asarray(reading, dtype=np.intp)[..., None]
    there = np.take_along_axis(raised, places, axis=-1) * np.exp(weights)[places]
    np.put_along_axis(raised, places, there, axis=-1)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))

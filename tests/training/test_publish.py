"""Temperature scaling finds what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from chexdesk.labeling.llama.plan import softmax
from training.publish import fit_temperature


@pytest.mark.parametrize("true", [0.7, 1.0, 2.0])
def test_the_temperature_of_made_up_labels_is_found(true: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (600, 14, 4)).astype(np.float32)
    chances = softmax(logits, true).cumsum(-1)
    gold = (rng.random((600, 14, 1)) > chances).sum(-1).clip(0, 3).astype(np.int8)
    assert fit_temperature(logits, gold) == pytest.approx(true, rel=0.08)

"""Does a pack say what the trained model says?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chexdesk.labeling.labeler import LabelerError
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.reports.report import Report
from export.pack import VerificationError

#: The least agreement, over all decisions, with which a pack is let out.
LEAST: Final = {"F16": 0.99, "Q8_0": 0.99}
LEAST_OF_SMALLER: Final = 0.97


def agreement(
    folder: Path, label_set: LabelSet, texts: Sequence[str], reference: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Label reports with the pack's model alone, and count equal decisions.

    Args:
        reference: for each text the trained model's decisions, indices into `CERTAINTIES`.

    Raises:
        VerificationError: the pack cannot be loaded.
    """
    try:
        labeler = LlamaLabeler(folder, label_set, gpu_layers=0, alone=True)
    except LabelerError as error:
        raise VerificationError(str(error)) from error
    reports = [Report(str(number), text) for number, text in enumerate(texts)]
    try:
        predictions = list(labeler.label(reports))
    finally:
        labeler.close()
    equal = sum(
        CERTAINTIES.index(certainty) == wanted
        for prediction, row in zip(predictions, reference, strict=True)
        for certainty, wanted in zip(prediction.certainties, row, strict=True)
        if not prediction.error
    )
    total = len(texts) * len(label_set)
    return {"reports": len(texts), "decisions": total, "agreement": round(equal / total, 5)}


def require(figures: dict[str, Any], quantization: str) -> dict[str, Any]:
    """The figures, if they are good enough for that quantization.

    Raises:
        VerificationError: they are not.
    """
    least = LEAST.get(quantization, LEAST_OF_SMALLER)
    if figures["agreement"] < least:
        raise VerificationError(
            f"the {quantization} pack agrees with the trained model on only "
            f"{figures['agreement']:.2%} of {figures['decisions']} decisions; {least:.0%} is asked"
        )
    return figures

"""Reports, models and predictions that the tests of the library share."""

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.reports.report import Report

MODEL = ModelId("small", "a" * 64, "1")
NEWER = ModelId("small", "b" * 64, "2")
POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = CERTAINTIES
LABELS = chexpert14()
A = Report("MRN-0071", "Small left effusion.", "a.csv:1")
B = Report("b", "No pneumothorax.", "a.csv:2")


def predicted(
    report: Report, certainty: Certainty = NEGATIVE, model: ModelId = MODEL, chance: float = 0.75
) -> Prediction:
    rest = (1 - chance) / 3
    row = tuple(chance if each is certainty else rest for each in CERTAINTIES)
    return Prediction(report.id, (certainty,) * 14, (row,) * 14, model)


def failed(report: Report) -> Prediction:
    return Prediction.failed(report.id, LABELS, MODEL, "too long")

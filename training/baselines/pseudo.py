"""Unlabelled reports with the rule engine's labels: what a student learns without any expert."""

from __future__ import annotations

import csv

from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import CERTAINTIES, LabelSet
from chexdesk.reports.report import Report
from training import data

REPORTS = "openi_reports.csv"
HELD_OUT = "openi_heldout_ids.txt"


def examples(label_set: LabelSet) -> list[data.Example]:
    """OpenI's reports, but for those kept out of training, as the rule engine labels them.

    Raises:
        FileNotFoundError: `../shared/eval` is absent.
    """
    found = reports()
    return [
        data.Example(
            report.id,
            "unlabelled",
            data.model_text(report.text),
            tuple(CERTAINTIES.index(certainty) for certainty in prediction.certainties),
        )
        for report, prediction in zip(found, RuleLabeler().label(found), strict=True)
    ]


def reports() -> list[Report]:
    """OpenI's reports without labels, but for those kept out of training.

    Raises:
        FileNotFoundError: `../shared/eval` is absent.
    """
    held = set((data.EVAL / HELD_OUT).read_text(encoding="utf-8").split())
    with (data.EVAL / REPORTS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [Report(f"CXR{row['uid']}", _text(row)) for row in rows]
    return [report for report in found if report.text and report.id not in held]


def _text(row: dict[str, str]) -> str:
    sections = (("FINDINGS", row["findings"]), ("IMPRESSION", row["impression"]))
    return "\n\n".join(f"{head}: {text.strip()}" for head, text in sections if text.strip())

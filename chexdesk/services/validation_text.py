"""A validation study in words and tables: HTML, CSV, and a paragraph for a paper."""

from __future__ import annotations

import csv
from html import escape
from io import StringIO
from typing import Final

import chexdesk
from chexdesk.services.validation import Estimate, StudyReport

_FIGURES: Final = (
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("ppv", "PPV"),
    ("npv", "NPV"),
    ("f1", "F1"),
    ("kappa", "Cohen’s κ"),
)
#: Fewer cases than this make a figure that says little.
FEW: Final = 10


def methods(report: StudyReport) -> str:
    """The methods paragraph, as it could stand in a paper."""
    found, study, model = report.validation, report.study, report.model
    if study.sample is not None:
        drawn = (
            f"A simple random sample of {report.drawn:,} reports was drawn from {report.usable:,} "
            f"(seed {study.sample.seed})"
        )
        drawn += f"; {report.referenced:,} of them had reference labels. "
    else:
        drawn = (
            f"Of {report.usable:,} reports, the {report.referenced:,} with reference labels were "
            "used; they were not drawn at random. "
        )
    if study.labels is not None:
        reference = "The reference labels were made elsewhere and matched by report id. "
    else:
        people = "one reader" if report.readers == 1 else f"{report.readers:,} readers"
        reference = (
            f"The reference was set by {people} in ChexDesk, who could see the model’s labels "
            "while reading. "
        )
    out = ""
    if report.unlabelled:
        out = f"{report.unlabelled:,} reports that the model had not labelled were left out. "
    if report.ambiguous:
        out += f"{report.ambiguous:,} ids that stand for more than one report were left out. "
    return (
        f"{drawn}{reference}{out}Labels for {len(found.findings)} findings were assigned by "
        f"{model.name} {model.version} (SHA-256 {model.sha256[:12]}) run locally with ChexDesk "
        f"{chexdesk.__version__}. For each finding a report counted as a case where it was "
        f"{found.target.value}. Sensitivity, specificity, positive and negative predictive value "
        "are given with 95 % Wilson score intervals; the interval of F1 is that of TP/(TP+FP+FN), "
        "transformed. Cohen’s κ is unweighted, over the four categories positive, negative, "
        f"uncertain and not mentioned, with a 95 % percentile bootstrap interval "
        f"({found.rounds:,} resamples of reports, seed {found.seed}; none "
        "where all decisions were alike). The analysis included "
        f"{found.reports:,} reports. No adjustment was made for multiple comparisons."
    )


def cautions(report: StudyReport) -> tuple[str, ...]:
    """What a reader must know before believing the figures."""
    found, study = report.validation, report.study
    said: list[str] = []
    if study.sample is None:
        said.append(
            "The reports are not a random sample. Where doubtful reports were reviewed first, the "
            "figures are worse than the model is; where easy ones were, better."
        )
    elif report.referenced < report.drawn:
        said.append(
            f"{report.drawn - report.referenced:,} of {report.drawn:,} sampled reports have no "
            "reference yet; the figures are only of those that have."
        )
    if study.labels is None:
        said.append(
            "Readers saw the model’s labels first. That draws a reader towards them, so agreement "
            "comes out higher than between independent readings."
        )
    few = sum(finding.tp + finding.fn < FEW for finding in found.findings)
    if few:
        said.append(
            f"{few} of {len(found.findings)} findings have fewer than {FEW} cases; read their "
            "intervals, not their figures."
        )
    return tuple(said)


def to_html(report: StudyReport) -> str:
    """A page of its own, without links or scripts."""
    found, model = report.validation, report.model
    head = "".join(f'<th align="right">{title}</th>' for _, title in _FIGURES)
    rows = "".join(
        f'<tr><td align="left">{escape(finding.name)}</td>'
        f'<td align="right">{finding.tp + finding.fn:,}</td>'
        + "".join(f'<td align="right">{_cell(getattr(finding, name))}</td>' for name, _ in _FIGURES)
        + "</tr>"
        for finding in found.findings
    )
    warnings = "".join(f"<li>{escape(words)}</li>" for words in cautions(report))
    facts = (
        ("Model", f"{escape(model.name)} {escape(model.version)}"),
        ("SHA-256", model.sha256),
        ("Reports compared", f"{found.reports:,}"),
        ("A case is", found.target.value),
        ("All decisions alike", _cell(found.agreement)),
        ("Reports alike in every finding", _cell(found.exact)),
        ("Made", report.made.isoformat()),
    )
    table = "".join(
        f'<tr><td align="left">{name}</td><td align="left">{value}</td></tr>'
        for name, value in facts
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        "<title>Validation report</title>"
        "<style>body { font-family: sans-serif; } table { border-collapse: collapse; } "
        "th, td { padding: 3px 9px; } th { border-bottom: 1px solid #888888; }"
        "</style></head><body><h1>Validation report</h1>"
        f'<table cellpadding="3">{table}</table>'
        f"<h2>Before reading the figures</h2><ul>{warnings}</ul>"
        '<h2>Each finding</h2><table cellpadding="4">'
        f'<tr><th align="left">Finding</th><th align="right">Cases</th>{head}</tr>{rows}</table>'
        "<p>95 % intervals in brackets; – where a figure is not defined.</p>"
        f"<h2>Methods</h2><p>{escape(methods(report))}</p>"
        "<p>ChexDesk is a research tool, not a medical device.</p></body></html>\n"
    )


def to_csv(report: StudyReport) -> str:
    """One row for each finding: counts, then each figure with both ends of its interval."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ends = [f"{name}{end}" for name, _ in _FIGURES for end in ("", "_low", "_high")]
    writer.writerow(("finding", "reports", "target", "tp", "fp", "fn", "tn", *ends))
    found = report.validation
    for finding in found.findings:
        figures = [
            "" if value != value else f"{value:.4f}"
            for name, _ in _FIGURES
            for value in _ends(getattr(finding, name))
        ]
        counts = (finding.tp, finding.fp, finding.fn, finding.tn)
        writer.writerow((finding.name, found.reports, found.target.value, *counts, *figures))
    return out.getvalue()


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _cell(estimate: Estimate) -> str:
    if not estimate.known:
        return "–"
    if estimate.low != estimate.low:
        return f"{estimate.value:.2f}"
    # A range with a minus sign in it cannot be written with a dash.
    join = " to " if estimate.low < 0 else "–"
    return f"{estimate.value:.2f} ({estimate.low:.2f}{join}{estimate.high:.2f})"

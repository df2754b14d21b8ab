"""Markdown tables of a comparison: the paper's Tables 1 to 5, tests, errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from chexdesk.evaluation.metrics import NEGATIVE, POSITIVE, UNCERTAIN
from chexdesk.labels import CERTAINTIES
from training.evaluation.comparison import Comparison, Difference, Scored
from training.evaluation.errors import Kind
from training.evaluation.figures import Figure, in_paper_average

_PAPER: Final = Path(__file__).with_name("paper.yaml")
#: How many ids of a kind of errors are named.
_IDS: Final = 8
_CERTAINTIES: Final = (POSITIVE, NEGATIVE, UNCERTAIN)

Paper = dict[str, Any]


def read_paper() -> Paper:
    """The figures that the paper publishes."""
    data: Paper = yaml.safe_load(_PAPER.read_text(encoding="utf-8"))
    return data


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One table; the first column to the left, the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def overall(comparison: Comparison, paper: Paper) -> str:
    """Tables 1 and 2: macro F1, errors a report, reports without error."""
    rows = []
    for s in comparison.scored:
        row = [s.about.title]
        for figure, percent in (("macro_f1", False), ("errors", False), ("perfect", True)):
            row.append(number(getattr(s.figures, figure), percent))
            row.append(span(s.interval(figure), percent))
            row.append(published(s, paper[figure], paper, percent))
        rows.append(row)
    header = ["system"]
    count = in_paper_average(comparison.label_set).sum()
    for title in (f"macro F1 ({count})", f"errors a report ({count})", "without error"):
        header += [title, "95 %", "paper"]
    return markdown(header, rows)


def by_finding(comparison: Comparison, paper: Paper) -> str:
    """Table 3: F1 of each finding; the paper's in parentheses."""
    label_set = comparison.label_set
    rows = []
    for place, name in enumerate(label_set.names):
        support = " / ".join(str(comparison.support[place, c]) for c in _CERTAINTIES)
        row = [name, support]
        for s in comparison.scored:
            values = paper["findings"].get(name)
            row.append(_beside(s.figures.finding_f1[place], published(s, values, paper)))
        rows.append(row)
    titles = [s.about.title for s in comparison.scored]
    return markdown(["finding", "positive / negative / uncertain", *titles], rows)


def by_certainty(comparison: Comparison, paper: Paper) -> str:
    """Table 4: F1 of each certainty against the rest over the paper's findings."""
    rows = []
    for place, index in enumerate(_CERTAINTIES):
        name = CERTAINTIES[index].value
        rows.append([name])
        for s in comparison.scored:
            beside = published(s, paper["certainties"][name], paper)
            rows[-1].append(_beside(s.figures.certainty_f1[place], beside))
    return markdown(["certainty", *(s.about.title for s in comparison.scored)], rows)


def by_length(comparison: Comparison, paper: Paper) -> str:
    """Table 5: macro F1 by thirds of length."""
    rows = []
    for (words, found), name in zip(comparison.by_length(), paper["lengths"], strict=True):
        cells = [
            _beside(found[s.name], published(s, paper["lengths"][name], paper))
            for s in comparison.scored
        ]
        rows.append([f"{name} ({words})", *cells])
    return markdown(["length", *(s.about.title for s in comparison.scored)], rows)


def extraction(comparison: Comparison) -> str:
    """Extraction over all findings, as Irvin et al. (2019) report it, with intervals."""
    names = ["mention", "negation", "uncertainty", "uncertainty_micro"]
    every = len(comparison.label_set)
    rows = [
        [s.about.title]
        + [f"{number(getattr(s.figures, n))} ({span(s.interval(n))})" for n in names]
        + [number(s.figures.errors_all), number(s.figures.perfect_all, True)]
        for s in comparison.scored
    ]
    titles = ["mention", "negation", "uncertain", "uncertain, micro"]
    tail = [f"errors a report ({every})", f"without error ({every})"]
    return markdown(["system", *titles, *tail], rows)


def tests(comparison: Comparison) -> str:
    """The model against every other system; "" where the model takes no part."""
    if comparison.model is None:
        return ""
    found = comparison.differences("macro_f1", "errors")
    f1, errors = found["macro_f1"], found["errors"]
    rows = [
        [s.about.title, *_difference(f1[s.name]), *_difference(errors[s.name])]
        for s in comparison.scored
        if s.name in f1
    ]
    header = ["against"]
    for title in ("Δ macro F1", "Δ errors a report"):
        header += [title, "95 %", "p", "p (Holm)"]
    return markdown(header, rows)


def kinds(found: Sequence[Kind], notes: dict[str, str]) -> str:
    """The worst kinds of errors, with what was done about each."""
    rows = []
    for kind in found:
        ids = ", ".join(kind.ids[:_IDS]) + (" …" if len(kind.ids) > _IDS else "")
        row = [kind.finding, kind.gold, kind.predicted, f"{len(kind.ids)} of {kind.support}"]
        rows.append([*row, ids, notes.get(kind.key, "")])
    return markdown(["finding", "gold", "predicted", "errors", "reports", "what was done"], rows)


def number(value: float | Figure, percent: bool = False) -> str:
    """A figure as the tables show it."""
    value = float(value)
    if math.isnan(value):
        return "–"
    if percent:
        return f"{100 * value:.1f} %"
    return f"{value:.3f}".removeprefix("0")


def span(interval: tuple[float, float], percent: bool = False) -> str:
    """An interval as the tables show it."""
    return " – ".join(number(end, percent) for end in interval)


def published(
    scored: Scored, values: list[float | None] | None, paper: Paper, percent: bool = False
) -> str:
    """What the paper publishes for the like system, or ""."""
    if values is None or not scored.about.paper:
        return ""
    value = values[paper["systems"].index(scored.about.paper)]
    return "" if value is None else number(value, percent)


def _beside(value: float, paper: str) -> str:
    return f"{number(value)} ({paper})" if paper else number(value)


def _difference(found: Difference) -> list[str]:
    ends = " – ".join(f"{end:+.3f}" for end in found.interval)
    return [f"{found.value:+.3f}", ends, _p(found.p), _p(found.corrected)]


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else number(value)

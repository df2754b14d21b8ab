"""How a labeller bears one deciding word, and the same report in another dress.

    python -m training.robustness --engine rules|llama [--pack DIR] [--gold FILE [--split NAME]]
                                  [--out FILE]

Prints Markdown tables: right pairs of the negation flips (`tests/sets/README.md`), and, with a gold
file, macro F1 as the reports are and under each kind of `training.perturbations`. Any look at `dev`
is to be logged in `docs/dev-looks.csv`.
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from chexdesk.evaluation.gold import Labels, LabelsError, read_labels
from chexdesk.evaluation.metrics import Decisions, score
from chexdesk.labeling.labeler import Labeler
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.read import read_reports
from chexdesk.reports.report import Report
from chexdesk.services.engines import ENGINES, open_labeler
from training.disjoint import TEST_SETS
from training.perturbations import KINDS, perturb

__all__ = ["KINDS", "evaluate_flips", "evaluate_robustness", "perturb", "read_gold"]

FLIPS: Final = TEST_SETS / "negation_flips.jsonl"


@dataclass(frozen=True)
class Flip:
    """A pair of texts and what each says of the finding."""

    id: str
    finding: str
    kind: str
    texts: tuple[str, str]
    certainties: tuple[Certainty, Certainty]


@dataclass(frozen=True)
class FlipFigures:
    """A labeller's answers to the flips.

    Attributes:
        pairs: how many there are.
        right_pairs: pairs with both answers right.
        right_texts: single answers that are right, of `2 * pairs`.
        still: pairs whose two answers are the same: the deciding word was not heeded.
        findings: for each finding its right pairs and its pairs.
        wrong: ids of the pairs that are not right.
    """

    pairs: int
    right_pairs: int
    right_texts: int
    still: int
    findings: dict[str, tuple[int, int]]
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class GoldReport:
    """A report as given, and its labels."""

    report: Report
    labels: Labels


@dataclass(frozen=True)
class RobustnessRow:
    """Figures under one kind of perturbation.

    Attributes:
        kind: of `KINDS`, or "as given".
        reports: how many the kind changes the text of.
        macro_f1: of all reports, over the paper's findings.
        changed: share of decisions that differ from those on the text as given, among those
            reports and over all findings; NaN where there are none.
    """

    kind: str
    reports: int
    macro_f1: float
    changed: float


AS_GIVEN: Final = "as given"


def read_flips(path: Path = FLIPS) -> list[Flip]:
    """The pairs of a file.

    Raises:
        ValueError: a line is no pair; the message names it.
    """
    flips = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            texts = (str(row["a"]["text"]), str(row["b"]["text"]))
            certainties = (Certainty(row["a"]["certainty"]), Certainty(row["b"]["certainty"]))
            flips.append(Flip(row["id"], row["finding"], row["kind"], texts, certainties))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: not a pair of texts ({error})") from error
    return flips


def evaluate_flips(labeler: Labeler, path: Path = FLIPS) -> FlipFigures:
    """Ask a labeller both texts of every pair.

    Raises:
        ValueError: the file is damaged.
        KeyError: a finding that the labeller does not know.
        LabelerError: the engine failed.
    """
    flips = read_flips(path)
    decided = _decide(labeler, (text for flip in flips for text in flip.texts))
    findings: dict[str, list[bool]] = collections.defaultdict(list)
    right_texts = still = 0
    wrong = []
    for flip, both in zip(flips, decided.reshape(len(flips), 2, -1), strict=True):
        answers = [CERTAINTIES[c] for c in both[:, labeler.label_set.index(flip.finding)]]
        hits = [a is c for a, c in zip(answers, flip.certainties, strict=True)]
        findings[flip.finding].append(all(hits))
        right_texts += sum(hits)
        still += answers[0] is answers[1]
        if not all(hits):
            wrong.append(flip.id)
    return FlipFigures(
        pairs=len(flips),
        right_pairs=len(flips) - len(wrong),
        right_texts=right_texts,
        still=still,
        findings={name: (sum(right), len(right)) for name, right in findings.items()},
        wrong=tuple(wrong),
    )


def read_gold(path: Path, label_set: LabelSet, split: str | None = None) -> list[GoldReport]:
    """The reports of a gold file with their texts, in its order.

    Raises:
        LabelsError: the file holds no labels, or a label's report cannot be read.
    """
    labels = read_labels(path, label_set, split)
    reports = {report.id: report for report in read_reports([path]) if not report.error}
    missing = [identifier for identifier in labels if identifier not in reports]
    if missing:
        raise LabelsError(f"{path}: no text for {missing[0]!r} ({len(missing)} in all).")
    return [GoldReport(reports[identifier], row) for identifier, row in labels.items()]


def evaluate_robustness(labeler: Labeler, gold: Sequence[GoldReport]) -> list[RobustnessRow]:
    """The reports as given, then under each kind.

    A report that fails counts as one that mentions nothing. Texts that a kind leaves as they are
    are not asked again.

    Raises:
        LabelerError: the engine failed.
    """
    texts = [entry.report.text for entry in gold]
    truth = _indices(entry.labels for entry in gold)
    given = _decide(labeler, texts)
    rows = [_row(labeler.label_set, AS_GIVEN, truth, given, given, [])]
    for kind in KINDS:
        others = [perturb(kind, text) for text in texts]
        places = [
            n for n, (text, other) in enumerate(zip(texts, others, strict=True)) if text != other
        ]
        decided = given.copy()
        if places:
            decided[places] = _decide(labeler, [others[n] for n in places])
        rows.append(_row(labeler.label_set, kind, truth, given, decided, places))
    return rows


def _row(
    label_set: LabelSet,
    kind: str,
    truth: Decisions,
    given: Decisions,
    decided: Decisions,
    places: list[int],
) -> RobustnessRow:
    changed = float((decided[places] != given[places]).mean()) if places else float("nan")
    return RobustnessRow(
        kind, len(places), score(label_set, truth, decided).macro_f1_paper, changed
    )


def _decide(labeler: Labeler, texts: Iterable[str]) -> Decisions:
    """Decisions of shape (texts, findings)."""
    reports = (Report(str(number), text) for number, text in enumerate(texts))
    return _indices(prediction.certainties for prediction in labeler.label(reports))


def _indices(rows: Iterable[Sequence[Certainty]]) -> Decisions:
    return np.array([[CERTAINTIES.index(c) for c in row] for row in rows], dtype=np.int8)


def flips_table(figures: FlipFigures) -> str:
    """The flips as a Markdown table."""
    lines = ["| flips | right pairs | pairs | share |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {right} | {pairs} | {right / pairs:.1%} |"
        for name, (right, pairs) in figures.findings.items()
    ]
    share = figures.right_pairs / figures.pairs
    lines.append(f"| **all** | {figures.right_pairs} | {figures.pairs} | {share:.1%} |")
    return "\n".join(lines)


def robustness_table(rows: Sequence[RobustnessRow]) -> str:
    """The kinds as a Markdown table; differences are to the first row."""
    lines = [
        "| reports | texts changed | macro F1 | difference | decisions changed |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        given = row.kind == AS_GIVEN
        difference = "" if given else f"{row.macro_f1 - rows[0].macro_f1:+.4f}"
        changed = f"{row.changed:.2%}" if row.reports else ""
        count = "" if given else str(row.reports)
        lines.append(f"| {row.kind} | {count} | {row.macro_f1:.4f} | {difference} | {changed} |")
    return "\n".join(lines)


def as_dict(
    labeler: Labeler, flips: FlipFigures, rows: Sequence[RobustnessRow], gold: str
) -> dict[str, Any]:
    """Both sets of figures, ready for JSON."""
    return {
        "model": vars(labeler.model),
        "flips": vars(flips),
        "gold": gold,
        "robustness": [
            {**vars(row), "changed": row.changed if row.reports else None} for row in rows
        ],
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Negation flips, and reports in another dress.")
    parser.add_argument("--engine", choices=ENGINES, default="llama")
    parser.add_argument("--pack", type=Path, help="the model pack; the default pack where left out")
    parser.add_argument("--flips", type=Path, default=FLIPS)
    parser.add_argument("--gold", type=Path, help="labelled reports to perturb")
    parser.add_argument("--split", help="only the gold rows of this split")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    chosen = parser.parse_args()
    labeler = open_labeler(chosen.engine, chosen.pack)
    try:
        flips = evaluate_flips(labeler, chosen.flips)
        print(flips_table(flips))
        rows: list[RobustnessRow] = []
        if chosen.gold:
            gold = read_gold(chosen.gold, labeler.label_set, chosen.split)
            rows = evaluate_robustness(labeler, gold)
            print("\n" + robustness_table(rows))
        if chosen.out:
            name = f"{chosen.gold.name}:{chosen.split or 'all'}" if chosen.gold else ""
            figures = as_dict(labeler, flips, rows, name)
            chosen.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    finally:
        labeler.close()


if __name__ == "__main__":
    main()

"""Compare all systems that left decisions, and write the results.

    python -m training.evaluate [--decisions DIR] [--out docs/results.md] [--plots docs/plots]

Reads decisions files (`<system>.<gold>.jsonl`, see `training.decisions`), gold labels, and the
calibration that the published adapter carries, by which the model's raw probabilities are found
again. No model is run, so the figures can be recomputed wherever the gold labels are. The results
begin with a hand-written head; what stands below it is made anew each time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chexdesk import paths
from chexdesk.labeling.calibration import Calibration
from chexdesk.labels import LabelSet, chexpert14
from training.decisions import FOLDER
from training.evaluation import errors, plots, significance, tables, trust
from training.evaluation.comparison import Comparison
from training.evaluation.reliability import BINS
from training.evaluation.systems import GOLD, Gold, System, read_about, read_folder, read_gold
from training.evaluation.trust import Trust

#: What the results report. `feedback` is for choosing.
REPORTED: Final = ("dev", "openi_evidence")
#: The second witness, where the model hears one.
RULES: Final = "rules"
_MARK: Final = "<!-- Below this line everything is made by the command above. -->\n"
_PARENTHESES: Final = (
    "In parentheses or under “paper”: what the CheX-LLM paper publishes for the like system on "
    "MIMIC-500, other reports than these."
)
_INTERVALS: Final = (
    "Intervals: bootstrap over reports, the same resamples for all systems. A finding that a "
    "resample lacks is left out of its average; where a certainty is rare, this draws the interval "
    "of its F1 upwards."
)


@dataclass(frozen=True)
class Set:
    """One gold set with the systems that have decisions on it."""

    gold: Gold
    systems: Sequence[System]
    comparison: Comparison


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the results."""
    label_set = chexpert14()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--plots", type=Path, default=Path("docs/plots"))
    parser.add_argument("--head", type=Path, default=Path("docs/results-head.md"))
    parser.add_argument("--notes", type=Path, default=Path("docs/error-kinds.yaml"))
    parser.add_argument(
        "--adapter",
        type=Path,
        default=paths.resources() / "adapter" / label_set.name / "adapter.json",
        help="whose calibration the model's probabilities have been through",
    )
    parser.add_argument("--rounds", type=int, default=significance.ROUNDS)
    parser.add_argument("--gold", nargs="+", choices=GOLD, default=REPORTED)
    args = parser.parse_args(arguments)
    sets = read_sets(label_set, args.decisions, args.gold, args.rounds)
    if not sets:
        parser.error(f"{args.decisions} holds no decisions for {' or '.join(args.gold)}")
    record = json.loads(args.adapter.read_text(encoding="utf-8")).get("calibration", {})
    args.plots.mkdir(parents=True, exist_ok=True)
    parts = [args.head.read_text(encoding="utf-8").rstrip() + "\n", _MARK]
    pictures = Pictures(args.plots, args.out.parent)
    parts += [section(label_set, each, pictures, errors.read_notes(args.notes)) for each in sets]
    parts += [pooled(label_set, sets), calibration(label_set, sets, record, pictures)]
    args.out.write_text("\n".join(part for part in parts if part), encoding="utf-8")
    print(f"{args.out}: " + "; ".join(f"{s.gold.name}, {len(s.systems)} systems" for s in sets))


class Pictures:
    """Where plots are put, and how the results name them."""

    def __init__(self, folder: Path, beside: Path) -> None:
        self._folder = folder
        self._beside = beside

    def path(self, name: str) -> Path:
        """The file of a plot."""
        return self._folder / f"{name}.svg"

    def link(self, name: str, title: str) -> str:
        """The plot in Markdown."""
        target = self.path(name).resolve()
        try:
            shown = target.relative_to(self._beside.resolve()).as_posix()
        except ValueError:
            shown = target.as_posix()
        return f"![{title}]({shown})\n"


def read_sets(label_set: LabelSet, folder: Path, golds: Sequence[str], rounds: int) -> list[Set]:
    """The gold sets for which there are decisions.

    Raises:
        DecisionsError: a file does not fit; see `systems.read_system`.
    """
    about = read_about()
    found = []
    for name in golds:
        if not any(folder.glob(f"*.{name}.jsonl")):
            continue
        gold = read_gold(name, label_set)
        systems = read_folder(folder, gold, label_set, about)
        found.append(Set(gold, systems, Comparison(label_set, [gold], [systems], about, rounds)))
    return found


def section(label_set: LabelSet, each: Set, pictures: Pictures, notes: dict[str, str]) -> str:
    """The paper's tables, tests and errors on one gold set."""
    paper, c, name = tables.read_paper(), each.comparison, each.gold.name
    plots.macro_f1(c, pictures.path(f"macro-f1-{name}"))
    plots.findings(
        c, [s for s in c.scored if s.about.drawn] or c.scored[:3], pictures.path(f"findings-{name}")
    )
    parts = [
        f"## {name}: {c.reports} reports\n",
        f"{_PARENTHESES} {_INTERVALS}\n",
        "### Tables 1 and 2: the whole\n",
        tables.overall(c, paper),
        pictures.link(f"macro-f1-{name}", f"macro F1 on {name}"),
        "### Extraction, averaged over all findings\n",
        tables.extraction(c),
        "### Table 3: each finding\n",
        tables.by_finding(c, paper),
        pictures.link(f"findings-{name}", f"F1 by finding on {name}"),
        "### Table 4: each certainty\n",
        tables.by_certainty(c, paper),
        "### Table 5: by length\n",
        tables.by_length(c, paper),
    ]
    if c.model is not None:
        system = next(system for system in each.systems if system.name == c.model.name)
        kinds = errors.worst_kinds(label_set, each.gold, system)
        parts += ["### The model against the others\n", _TESTS, tables.tests(c)]
        parts += ["### The worst kinds of errors of the model\n", tables.kinds(kinds, notes)]
    return "\n".join(parts)


_TESTS: Final = (
    "Two-sided p by approximate randomization (each report's decisions change hands with chance "
    "1/2); Holm over the systems in a column; intervals of the paired difference by bootstrap.\n"
)


def pooled(label_set: LabelSet, sets: Sequence[Set]) -> str:
    """Tests on all sets taken together; "" where there is but one or no model."""
    if len(sets) < 2:
        return ""
    try:
        c = Comparison(
            label_set,
            [s.gold for s in sets],
            [s.systems for s in sets],
            read_about(),
            sets[0].comparison.rounds,
        )
    except ValueError:
        return ""
    if c.model is None:
        return ""
    title = f"## {c.name}: {c.reports} reports\n"
    return "\n".join([title, "Systems with decisions on all of them.\n", _TESTS, tables.tests(c)])


def calibration(
    label_set: LabelSet, sets: Sequence[Set], record: dict[str, Any], pictures: Pictures
) -> str:
    """Reliability before and after, and selective labelling; "" where nobody has probabilities.

    Args:
        record: what `training.calibrate` wrote, as the adapter carries it.
    """
    how = record.get("doubt", "product")
    applied = Calibration.from_dict(record, len(label_set))
    found: list[tuple[str, Trust]] = []
    shown: list[Trust] = []
    for each in sets:
        rules = next((s.decisions for s in each.systems if s.name == RULES), None)
        for system in each.systems:
            ours = each.comparison.model is not None and system.name == each.comparison.model.name
            entries = trust.trust(
                label_set, each.gold, system, how, applied if ours else None, rules
            )
            found += [(each.gold.name, entry) for entry in entries]
            shown = shown or (entries if ours else [])
    if not found:
        return ""
    parts = [
        "## Calibration\n",
        "Expected calibration error over the decisions that gold or prediction mentions, in "
        f"{BINS} bins of equal mass. Doubt of a report: `{how}`.\n",
        trust.table(found),
        "Selective labelling: errors a report / reports without error among those not reviewed, "
        "over the paper's findings.\n",
        trust.selective_table(found),
    ]
    if "cross_validation" in record:
        parts += [
            f"Chosen by cross-validation on {record['fitted_on']}: {record['method']}.\n",
            trust.cross_validation(record),
        ]
    if shown:
        plots.reliability(shown, pictures.path("reliability"))
        plots.selective(shown, pictures.path("selective"))
        parts += [
            pictures.link("reliability", "reliability before and after calibration"),
            pictures.link("selective", "selective labelling"),
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    main()

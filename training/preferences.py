"""Preferences for the reward model, from experts' labels and from the app.

    python -m training.preferences build [--config training/configs/preferences.yaml]
    python -m training.preferences show FILE
    python -m training.preferences export FILE --out OUT

`build` writes decisions and no report's text; `export` adds the texts, in the wire format of today,
for trainers that read prompts (TRL's). What real reports `export` writes must not be passed on.

An expert-labelled report's candidates are the expert's own decisions and what is sampled from a
policy that was not trained on that report; every two that cost differently (`pairs.Costs`) make a
pair.
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from chexdesk.labels import LabelSet, chexpert14
from training import data
from training.data import Example, SourceSpec
from training.rlhf import exported, pairfile, pairs, unseen
from training.rlhf.pairfile import Pairs
from training.rlhf.pairs import EXPERT, Costs, Preference
from training.rlhf.unseen import Logits


@dataclass(frozen=True)
class Expert:
    """A set of labelled reports, and the policy whose candidates are ranked for it.

    Attributes:
        folds: cross-validated logits (`training.folds`), or None.
        policy: else an adapter; the reports that it was trained on are left out.
        weight: of each pair.
    """

    reports: SourceSpec
    folds: Path | None
    policy: Path | None
    weight: float


@dataclass(frozen=True)
class Config:
    """The YAML, field by field; `training/configs/preferences.yaml` explains each."""

    seed: int
    out: Path
    base: Path | None
    near_duplicates: bool
    folds_of: int
    temperature: float
    samples: int
    cap: int
    costs: Costs
    experts: tuple[Expert, ...]
    exports: tuple[Path, ...]

    @staticmethod
    def load(path: Path) -> Config:
        """Read a configuration.

        Raises:
            ValueError: a field is missing, unknown or impossible.
        """
        try:
            fields = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
            fields["out"] = Path(fields["out"])
            fields["base"] = Path(fields["base"]) if fields["base"] else None
            fields["costs"] = Costs(**fields["costs"])
            fields["experts"] = tuple(_expert(row) for row in fields["experts"])
            fields["exports"] = tuple(Path(name) for name in fields["exports"])
            config = Config(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a configuration of preferences ({error})") from error
        if config.temperature <= 0 or config.samples < 1 or config.cap < 1:
            raise ValueError(f"{path}: temperature, samples and cap must be above 0")
        return config


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    builds = commands.add_parser("build", help="sample, rank and write pairs")
    builds.add_argument("--config", type=Path, default=Path("training/configs/preferences.yaml"))
    shows = commands.add_parser("show", help="how many pairs a file holds, of which kinds")
    shows.add_argument("file", type=Path)
    exports = commands.add_parser("export", help="pairs with their texts, in the wire format")
    exports.add_argument("file", type=Path)
    exports.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    label_set = chexpert14()
    try:
        if args.command == "build":
            path = build(Config.load(args.config), label_set)
            show(pairfile.read(path, label_set))
            print(path)
        elif args.command == "show":
            show(pairfile.read(args.file, label_set))
        else:
            read = pairfile.read(args.file, label_set)
            print(f"{pairfile.render(args.out, read, label_set)} pairs in {args.out}")
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f"{error}\n")


def build(config: Config, label_set: LabelSet) -> Path:
    """Make the preferences of a configuration.

    Returns:
        `<out>/pairs.jsonl`.

    Raises:
        FileNotFoundError: a set, an export or an adapter is absent.
        LeakError: a policy may have seen what it is to label.
    """
    found: list[Preference] = []
    for expert in config.experts:
        examples, logits = candidates(config, expert, label_set)
        own = from_expert(config, expert, examples, logits)
        print(
            json.dumps(
                {"reports": expert.reports.name, "labelled": len(examples), "pairs": len(own)}
            ),
            flush=True,
        )
        found += own
    for export in config.exports:
        found += exported.read(export, label_set, config.costs)[0]
    path = config.out / "pairs.jsonl"
    reports = tuple(expert.reports for expert in config.experts)
    pairfile.write(path, Pairs(tuple(distinct(found)), reports, config.exports), label_set)
    return path


def candidates(config: Config, expert: Expert, label_set: LabelSet) -> tuple[list[Example], Logits]:
    """The reports of a set that its policy never saw, and that policy's logits (n, findings, 4)."""
    examples = data.read(expert.reports, label_set)
    if config.near_duplicates:
        examples, _ = data.drop_near_duplicates(examples, data.dev_texts())
    if expert.folds is not None:
        return unseen.crossfitted(expert.folds, examples, config.folds_of, label_set)
    assert expert.policy is not None
    fresh = unseen.unseen(examples, expert.policy, label_set)
    kept = config.out / "logits"
    return fresh, unseen.logits(expert.policy, config.base, fresh, label_set, kept)


def from_expert(
    config: Config, expert: Expert, examples: Iterable[Example], logits: Logits
) -> list[Preference]:
    """Pairs of labelled reports; a report draws the same candidates whatever stands around it."""
    found = []
    for example, row in zip(examples, logits, strict=True):
        if data.UNKNOWN in example.answers:
            continue
        name = pairs.key(example.text)
        rng = np.random.default_rng([config.seed, int(name[:12], 16)])
        drawn = pairs.sample(row, config.temperature, config.samples, rng)
        for chosen, rejected, kind in pairs.ranked(
            example.answers, [example.answers, *drawn], config.costs, config.cap, rng
        ):
            found.append(
                Preference(
                    name,
                    example.id,
                    expert.reports.name,
                    chosen,
                    rejected,
                    EXPERT,
                    expert.weight,
                    kind,
                )
            )
    return found


def distinct(preferences: Iterable[Preference]) -> list[Preference]:
    """Each pair of a report once, the heaviest; pairs that contradict a heavier one are left out.

    A person's correction thus outweighs what another file says of the same text, given its weight.
    """
    heaviest = sorted(preferences, key=lambda p: -p.weight)
    known: dict[tuple[str, frozenset[pairs.Answers]], Preference] = {}
    for preference in heaviest:
        sides = frozenset((preference.chosen, preference.rejected))
        known.setdefault((preference.report, sides), preference)
    return list(known.values())


def show(read: Pairs, console: Console | None = None) -> None:
    """Print how many pairs there are, by source, set and kind of error."""
    found = read.preferences
    reports = len({preference.report for preference in found})
    table = Table(title=f"{len(found)} pairs of {reports} reports")
    for column in ("", "pairs", "reports", "weight"):
        table.add_column(column, justify="left" if not column else "right")
    groupings: dict[str, Callable[[Preference], Any]] = {
        "source": lambda p: p.source,
        "set": lambda p: p.origin,
        "error": lambda p: p.kind,
        "differing decisions": lambda p: _differing(p),
    }
    for title, group in groupings.items():
        table.add_section()
        groups = collections.defaultdict(list)
        for preference in found:
            groups[group(preference)].append(preference)
        for name in sorted(groups):
            own = groups[name]
            table.add_row(
                f"{title}: {name}",
                str(len(own)),
                str(len({p.report for p in own})),
                f"{sum(p.weight for p in own):.0f}",
            )
    (console or Console()).print(table)


def _differing(preference: Preference) -> str:
    sides = zip(preference.chosen, preference.rejected, strict=True)
    number = sum(a != b for a, b in sides)
    return str(number) if number < 4 else "4 or more"


def _expert(row: dict[str, Any]) -> Expert:
    folds, policy = row.get("folds"), row.get("policy")
    if (folds is None) == (policy is None):
        raise ValueError("each of experts needs either folds or a policy")
    unknown = row.keys() - {"reports", "folds", "policy", "weight"}
    if unknown or not row["weight"] > 0:
        raise ValueError(f"experts: unknown {sorted(unknown)}, or a weight that is not above 0")
    return Expert(
        SourceSpec(**row["reports"]),
        Path(folds) if folds else None,
        Path(policy) if policy else None,
        float(row["weight"]),
    )


if __name__ == "__main__":
    main()

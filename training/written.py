"""Reports written for this project, item by item, each item with what it says of the findings.

    python -m training.written training/written/*.txt

A file holds reports parted by blank lines. A line `text | codes` is one item; `= codes` overrides
the report's labels; `# …` is a comment. A code is a finding's short name and `+` positive,
`-` negative, `?` uncertain or `0` not mentioned. A report's label for a finding is the strongest of
its items': positive before uncertain before negative (labelling guide, "One mention wins").
"""

from __future__ import annotations

import argparse
import collections
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from chexdesk.labels import CERTAINTIES, Certainty, LabelSet, chexpert14

SIGNS: Final = {
    "+": Certainty.POSITIVE,
    "-": Certainty.NEGATIVE,
    "?": Certainty.UNCERTAIN,
    "0": Certainty.NOT_MENTIONED,
}
STRENGTH: Final = (Certainty.POSITIVE, Certainty.UNCERTAIN, Certainty.NEGATIVE)
FOLDER: Final = Path(__file__).parent / "written"


@dataclass(frozen=True)
class Item:
    """One line of a report, and the certainties that it alone gives (by finding name)."""

    text: str
    says: Mapping[str, Certainty]


@dataclass(frozen=True)
class WrittenReport:
    """A report as written. `overrides` hold where the merged items would be wrong."""

    id: str
    items: tuple[Item, ...]
    overrides: Mapping[str, Certainty]

    @property
    def text(self) -> str:
        """The report's text, an item a line."""
        return "\n".join(item.text for item in self.items)

    def certainties(self, label_set: LabelSet) -> tuple[Certainty, ...]:
        """One certainty for each finding, in label order."""
        return merge(label_set, self.items, self.overrides)

    def answers(self, label_set: LabelSet) -> tuple[int, ...]:
        """The same as indices into `CERTAINTIES`."""
        return tuple(CERTAINTIES.index(c) for c in self.certainties(label_set))


def merge(
    label_set: LabelSet, items: Iterable[Item], overrides: Mapping[str, Certainty] | None = None
) -> tuple[Certainty, ...]:
    """The certainties of a report made of these items, in label order."""
    said: dict[str, set[Certainty]] = collections.defaultdict(set)
    for item in items:
        for name, certainty in item.says.items():
            said[name].add(certainty)
    found = []
    for name in label_set.names:
        strongest = next((c for c in STRENGTH if c in said[name]), Certainty.NOT_MENTIONED)
        found.append((overrides or {}).get(name, strongest))
    return tuple(found)


def read(path: Path, label_set: LabelSet | None = None) -> list[WrittenReport]:
    """All reports of a file; their ids are the file's name and a hash of the text.

    Raises:
        ValueError: a line has no bar or an unknown code; the message names file and line.
    """
    label_set = label_set or chexpert14()
    found: list[WrittenReport] = []
    items: list[Item] = []
    overrides: dict[str, Certainty] = {}

    def close() -> None:
        if items:
            text = "\n".join(item.text for item in items)
            key = hashlib.sha256(text.encode()).hexdigest()[:10]
            found.append(WrittenReport(f"{path.stem}-{key}", tuple(items), dict(overrides)))
        items.clear()
        overrides.clear()

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            close()
            continue
        try:
            if line.startswith("="):
                overrides |= codes(line[1:], label_set)
                continue
            text, bar, said = line.rpartition("|")
            if not bar or not text.strip():
                raise ValueError("no text before a bar")
            items.append(Item(text.strip(), codes(said, label_set)))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from error
    close()
    return found


def codes(written: str, label_set: LabelSet) -> dict[str, Certainty]:
    """`LO+ At?` as certainties by finding name.

    Raises:
        ValueError: no such code, a finding twice, or a certainty that it cannot have.
    """
    names = short_names()
    found: dict[str, Certainty] = {}
    for code in written.split():
        short, sign = code[:-1], code[-1]
        if short not in names or sign not in SIGNS:
            raise ValueError(f"no code {code!r}")
        name, certainty = names[short], SIGNS[sign]
        label_set.index(name)
        if name in found:
            raise ValueError(f"{short} twice in one item")
        if name == label_set.no_finding and sign in "-?":
            raise ValueError(f"{code!r} cannot be")
        found[name] = certainty
    return found


@functools.cache
def short_names() -> dict[str, str]:
    """Findings by the short names that the files use."""
    names: dict[str, str] = yaml.safe_load((FOLDER / "codes.yaml").read_text(encoding="utf-8"))
    return names


def main() -> None:
    """Check files and print what they hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    label_set = chexpert14()
    reports = [r for path in parser.parse_args().files for r in read(path, label_set)]
    words = sum(len(re.findall(r"\S+", report.text)) for report in reports)
    items = sum(len(report.items) for report in reports)
    print(f"{len(reports)} reports, {items} items, {words / max(len(reports), 1):.0f} words each")
    table = [report.certainties(label_set) for report in reports]
    for short, name in short_names().items():
        counts = collections.Counter(row[label_set.index(name)] for row in table)
        print(f"{short:5}", " ".join(f"{sign} {counts[c]:4}" for sign, c in SIGNS.items()))
    for report in reports:
        _doubt(report, label_set)


def _doubt(report: WrittenReport, label_set: LabelSet) -> None:
    """Print labels that contradict the definition of "nothing found"."""
    found = dict(zip(label_set.names, report.certainties(label_set), strict=True))
    nothing = label_set.no_finding
    if nothing is None or found[nothing] is not Certainty.POSITIVE:
        return
    others = {n: c for n, c in found.items() if n not in (nothing, *label_set.beside_no_finding)}
    if any(c in (Certainty.POSITIVE, Certainty.UNCERTAIN) for c in others.values()):
        print(f"{report.id}: {nothing} beside a finding that is positive or uncertain")


if __name__ == "__main__":
    main()

"""Labelled reports for training, and the rules of which may be used for what.

Real reports are read from `../shared/eval` and never copied; see its README for each file's use.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chexdesk.labeling import wire
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.sections import Section, SectionKind, choose_sections
from training import written

#: An answer that is not known: no decision is trained on it.
UNKNOWN: Final = -100

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"


@dataclass(frozen=True)
class Example:
    """One labelled report.

    Attributes:
        source: `feedback`, `openi`, `written`, or the name of a gold file.
        text: what the model reads (`wire.report_text`), not the raw report.
        answers: one index into `CERTAINTIES` for each finding of the label set, or `UNKNOWN`.
    """

    id: str
    source: str
    text: str
    answers: tuple[int, ...]


@dataclass(frozen=True)
class SourceSpec:
    """How much of one source an epoch holds.

    Attributes:
        path: a gold JSONL file, or written reports (`training/written/*.txt`, a pattern); names
            without a folder are looked up in `../shared/eval`.
        split: keep only lines whose `split` is this, where given.
        repeat: how many times each report stands in an epoch.
        part: share of the reports that is kept, by a hash of the id.
        normals: share of the reports with No Finding positive that is kept, by a hash of the id.
        recombined: new reports made from the items of the training ones, in an epoch.
        pairs: reports in an epoch that are made as minimal pairs (`training.pairs`), with items of
            the training ones around.
    """

    name: str
    path: str
    split: str | None = None
    repeat: int = 1
    part: float = 1.0
    normals: float = 1.0
    recombined: int = 0
    pairs: int = 0


def read(spec: SourceSpec, label_set: LabelSet) -> list[Example]:
    """All examples of a source, once each.

    Raises:
        FileNotFoundError: the file is absent (on a machine without `../shared`).
        ValueError: a line is no labelled report; the message names file and line.
    """
    return [example for example in _read(spec, label_set) if _kept(example, spec, label_set)]


def raw_texts(spec: SourceSpec) -> dict[str, str]:
    """The whole texts of a gold file's reports by id, in the order of `read`.

    Raises:
        FileNotFoundError: the file is absent.
    """
    rows = (json.loads(line) for line in _lines(_path(spec)))
    kept = (row for row in rows if spec.split is None or row.get("split") == spec.split)
    return {str(row.get("uid", row.get("id"))): str(row["text"]) for row in kept}


def written_files(spec: SourceSpec) -> list[Path]:
    """The files of written reports that a source names; none where it is a gold file."""
    if not spec.path.endswith(".txt"):
        return []
    pattern = Path(spec.path)
    return sorted(pattern.parent.glob(pattern.name))


def _kept(example: Example, spec: SourceSpec, label_set: LabelSet) -> bool:
    if share(f"part:{example.id}") >= spec.part:
        return False
    return not is_normal(example, label_set) or share(f"normal:{example.id}") < spec.normals


def _read(spec: SourceSpec, label_set: LabelSet) -> list[Example]:
    files = written_files(spec)
    if files:
        reports = [report for file in files for report in written.read(file, label_set)]
        return [Example(r.id, spec.name, model_text(r.text), r.answers(label_set)) for r in reports]
    path = _path(spec)
    found = []
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            if spec.split is not None and row.get("split") != spec.split:
                continue
            key = str(row.get("uid", row.get("id")))
            answers = tuple(_answers(row["labels"], label_set))
            text = _text_with_quotes(row)
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: not a labelled report ({error})") from error
        found.append(Example(key, spec.name, text, answers))
    return found


def _path(spec: SourceSpec) -> Path:
    path = Path(spec.path) if "/" in spec.path else EVAL / spec.path
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; training data lies in ../shared/eval")
    return path


def share(key: str) -> float:
    """A number in [0, 1) that depends on the key alone: splits stay the same as files grow."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def fold(key: str, of: int) -> int:
    """Which of `of` cross-validation folds a report belongs to, by a hash of its id."""
    return int(share(f"fold:{key}") * of)


def split_held_out(examples: Iterable[Example], part: float) -> tuple[list[Example], list[Example]]:
    """Training and held-out examples; the held-out `part` of each source, by a hash of the id."""
    train: list[Example] = []
    held: list[Example] = []
    for example in examples:
        key = share(f"held-out:{example.source}:{example.id}")
        (held if key < part else train).append(example)
    return train, held


def drop_near_duplicates(
    examples: Iterable[Example], others: Iterable[str], *, size: int = 5, overlap: float = 0.8
) -> tuple[list[Example], list[Example]]:
    """Kept and dropped examples: dropped are those all but equal to one of the other texts.

    Texts are compared by the Jaccard overlap of their word n-grams of `size` words; texts shorter
    than that by equality. The other texts are used for nothing else.
    """
    grams: dict[str, set[int]] = {}
    sets: list[frozenset[str]] = []
    for number, text in enumerate(others):
        own = _grams(text, size)
        sets.append(own)
        for gram in own:
            grams.setdefault(gram, set()).add(number)
    kept: list[Example] = []
    dropped: list[Example] = []
    for example in examples:
        own = _grams(example.text, size)
        near = {number for gram in own for number in grams.get(gram, ())}
        close = any(len(own & sets[n]) >= overlap * len(own | sets[n]) for n in near)
        (dropped if close else kept).append(example)
    return kept, dropped


def dev_texts() -> Iterator[str]:
    """The texts of `dev`, for the removal of near-duplicates only."""
    for line in _lines(EVAL / "stanford_open.jsonl"):
        row = json.loads(line)
        if row["split"] == "dev":
            yield model_text(row["text"])


def model_text(text: str) -> str:
    """What the model reads of a raw report, as the app would show it."""
    return wire.report_text(text, choose_sections(text))


def _lines(path: Path) -> Iterator[str]:
    """JSON lines; a text in one may hold any other line separator of Unicode."""
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from (line for line in file if line.strip())


def _grams(text: str, size: int) -> frozenset[str]:
    words = re.findall(r"[a-z]+", text.lower())
    if len(words) <= size:
        return frozenset([" ".join(words)])
    return frozenset(" ".join(words[i : i + size]) for i in range(len(words) - size + 1))


def _answers(labels: Any, label_set: LabelSet) -> Iterator[int]:
    for place, name in enumerate(label_set.names):
        value = labels[place] if isinstance(labels, list) else labels.get(name)
        if isinstance(value, list):
            value = value[0]
        if isinstance(value, str):
            certainty = Certainty.from_json_name(value)
        else:
            certainty = Certainty.from_number(value)
        yield CERTAINTIES.index(certainty)


def _text_with_quotes(row: dict[str, Any]) -> str:
    """The chosen sections; the whole text where the parser would hide a quoted finding.

    A label whose words the model cannot see teaches it to guess.
    """
    text: str = row["text"]
    sections = choose_sections(text)
    shown = [text[s.start : s.end] for s in sections]
    labels = row["labels"]
    if isinstance(labels, dict):
        quotes = [v[1] for v in labels.values() if isinstance(v, list) and v[1]]
        if any(not any(quote in part for part in shown) for quote in quotes):
            sections = [Section(SectionKind.BODY, "", 0, len(text))]
    return wire.report_text(text, sections)


def is_normal(example: Example, label_set: LabelSet) -> bool:
    """Whether a report is labelled as having nothing to find."""
    if label_set.no_finding is None:
        return False
    answer = example.answers[label_set.index(label_set.no_finding)]
    return CERTAINTIES[answer] is Certainty.POSITIVE

"""New reports from the items of labelled ones.

A report is a list of items that mostly stand on their own. Where the items' own readings merge
exactly into the report's labels, each item carries its labels, and items of several reports make
new reports whose labels are known. That breaks what a small model leans on otherwise: that findings
come together.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chexdesk.labeling import wire
from chexdesk.labeling.context import ContextEngine, default_engine
from chexdesk.labeling.rules import aggregate
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.sections import Section, SectionKind
from training.data import Example
from training.written import Item, WrittenReport, merge

_NUMBER: Final = re.compile(r"(?:^|(?<=\s))\d{1,2}\s?[.)]\s*(?=[a-z\[])")
_SENTENCE: Final = re.compile(r"(?<=[a-z\])][.])\s+(?=[a-z\[])")
_SIZES: Final = ((1, 0.08), (2, 0.24), (3, 0.32), (4, 0.2), (5, 0.16))
_NORMAL: Final = 0.14
_FROM_NORMAL: Final = 0.25
_PRESENT: Final = (Certainty.POSITIVE, Certainty.UNCERTAIN)


@dataclass(frozen=True)
class Parts:
    """A labelled report, taken apart.

    Attributes:
        normal: whether the report as a whole says that nothing was found.
    """

    items: tuple[Item, ...]
    normal: bool


def from_written(report: WrittenReport, label_set: LabelSet) -> Parts | None:
    """A written report's items; None where its labels are more than its items say."""
    nothing = label_set.no_finding
    if any(name != nothing for name in report.overrides):
        return None
    items = tuple(Item(_unnumbered(i.text), _without(i.says, nothing)) for i in report.items)
    found = dict(zip(label_set.names, report.certainties(label_set), strict=True))
    return Parts(items, nothing is not None and found[nothing] is Certainty.POSITIVE)


def from_example(
    example: Example, label_set: LabelSet, engine: ContextEngine | None = None
) -> Parts | None:
    """A labelled report's items, each read by the rule engine.

    None where those readings do not merge into exactly the report's labels: then it is unknown
    which item says what.
    """
    engine = engine or default_engine()
    nothing = label_set.no_finding
    numbered = _NUMBER.split(example.text)
    texts = numbered if len(numbered) > 1 else _SENTENCE.split(example.text)
    items = []
    for text in (_unnumbered(part.strip()) for part in texts):
        if text:
            reading = engine.read(text, [Section(SectionKind.BODY, "", 0, len(text))])
            said = dict(zip(label_set.names, aggregate(reading, label_set), strict=True))
            said = {n: c for n, c in said.items() if c is not Certainty.NOT_MENTIONED}
            items.append(Item(text, _without(said, nothing)))
    gold = dict(
        zip(label_set.names, (CERTAINTIES[answer] for answer in example.answers), strict=True)
    )
    merged = dict(zip(label_set.names, merge(label_set, items), strict=True))
    if any(merged[name] is not gold[name] for name in label_set.names if name != nothing):
        return None
    return Parts(tuple(items), nothing is not None and gold[nothing] is Certainty.POSITIVE)


def recombine(
    parts: Sequence[Parts], count: int, seed: int, label_set: LabelSet, source: str
) -> list[Example]:
    """New labelled reports.

    No two items of one report speak of the same finding, so that none contradicts another. A report
    is normal only if all its items come from normal reports. What would be neither is not made.

    Args:
        parts: reports of at least two kinds, normal and not.
        count: how many. seed: the same parts and seed give the same reports.
    """
    rng = random.Random(seed)
    normal = [item for part in parts if part.normal for item in part.items]
    other = [item for part in parts if not part.normal for item in part.items]
    made: list[Example] = []
    while len(made) < count:
        is_normal = bool(normal) and rng.random() < _NORMAL
        size = rng.choices(*zip(*_SIZES, strict=True))[0]
        items = _draw(rng, normal if is_normal else other, normal, size, is_normal)
        said = merge(label_set, items)
        found = dict(zip(label_set.names, said, strict=True))
        aside = {label_set.no_finding, *label_set.beside_no_finding}
        present = any(c in _PRESENT for name, c in found.items() if name not in aside)
        if present == is_normal or not any(item.says for item in items):
            continue
        if label_set.no_finding is not None and is_normal:
            found[label_set.no_finding] = Certainty.POSITIVE
        text = wire.normalize(join(_number(rng, len(items)), [item.text for item in items]))
        answers = tuple(CERTAINTIES.index(found[name]) for name in label_set.names)
        made.append(Example(f"{source}-recombined-{seed}-{len(made)}", source, text, answers))
    return made


def _draw(
    rng: random.Random, pool: Sequence[Item], normal: Sequence[Item], size: int, is_normal: bool
) -> list[Item]:
    chosen: list[Item] = []
    spoken: set[str] = set()
    for _ in range(4 * size):
        from_normal = not is_normal and chosen and normal and rng.random() < _FROM_NORMAL
        item = rng.choice(normal if from_normal else pool)
        # A verdict ("no acute disease") would contradict what else the report says.
        if from_normal and not item.says:
            continue
        if not spoken & item.says.keys() and item not in chosen:
            chosen.append(item)
            spoken |= item.says.keys()
        if len(chosen) == size:
            break
    rng.shuffle(chosen)
    return chosen


def _number(rng: random.Random, items: int) -> str:
    number = rng.choice(["{}. ", "{}. ", "{}.", "{}.", "", "{}) "])
    return "" if items == 1 and rng.random() < 0.7 else number


def join(number: str, texts: Sequence[str]) -> str:
    """Items as a report, each on its line behind its number, as in `{}. `, where there is one."""
    ended = [t if t.endswith((".", "?", "!")) else t + "." for t in texts]
    return "\n".join(number.format(place) + text for place, text in enumerate(ended, 1))


def _unnumbered(text: str) -> str:
    return re.sub(r"^(?:\d{1,2}\s?[.)]|findings:|impression:)\s*", "", text)


def _without(says: Mapping[str, Certainty], name: str | None) -> dict[str, Certainty]:
    return {n: c for n, c in says.items() if n != name}

"""Minimal pairs: two reports that differ only in the words that decide one finding.

Frames and phrases are in `training/written/pairs.yaml`; around each sentence stand items of the
reports given. A model that leans on what findings usually come together, and not on the deciding
words, gets one report of each pair wrong.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from chexdesk.labeling import wire
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from training import written
from training.data import UNKNOWN, Example
from training.recombine import Parts, join
from training.written import Item, merge

SOURCE: Final = written.FOLDER / "pairs.yaml"
#: How often a sentence stands between 0, 1, 2 or 3 items of other reports.
_AROUND: Final = ((0, 0.3), (1, 0.3), (2, 0.25), (3, 0.15))
_KINDS: Final = (("single", 0.4), ("own", 0.2), ("shadow", 0.12), ("double", 0.28))
_PRESENT: Final = (Certainty.POSITIVE, Certainty.UNCERTAIN)


def make(
    parts: Sequence[Parts], count: int, seed: int, label_set: LabelSet, source: str
) -> list[Example]:
    """New labelled reports, the two of a pair side by side.

    Whether a report without a positive or uncertain finding is normal as a whole is not known from
    its items: there, No Finding is `UNKNOWN`, and trained on in neither way.

    Args:
        parts: reports whose items may stand around the deciding sentence.
        count: how many reports, two for each pair. seed: the same input gives the same reports.
    """
    rng = random.Random(seed)
    pool = [item for part in parts if not part.normal for item in part.items if item.says]
    made: list[Example] = []
    while len(made) < count:
        items = sentences(rng, label_set)
        around = _around(rng, pool, {name for item in items for name in item.says})
        place = rng.randint(0, len(around))
        number = rng.choice(["{}. ", "{}. ", "{}.", "", ""])
        for item in items:
            whole = [*around[:place], item, *around[place:]]
            text = wire.normalize(join(number, [part.text for part in whole]))
            key = f"{source}-pair-{seed}-{len(made)}"
            made.append(Example(key, source, text, _answers(whole, label_set)))
    return made[:count]


def sentences(rng: random.Random, label_set: LabelSet) -> tuple[Item, Item]:
    """Two sentences on the same finding, or two findings, whose certainties differ."""
    kinds, weights = zip(*_KINDS, strict=True)
    match rng.choices(kinds, weights)[0]:
        case "own":
            short = rng.choice(sorted(_frames()["own"]))
            family = rng.choice(_frames()["own"][short])
            return _two(rng, family, {}, short, "", label_set)
        case "shadow":
            shadow = _frames()["shadow"]
            short = rng.choice(shadow["findings"])
            family, site = rng.choice(shadow["frames"]), rng.choice(_frames()["sites"])
            words = _words(rng, short) | {"site": site}
            return _two(rng, family, words, short, shadow["also"], label_set)
        case "double":
            return _two_findings(rng, label_set)
        case _:
            short = rng.choice(sorted(_frames()["phrases"]))
            family = rng.choice(_frames()["single"])
            return _two(rng, family, _words(rng, short), short, "", label_set)


def every(label_set: LabelSet) -> list[str]:
    """All sentences about one finding, and some thousand about two, for comparison with tests."""
    frames = _frames()
    texts = [text for families in frames["own"].values() for f in families for text in f.values()]
    for short, phrases in frames["phrases"].items():
        families = list(frames["single"])
        families += frames["shadow"]["frames"] if short in frames["shadow"]["findings"] else []
        for text in (text for family in families for text in family.values()):
            for phrase, site in itertools.product(phrases, frames["sites"]):
                texts.append(_fill(text, _agreeing(phrase) | {"site": site}))
    rng = random.Random(0)
    texts += [item.text for _ in range(4000) for item in _two_findings(rng, label_set)]
    return sorted(set(texts))


@functools.cache
def _frames() -> dict[str, Any]:
    frames: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return frames


def _two(
    rng: random.Random,
    family: Mapping[str, str],
    words: Mapping[str, str],
    short: str,
    also: str,
    label_set: LabelSet,
) -> tuple[Item, Item]:
    first, second = rng.sample(sorted(family), 2)
    return (
        _item(family[first], words, f"{short}{first} {also}", label_set),
        _item(family[second], words, f"{short}{second} {also}", label_set),
    )


def _two_findings(rng: random.Random, label_set: LabelSet) -> tuple[Item, Item]:
    x, y = rng.sample(sorted(_frames()["phrases"]), 2)
    second_words = {f"y_{key}": word for key, word in _words(rng, y).items()}
    words = _words(rng, x) | second_words | {"y": second_words["y_x"]}
    while True:
        first, second = rng.sample(_frames()["double"], 2)
        if first[1:] != second[1:]:
            break
    return (
        _item(first[0], words, f"{x}{first[1]} {y}{first[2]}", label_set),
        _item(second[0], words, f"{x}{second[1]} {y}{second[2]}", label_set),
    )


def _words(rng: random.Random, short: str) -> dict[str, str]:
    return _agreeing(rng.choice(_frames()["phrases"][short]))


def _agreeing(phrase: str) -> dict[str, str]:
    verbs = ("are", "have", "were", "") if phrase.startswith("*") else ("is", "has", "was", "s")
    forms = zip(("is", "has", "was", "s"), verbs, strict=True)
    return {"x": phrase.lstrip("*")} | dict(forms)


def _item(frame: str, words: Mapping[str, str], codes: str, label_set: LabelSet) -> Item:
    return Item(_fill(frame, words), written.codes(codes, label_set))


def _fill(frame: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: words[found[1]], frame)


def _around(rng: random.Random, pool: Sequence[Item], spoken: set[str]) -> list[Item]:
    sizes, weights = zip(*_AROUND, strict=True)
    wanted = rng.choices(sizes, weights)[0]
    chosen: list[Item] = []
    spoken = set(spoken)
    for item in rng.sample(list(pool), min(len(pool), 6 * wanted)):
        if len(chosen) < wanted and not spoken & item.says.keys():
            chosen.append(item)
            spoken |= item.says.keys()
    return chosen


def _answers(items: Sequence[Item], label_set: LabelSet) -> tuple[int, ...]:
    said = dict(zip(label_set.names, merge(label_set, items), strict=True))
    answers = [CERTAINTIES.index(said[name]) for name in label_set.names]
    nothing = label_set.no_finding
    aside = {nothing, *label_set.beside_no_finding}
    if nothing and not any(c in _PRESENT for name, c in said.items() if name not in aside):
        answers[label_set.index(nothing)] = UNKNOWN
    return tuple(answers)

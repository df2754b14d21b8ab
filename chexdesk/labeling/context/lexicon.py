"""Read a lexicon file: entries by role, each with what it means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import yaml

from chexdesk.labeling.context.phrases import Trie, expand
from chexdesk.labels import Certainty, LabelSet

# CSafeLoader reads the file several times faster; a build without libyaml has only the other.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Role(Enum):
    """What an entry does in a sentence."""

    MENTION = "mention"
    ORGAN = "organ"
    STATE = "state"
    CUE = "cue"
    TERMINATOR = "terminator"
    SKIP = "skip"


class Kind(Enum):
    """What a mention is of; see the lexicon's own words on each."""

    SIGN = "sign"
    DIAGNOSIS = "diagnosis"
    DEVICE = "device"
    ALTERNATIVE = "alternative"
    DENIED_VERDICT = "denied_verdict"
    STATED_VERDICT = "stated_verdict"


class Sense(Enum):
    """What a cue or state says: a certainty, that normality is left open, or not to listen."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    OPEN = "open"
    IGNORED = "ignored"

    @property
    def certainty(self) -> Certainty:
        """The certainty shown for it; what is left open is uncertain."""
        return Certainty.UNCERTAIN if self is Sense.OPEN else Certainty(self.value)


@dataclass(frozen=True, eq=False)
class Entry:
    """One entry of the lexicon; a field that its role does not use keeps its default.

    Attributes:
        findings: names of the findings that a mention or organ speaks of.
        sense: of a cue or state; of a mention that stands without a cue.
        fixed: no cue changes the mention's sense.
        weighs: "disease", "incidental" or "": what it is to the verdict that nothing was found.
        explains: offered as a possibility, it casts doubt on the mention before it.
        readings: what a state means for this organ where it is not the state's own sense.
        forward, backward: where a cue reaches.
        either: a cue goes forward where a mention follows in its clause, else backward.
        target: "any", "finding" or "device": which mentions a cue reaches.
        listed: a forward cue ends with the list it begins, not with the clause.
        within: most words between a cue and the first mention it reaches.
        spares: kinds of mention that the cue does not reach backward.
        yields: the cue leaves an earlier denial or doubt standing.
        stops_all: a terminator ends every cue, not only denials.
        step_back: only the first word of a terminator is consumed.
    """

    role: Role
    findings: tuple[str, ...] = ()
    kind: Kind = Kind.ALTERNATIVE
    sense: Sense = Sense.POSITIVE
    fixed: bool = False
    weighs: str = ""
    explains: bool = False
    readings: Mapping[Sense, Sense | None] | None = None
    forward: bool = False
    backward: bool = False
    either: bool = False
    target: str = "any"
    listed: bool = False
    within: int = 1000
    spares: frozenset[Kind] = frozenset()
    yields: bool = False
    stops_all: bool = True
    step_back: bool = False


@dataclass(frozen=True)
class Lexicon:
    """A lexicon, ready for use.

    Attributes:
        sha256: of the file's bytes.
        keywords: for each finding, words that speak of it without being a mention.
        aside: findings that do not count against "nothing was found".
    """

    name: str
    version: str
    sha256: str
    trie: Trie[Entry]
    entries: tuple[Entry, ...]
    keywords: Mapping[str, tuple[str, ...]]
    aside: frozenset[str]


def load(path: Path, label_set: LabelSet) -> Lexicon:
    """Read a lexicon for a label set.

    Raises:
        ValueError: the file is no lexicon, or an entry is malformed, names an unknown finding or
            claims a phrase of another; the message names the file and the place.
    """
    raw = path.read_bytes()
    try:
        data: dict[str, Any] = yaml.load(raw, Loader=_LOADER)
        parts = {str(name): str(value) for name, value in data["parts"].items()}
        trie: Trie[Entry] = Trie()
        entries = []
        for entry, phrases in _entries(data, label_set):
            entries.append(entry)
            for phrase in phrases:
                for words in expand(str(phrase), parts):
                    trie.add(words, entry)
        keywords = {
            _known(name, label_set): tuple(str(w) for w in words)
            for name, words in data["keywords"].items()
        }
        aside = frozenset(_known(n, label_set) for n in data["aside_for_no_finding"])
        return Lexicon(
            name=str(data["name"]),
            version=str(data["version"]),
            sha256=hashlib.sha256(raw).hexdigest(),
            trie=trie,
            entries=tuple(entries),
            keywords=keywords,
            aside=aside,
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a lexicon ({error})") from error


def _known(name: str, label_set: LabelSet) -> str:
    return label_set.names[label_set.index(name)]


def _entries(data: dict[str, Any], label_set: LabelSet) -> list[tuple[Entry, list[str]]]:
    found: list[tuple[Entry, list[str]]] = []

    def names(item: dict[str, Any]) -> tuple[str, ...]:
        return tuple(_known(name, label_set) for name in item["finding"])

    for item in data["mentions"]:
        entry = Entry(
            Role.MENTION,
            names(item),
            kind=Kind(item["kind"]),
            sense=Sense(item.get("certainty", "positive")),
            fixed=bool(item.get("fixed", False)),
            weighs=str(item.get("weighs", "")),
            explains=bool(item.get("explains", False)),
        )
        found.append((entry, item["phrases"]))
    if label_set.no_finding is not None:
        for kind, key in ((Kind.DENIED_VERDICT, "denied"), (Kind.STATED_VERDICT, "stated")):
            entry = Entry(Role.MENTION, (label_set.no_finding,), kind=kind)
            found.append((entry, data["verdicts"][key]))
    for item in data["organs"]:
        readings = {
            Sense(state): None if reading is None else Sense(reading)
            for state, reading in item.get("readings", {}).items()
        }
        found.append((Entry(Role.ORGAN, names(item), readings=readings), item["phrases"]))
    for item in data["states"]:
        found.append((Entry(Role.STATE, sense=Sense(item["certainty"])), item["phrases"]))
    for item in data["cues"]:
        entry = Entry(
            Role.CUE,
            sense=Sense(item["certainty"]),
            forward=item["scope"] in ("forward", "both", "either"),
            backward=item["scope"] in ("backward", "both", "either"),
            either=item["scope"] == "either",
            target=str(item["for"]),
            listed=item.get("reach") == "list",
            within=int(item.get("within", 1000)),
            spares=frozenset(Kind(kind) for kind in item.get("spares", [])),
            yields=bool(item.get("yields", False)),
        )
        found.append((entry, item["phrases"]))
    for item in data["terminators"]:
        entry = Entry(
            Role.TERMINATOR,
            stops_all=item["stops"] == "any",
            step_back=bool(item.get("step_back", False)),
        )
        found.append((entry, item["phrases"]))
    found.append((Entry(Role.SKIP), data["skips"]))
    return found

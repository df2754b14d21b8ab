"""What each cue of a sentence reaches: ConText's scopes, lists and terminators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chexdesk.labeling.context.lexicon import Entry, Kind, Role, Sense
from chexdesk.labeling.context.phrases import Trie

_LINKS: Final = frozenset({",", "and", "or", "nor", "/", "versus", "vs", "&", "plus", "and/or"})
_STRONG_LINKS: Final = _LINKS - {","}
_CHOICES: Final = frozenset({"or", "/"})
_NO_LINK: Final = frozenset({"with", "without", "(", ")", ":", "--", "is", "are", "was", "were"})
_ATTACHING: Final = frozenset({"of", "in", "from", "at", "by", "to", "for", "on", "along"})
# The most words between two items of one list ("… or a small left apical …").
_LIST_GAP: Final = 8
_CHOICE_GAP: Final = 6
# A soft word this close to a doubt belongs to it ("possibly representing").
_YIELD_GAP: Final = 2
_CHOICE: Final = Entry(Role.CUE, sense=Sense.UNCERTAIN)
_WEAKER: Final = frozenset({Sense.UNCERTAIN, Sense.IGNORED})
_DENIALS: Final = frozenset({Sense.NEGATIVE, Sense.OPEN, Sense.IGNORED})


@dataclass(frozen=True)
class Hit:
    """A phrase found: its entry and its words, from `first` up to but not including `stop`."""

    entry: Entry
    first: int
    stop: int


def find_hits(words: list[str], trie: Trie[Entry]) -> list[Hit]:
    """All phrases of a sentence, longest first at each word, without overlap."""
    hits: list[Hit] = []
    at = 0
    while at < len(words):
        found = trie.longest(words, at)
        if found is None:
            at += 1
            continue
        stop, entry = found
        hits.append(Hit(entry, at, stop))
        at = at + 1 if entry.step_back else stop
    return hits


def rulings(words: Sequence[str], hits: Sequence[Hit]) -> list[Hit | None]:
    """For each hit, the cue that decides it, or None."""
    ruled: list[Hit | None] = [None] * len(hits)
    goes_back = _rule_forward(words, hits, ruled)
    for place in goes_back:
        _rule_backward(words, hits, ruled, place)
    _rule_choices(words, hits, ruled)
    _rule_explained(hits, ruled)
    return ruled


def linked(words: Sequence[str], first: int, stop: int, links: frozenset[str] = _LINKS) -> bool:
    """Whether the words between two mentions join them in one list."""
    between = words[first:stop]
    if len(between) > _LIST_GAP or not links.intersection(between):
        return False
    return not _NO_LINK.intersection(between)


def _reaches(cue: Entry, hit: Hit) -> bool:
    if cue.target == "any" or hit.entry.role is not Role.MENTION:
        return True
    return (hit.entry.kind is Kind.DEVICE) == (cue.target == "device")


def _rule_forward(words: Sequence[str], hits: Sequence[Hit], ruled: list[Hit | None]) -> list[int]:
    """Fill in what forward cues reach; the places of the cues that go backward."""
    goes_back: list[int] = []
    active: Hit | None = None
    reached: Hit | None = None
    for place, hit in enumerate(hits):
        entry = hit.entry
        if entry.role is Role.CUE:
            forward = entry.forward and not (entry.either and not _followed(words, hits, place))
            if entry.backward and not (entry.either and forward):
                goes_back.append(place)
            if forward and not (active and _stands(active, hit, reached)):
                active, reached = hit, None
        elif entry.role is Role.TERMINATOR:
            if active and (entry.stops_all or active.entry.sense in _DENIALS):
                active = None
        elif active is not None and entry.role is not Role.SKIP and _reaches(active.entry, hit):
            if reached is None:
                reach = hit.first - active.stop <= active.entry.within
            else:
                beside = hit.first == reached.stop
                reach = not active.entry.listed or beside or linked(words, reached.stop, hit.first)
            if reach:
                ruled[place] = active
                reached = hit if entry.role is Role.MENTION else reached
            elif entry.role is Role.MENTION and not _attached(words, reached, hit):
                active = None
    return goes_back


def _attached(words: Sequence[str], reached: Hit | None, hit: Hit) -> bool:
    """Whether a mention hangs on the one before it ("an artifact of overlying leads, or …")."""
    return reached is not None and bool(
        _ATTACHING.intersection(words[reached.stop : min(hit.first, reached.stop + 2)])
    )


def _stands(active: Hit, new: Hit, reached: Hit | None) -> bool:
    """Whether a new forward cue leaves the one before it in force."""
    if active.entry.sense in _DENIALS:
        if new.entry.sense is Sense.NEGATIVE or new.entry.sense is Sense.IGNORED:
            return False
        near = new.first - active.stop <= 1 and reached is None
        return new.entry.yields or near
    near = new.first - active.stop <= _YIELD_GAP and reached is None
    return active.entry.sense is Sense.UNCERTAIN and new.entry.sense is Sense.POSITIVE and near


def _followed(words: Sequence[str], hits: Sequence[Hit], place: int) -> bool:
    """Whether a mention follows a cue closely enough to be what it speaks of."""
    cue = hits[place]
    if cue.first > 0 and words[cue.first - 1] in ("is", "are", "both", "remains", "also"):
        before = any(h.entry.role is Role.MENTION for h in hits[:place])
        if before:
            return False
    for hit in hits[place + 1 :]:
        if hit.first - cue.stop > cue.entry.within or hit.entry.role is Role.TERMINATOR:
            return False
        grows = hit.entry.role is Role.STATE and hit.entry.sense is Sense.POSITIVE
        if grows or hit.entry.role in (Role.MENTION, Role.ORGAN):
            return not _LINKS.intersection(words[cue.stop : hit.first])
    return False


def _rule_backward(
    words: Sequence[str], hits: Sequence[Hit], ruled: list[Hit | None], place: int
) -> None:
    cue = hits[place]
    last: Hit | None = None
    firm = words[cue.first] in _STRONG_LINKS
    for before in range(place - 1, -1, -1):
        hit = hits[before]
        if hit.entry.role is Role.TERMINATOR and hit.entry.stops_all:
            return
        if last is None and _enlarges(hit, cue):
            ruled[before] = cue
            return
        if hit.entry.role is not Role.MENTION or not _reaches(cue.entry, hit):
            continue
        if hit.entry.kind in cue.entry.spares:
            return
        if last is None:
            if cue.first - hit.stop > cue.entry.within:
                return
        else:
            touching = hit.stop == last.first and hit.entry is last.entry
            strong = touching or linked(words, hit.stop, last.first, _STRONG_LINKS)
            if not (strong or (firm and linked(words, hit.stop, last.first))):
                return
            if hit.entry.kind is Kind.SIGN and last.entry.kind is not Kind.SIGN and not strong:
                return
            firm = True
        if _yields_to(ruled[before], cue):
            ruled[before] = cue
        last = hit


def _enlarges(hit: Hit, cue: Hit) -> bool:
    """Whether a state is one that a doubt said after it weakens ("enlargement … questionable")."""
    grown = hit.entry.role is Role.STATE and hit.entry.sense is Sense.POSITIVE
    return grown and cue.entry.sense is Sense.UNCERTAIN and cue.first - hit.stop <= cue.entry.within


def _yields_to(earlier: Hit | None, cue: Hit) -> bool:
    """Whether what a forward cue said of a mention gives way to a cue after it."""
    if earlier is None or earlier.entry.sense is Sense.POSITIVE:
        return True
    return cue.entry.sense is Sense.NEGATIVE and earlier.entry.sense in _WEAKER


def _rule_choices(words: Sequence[str], hits: Sequence[Hit], ruled: list[Hit | None]) -> None:
    """Two diseases offered for one shadow ("atelectasis or scarring") are both in doubt."""
    places = [p for p, hit in enumerate(hits) if hit.entry.role is Role.MENTION]
    for nth in range(1, len(places)):
        left, right = places[nth - 1], places[nth]
        choice = _choice_between(words, hits, left, right)
        if choice is None or not (_open_to_doubt(ruled[left]) and _open_to_doubt(ruled[right])):
            continue
        _doubt(ruled, left, choice)
        _doubt(ruled, right, choice)
        for back in range(nth - 1, 0, -1):
            here, there = places[back], places[back - 1]
            kind = hits[there].entry.kind
            if kind not in (Kind.DIAGNOSIS, Kind.ALTERNATIVE) or not _open_to_doubt(ruled[there]):
                break
            if words[hits[there].stop : hits[here].first] != [","]:
                break
            _doubt(ruled, there, choice)


def _rule_explained(hits: Sequence[Hit], ruled: list[Hit | None]) -> None:
    """A shadow that may be no more than an artefact is itself in doubt."""
    last: int | None = None
    for place, hit in enumerate(hits):
        if hit.entry.role is not Role.MENTION:
            continue
        cue = ruled[place]
        if hit.entry.explains and cue is not None and cue.entry.sense is Sense.UNCERTAIN:
            if last is not None:
                _doubt(ruled, last, cue)
        else:
            last = place


def _choice_between(words: Sequence[str], hits: Sequence[Hit], left: int, right: int) -> Hit | None:
    a, b = hits[left], hits[right]
    if b.first - a.stop > _CHOICE_GAP or a.entry.findings == b.entry.findings:
        return None
    kinds = {a.entry.kind, b.entry.kind}
    if kinds == {Kind.SIGN} or not kinds <= {Kind.SIGN, Kind.DIAGNOSIS, Kind.ALTERNATIVE}:
        return None
    between = hits[left + 1 : right]
    if any(h.entry.role is Role.TERMINATOR or _denies(h) for h in between):
        return None
    for at in range(a.stop, b.first + 1):
        if words[at] in _CHOICES:
            return Hit(_CHOICE, at, at + 1)
    return None


def _denies(hit: Hit) -> bool:
    return hit.entry.role is Role.CUE and hit.entry.sense in _DENIALS


def _open_to_doubt(ruling: Hit | None) -> bool:
    return ruling is None or ruling.entry.sense in (Sense.POSITIVE, Sense.UNCERTAIN)


def _doubt(ruled: list[Hit | None], place: int, choice: Hit) -> None:
    ruling = ruled[place]
    if ruling is None or ruling.entry.sense is Sense.POSITIVE:
        ruled[place] = choice

"""What a sentence says of organs: "heart size is normal", "stable mediastinal contours"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chexdesk.labeling.context.lexicon import Role, Sense
from chexdesk.labeling.context.scope import Hit

# Words that may stand between a state and the organ it describes ("normal appearance of the").
_FILL: Final = frozenset(
    {"the", "of", "appearance", "appearing", "in", "to", "size", "a", "an", "and", "left", "right",
     "mildly", "overall", "superior", "upper", "grossly", "configuration", "contour", "visualized",
     "for", "caliber", "contours", "postoperative", "postsurgical", "portable",
     "slightly", "moderately", "shape", "chronic", "diffuse", "bilateral", "basilar", "reticular"}
)  # fmt: skip
_LIST_WORDS: Final = frozenset({",", "and", "or", "the", "/", "both", "as", "well", "of", "also"})
_PARTING: Final = frozenset({",", "with", "(", ":"})
_ADJECTIVE_GAP: Final = 6
_PREDICATE_GAP: Final = 8
_NEXT_STATE_GAP: Final = 5
# Where several states go with one organ, the first of these decides ("enlarged but stable").
_PRIORITY: Final = (Sense.POSITIVE, Sense.UNCERTAIN, Sense.NEGATIVE, Sense.OPEN)


@dataclass(frozen=True)
class OrganReading:
    """One organ with the state that decides it, as places in the sentence's hits."""

    organ: int
    state: int
    sense: Sense


def read_organs(
    words: Sequence[str], hits: Sequence[Hit], ruled: Sequence[Hit | None]
) -> Iterator[OrganReading]:
    """The organs that have a state, each with what the state means for it."""
    groups = _groups(words, hits)
    for nth, group in enumerate(groups):
        floor = groups[nth - 1][-1] if nth else -1
        ceiling = groups[nth + 1][0] if nth + 1 < len(groups) else len(hits)
        states = _before(words, hits, group[0], floor)
        states += _after(words, hits, group[-1], ceiling)
        senses = [(_sense(hits[s], ruled[s]), s) for s in states]
        for sense in _PRIORITY:
            chosen = [s for found, s in senses if found is sense]
            if chosen:
                yield from _readings(hits, ruled, group, chosen[0], sense)
                break


def _readings(
    hits: Sequence[Hit], ruled: Sequence[Hit | None], group: list[int], state: int, sense: Sense
) -> Iterator[OrganReading]:
    for organ in group:
        ruling = ruled[organ]
        if ruling is not None and ruling.entry.sense is Sense.IGNORED:
            continue
        readings = hits[organ].entry.readings or {}
        meant = readings.get(sense, sense)
        if meant is not None:
            yield OrganReading(organ, state, meant)


def _sense(state: Hit, ruling: Hit | None) -> Sense:
    """A state's sense under the cue that rules it: "no enlargement of", "may be enlarged"."""
    sense = state.entry.sense
    if ruling is None or sense is not Sense.POSITIVE:
        return sense
    if ruling.entry.sense in (Sense.NEGATIVE, Sense.UNCERTAIN, Sense.OPEN):
        return ruling.entry.sense
    return sense


def _groups(words: Sequence[str], hits: Sequence[Hit]) -> list[list[int]]:
    """Organs that one state describes together ("heart size, mediastinum and hila are normal")."""
    groups: list[list[int]] = []
    for place, hit in enumerate(hits):
        if hit.entry.role is not Role.ORGAN:
            continue
        if groups:
            last = groups[-1][-1]
            between = words[hits[last].stop : hit.first]
            apart = any(h.entry.role in (Role.STATE, Role.MENTION) for h in hits[last + 1 : place])
            if not apart and set(between) <= _LIST_WORDS:
                groups[-1].append(place)
                continue
        groups.append([place])
    return groups


def _before(words: Sequence[str], hits: Sequence[Hit], organ: int, floor: int) -> list[int]:
    """States that stand as adjectives before an organ, nearest first."""
    found: list[int] = []
    first = hits[organ].first
    for place in range(organ - 1, floor, -1):
        hit = hits[place]
        if hit.entry.role in (Role.CUE, Role.TERMINATOR):
            continue
        gap = words[hit.stop : first]
        if hit.entry.role is not Role.STATE or len(gap) > _ADJECTIVE_GAP or not set(gap) <= _FILL:
            break
        found.append(place)
        first = hit.first
    return found


def _after(words: Sequence[str], hits: Sequence[Hit], organ: int, ceiling: int) -> list[int]:
    """States that are said of an organ after it ("is stable and normal in size")."""
    found: list[int] = []
    end = hits[organ].stop
    for place in range(organ + 1, ceiling):
        hit = hits[place]
        if hit.entry.role is Role.MENTION:
            break
        if hit.entry.role is Role.TERMINATOR and hit.entry.stops_all and not found:
            break
        if hit.entry.role is not Role.STATE:
            continue
        gap = words[end : hit.first]
        limit = _NEXT_STATE_GAP if found else _PREDICATE_GAP
        if len(gap) > limit or (
            _PARTING.intersection(gap) and (found or len(gap) > 2) and "which" not in gap
        ):
            break
        if ceiling < len(hits) and _leads(words, hits, place, ceiling) and _parted(gap):
            break
        found.append(place)
        end = hit.stop
    return found


def _leads(words: Sequence[str], hits: Sequence[Hit], state: int, organ: int) -> bool:
    gap = words[hits[state].stop : hits[organ].first]
    return len(gap) <= 3 and set(gap) <= _FILL - {"and"}


def _parted(gap: Sequence[str]) -> bool:
    return bool(set(gap) & {",", "and", "with", "or"}) or not gap

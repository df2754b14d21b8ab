"""How texts become batches, and how the parts of a long one become a single answer.

Batches are a function of one window's texts alone, so the same input gives the same bytes however
a run is resumed or divided.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.labeling.calibration import Probabilities
from chexdesk.labeling.wire import Wire
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet

#: The longest text, in tokens with the closing ones, that is read in one piece.
PART_TOKENS: Final = 512

_SENTENCE_END: Final = re.compile(r"(?<=[.;?!:])\s+")
#: Which certainty wins where parts of one report differ: a mention over silence, and the labelling
#: guide's "positive beats uncertain beats negative".
_PRECEDENCE: Final = (
    Certainty.POSITIVE,
    Certainty.UNCERTAIN,
    Certainty.NEGATIVE,
    Certainty.NOT_MENTIONED,
)


def parts(wire: Wire, text: str) -> list[list[int]]:
    """The tokens of a text in parts of at most `PART_TOKENS`, cut between sentences.

    A sentence that is too long by itself is cut between words, and a word that is too long between
    characters; nothing is left out.
    """
    whole = wire.report(text)
    if len(whole) <= PART_TOKENS:
        return [whole]
    room = PART_TOKENS - len(wire.close)
    found: list[str] = []
    current = ""
    for piece in _pieces(wire, _SENTENCE_END.split(text), room):
        joined = f"{current} {piece}" if current else piece
        if current and len(wire.tokenize(joined)) > room:
            found.append(current)
            current = piece
        else:
            current = joined
    found.append(current)
    return [wire.report(part) for part in found]


def batches(lengths: Sequence[int], max_tokens: int, max_reports: int) -> list[list[int]]:
    """Group items by length so that each group fits one decode.

    Args:
        lengths: tokens of each item, markers included; none over `max_tokens`.

    Returns:
        groups of indices; longest first, ties in input order.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    groups: list[list[int]] = []
    room = 0
    for index in order:
        if not groups or lengths[index] > room or len(groups[-1]) == max_reports:
            groups.append([])
            room = max_tokens
        groups[-1].append(index)
        room -= lengths[index]
    return groups


def merge_parts(label_set: LabelSet, each: Probabilities) -> Probabilities:
    """One answer from the parts of a long report.

    For each finding the parts' own decisions are ranked positive, uncertain, negative, not
    mentioned, and the part surest of the winner speaks for the report. "No finding" in one part is
    taken back where another part calls a disease positive or uncertain.

    Args:
        each: (parts, findings, 4).

    Returns:
        (findings, 4).
    """
    if len(each) == 1:
        return np.asarray(each[0])
    decisions = each.argmax(axis=-1)
    merged = np.empty(each.shape[1:], dtype=np.float64)
    winners: list[Certainty] = []
    for finding in range(each.shape[1]):
        for certainty in _PRECEDENCE:
            index = CERTAINTIES.index(certainty)
            mine = np.flatnonzero(decisions[:, finding] == index)
            if mine.size:
                best = mine[each[mine, finding, index].argmax()]
                merged[finding] = each[best, finding]
                winners.append(certainty)
                break
    if label_set.no_finding is not None:
        _take_back_no_finding(label_set, decisions, each, merged, winners)
    return merged


def _take_back_no_finding(
    label_set: LabelSet,
    decisions: NDArray[np.intp],
    each: Probabilities,
    merged: Probabilities,
    winners: Sequence[Certainty],
) -> None:
    assert label_set.no_finding is not None
    place = label_set.index(label_set.no_finding)
    diseased = any(
        winner in (Certainty.POSITIVE, Certainty.UNCERTAIN)
        for name, winner in zip(label_set.names, winners, strict=True)
        if name != label_set.no_finding and name not in label_set.beside_no_finding
    )
    silent = CERTAINTIES.index(Certainty.NOT_MENTIONED)
    if diseased and winners[place] is Certainty.POSITIVE:
        quiet = np.flatnonzero(decisions[:, place] == silent)
        if quiet.size:
            merged[place] = each[quiet[each[quiet, place, silent].argmax()], place]


def _pieces(wire: Wire, sentences: Sequence[str], room: int) -> list[str]:
    found: list[str] = []
    for sentence in sentences:
        if len(wire.tokenize(sentence)) <= room:
            found.append(sentence)
            continue
        current = ""
        for word in sentence.split(" "):
            # A character is at most four bytes, and a byte is at most one token.
            for start in range(0, len(word), room // 4) or [0]:
                piece = word[start : start + room // 4]
                glue = " " if start == 0 and current else ""
                if len(wire.tokenize(current + glue + piece)) > room:
                    found.append(current)
                    current = piece
                else:
                    current += glue + piece
        found.append(current)
    return found

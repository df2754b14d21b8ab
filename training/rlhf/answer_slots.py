"""Answers behind the slots: outputs as a reward model reads them.

    [instruction] [report] [close] [markers] [answers]

As on the wire (`training.slots`), every marker stands at one position and sees the instruction, the
report and itself. Every answer stands at the position after, and sees what its marker sees, its
marker, and itself. Answers are blind to each other, so all four answers of a finding can be asked
in one pass, and what one is worth does not hang on which others are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from transformers import AttentionInterface

from chexdesk.labeling.wire import Wire
from training.slots import attend_by_block

ATTENTION: Final = "chexdesk_answers"

#: A finding and one of its answers, an index into `CERTAINTIES`.
Asked = tuple[int, int]

#: The parent of a token of ordinary causal text.
_TEXT: Final = -1


def everything(wire: Wire) -> list[Asked]:
    """Every answer of every finding, in the order of a table (findings, 4)."""
    return [(f, a) for f in range(len(wire.markers)) for a in range(len(wire.answers))]


def pack(
    wire: Wire, reports: Sequence[Sequence[int]], asked: Sequence[Sequence[Asked]]
) -> dict[str, Tensor]:
    """One row that holds the instruction once and every report with what is asked of it.

    Args:
        reports: the tokens of n reports, as `Wire.report` gives them.
        asked: for each report; only the markers of asked findings are put in.

    Returns:
        input_ids, position_ids: (1, row). blocks: (1 + n,) the length of the instruction, then of
        each report. parents: (row,) for a marker or an answer the place, in its block, of its
        marker; -1 for text. places: (k,) of the answers in the row; asked: (k, 3) the report,
        finding and answer of each.
    """
    prefix = len(wire.prefix)
    ids, positions, parents = list(wire.prefix), list(range(prefix)), [_TEXT] * prefix
    blocks, places, known = [prefix], list[int](), list[tuple[int, int, int]]()
    for number, (tokens, wanted) in enumerate(zip(reports, asked, strict=True)):
        start, length = len(ids), len(tokens)
        findings = list(dict.fromkeys(finding for finding, _ in wanted))
        marker = {finding: length + place for place, finding in enumerate(findings)}
        ids += [*tokens, *(wire.markers[finding] for finding in findings)]
        positions += [*range(prefix, prefix + length), *[prefix + length] * len(findings)]
        parents += [*[_TEXT] * length, *marker.values()]
        places += range(len(ids), len(ids) + len(wanted))
        ids += (wire.answers[answer] for _, answer in wanted)
        positions += [prefix + length + 1] * len(wanted)
        parents += (marker[finding] for finding, _ in wanted)
        known += ((number, finding, answer) for finding, answer in wanted)
        blocks.append(len(ids) - start)
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "blocks": torch.tensor(blocks),
        "parents": torch.tensor(parents),
        "places": torch.tensor(places),
        "asked": torch.tensor(known).view(-1, 3),
    }


def block_mask(prefix: int, parents: Tensor) -> Tensor:
    """What one report's tokens may look at: (length, prefix + length), True where allowed.

    Args:
        prefix: tokens of the instruction, all visible. parents: (length,), as `pack` gives them.
    """
    length = len(parents)
    place = torch.arange(length, device=parents.device)
    text = (parents == _TEXT) & (place <= place[:, None])
    own = text | (place == place[:, None]) | (place == parents[:, None])
    return torch.cat([own.new_ones(length, prefix), own], dim=1)


def answer_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    blocks: Tensor,
    parents: Tensor,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention over a packed row, block by block, as `slots.slot_attention`.

    Args:
        query: (1, heads, row, d). key, value: (1, key heads, row, d).
        blocks, parents: as `pack` gives them.

    Returns:
        (1, row, heads, d) and no weights.
    """
    prefix = int(blocks[0])

    def mask(own: slice) -> Tensor:
        return block_mask(prefix, parents[own])

    return attend_by_block(query, key, value, blocks, mask, scaling, dropout), None


AttentionInterface.register(ATTENTION, answer_attention)

"""Reports packed behind one instruction, for training and for reading on from what was decided.

As in `training.slots`: the instruction stands in a row once, and reports never look at each other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from training import slots

ATTENTION: Final = "chexdesk_formats"

#: The target where no loss is taken.
IGNORED: Final = -100


@dataclass(frozen=True)
class Row:
    """One report as a format writes it, completion and all.

    Attributes:
        tokens: what is read.
        positions: of each token, counted from the end of the instruction.
        targets: for each token the one that has to follow it, or `IGNORED`: the loss mask.
        decisions: for each finding the place in `tokens` after which its certainty is read off.
    """

    tokens: list[int]
    positions: list[int]
    targets: list[int]
    decisions: list[int]


class Past:
    """Keys and values of what was read: of the instruction, and of each report behind it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], Tensor] = {}

    def extend(self, layer: int, block: int, new: Tensor) -> Tensor:
        """Everything that a block may look at, once it has read on.

        Args:
            block: 0 for the instruction, then the reports in order.
            new: (2, 1, heads, n, d), the keys and values of the tokens just read.

        Returns:
            (2, 1, heads, instruction + all of the block so far, d).
        """
        before = self._kept.get((layer, block), self._kept.get((layer, 0)))
        kept = new if before is None else torch.cat([before, new], dim=-2)
        self._kept[layer, block] = kept
        return kept


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    blocks: Tensor,
    markers: int = 0,
    past: Past | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention block by block; with `past`, each block reads on from where it was.

    Args:
        query: (1, heads, n, d). key, value: (1, key heads, n, d).
        blocks: tokens of the instruction, then of each report, in this row.
        markers: how many last tokens of each report are blind to each other; 0 is plain causal.

    Returns:
        (1, n, heads, d) and no weights.
    """
    if past is None:
        return slots.slot_attention(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling,
            dropout,
            blocks=blocks,
            markers=markers,
        )
    look = functools.partial(scaled_dot_product_attention, scale=scaling, enable_gqa=True)
    new = torch.stack([key, value])
    parts: list[Tensor] = []
    start = 0
    for block, length in enumerate(blocks.tolist()):
        if not length:
            continue
        own = slice(start, start + length)
        keys, values = past.extend(module.layer_idx, block, new[:, :, :, own])
        seen = keys.shape[2]
        mask = torch.ones(length, seen, dtype=torch.bool, device=query.device)
        parts.append(look(query[:, :, own], keys, values, attn_mask=mask.tril(seen - length)))
        start += length
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, attend)


def pack(
    prefix: Sequence[int], rows: Sequence[Row], *, decisions_only: bool = False
) -> dict[str, Tensor]:
    """One row of the model's input that holds the instruction once and every report.

    Args:
        decisions_only: keep the logits of the decisions, and not of all that has a target.

    Returns:
        input_ids, position_ids: (1, n). logits_to_keep, targets: (kept,), report by report.
        blocks: the length of the instruction, then of each report.
    """
    ids, positions = list(prefix), list(range(len(prefix)))
    kept: list[int] = []
    targets: list[int] = []
    for row in rows:
        scored = [place for place, target in enumerate(row.targets) if target != IGNORED]
        places = row.decisions if decisions_only else scored
        kept += [len(ids) + place for place in places]
        targets += [row.targets[place] for place in places]
        ids += row.tokens
        positions += [len(prefix) + position for position in row.positions]
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "logits_to_keep": torch.tensor(kept),
        "targets": torch.tensor(targets),
        "blocks": torch.tensor([len(prefix), *(len(row.tokens) for row in rows)]),
    }


def logits(model: Any, packed: dict[str, Tensor], markers: int) -> Tensor:
    """Logits at the kept places of a packed row: (kept, vocabulary)."""
    inputs = {k: v.to(model.device) for k, v in packed.items() if k != "targets"}
    found: Tensor = model(**inputs, markers=markers, use_cache=False).logits[0]
    return found


class Reader:
    """Reads several reports piece by piece, each piece going on from the last."""

    def __init__(self, model: Any, prefix: Sequence[int]) -> None:
        self._model = model
        self._prefix = prefix
        self._past = Past()
        self._read: list[int] = []

    def read(self, pieces: Sequence[Sequence[int]]) -> Tensor:
        """Read one piece for each report, none empty; the instruction goes before the first.

        Returns:
            the logits after the last token of each piece: (reports, vocabulary).
        """
        first = not self._read
        head = self._prefix if first else ()
        read = [0] * len(pieces) if first else self._read
        ids, positions, last = list(head), list(range(len(head))), list[int]()
        for piece, before in zip(pieces, read, strict=True):
            start = len(self._prefix) + before
            ids += piece
            positions += range(start, start + len(piece))
            last.append(len(ids) - 1)
        self._read = [n + len(piece) for n, piece in zip(read, pieces, strict=True)]
        device = self._model.device
        found: Tensor = self._model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            logits_to_keep=torch.tensor(last, device=device),
            blocks=torch.tensor([len(head), *map(len, pieces)]),
            past=self._past,
            use_cache=False,
        ).logits[0]
        return found

"""Batches in the slot format (see `chexdesk.labeling.wire`) for a torch model.

Several reports are packed behind one instruction, so that it is read once a batch. The attention
mask keeps them apart: it is the very rule under which llama.cpp decodes, where each marker is a
sequence of its own that shares the report's cells.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from chexdesk.labeling.wire import Wire
from training.data import Example

ATTENTION: Final = "chexdesk_slots"


def pack(wire: Wire, reports: Sequence[Sequence[int]]) -> dict[str, Any]:
    """One row that holds the instruction once and every report with its markers.

    Args:
        reports: the tokens of each report, as `Wire.report` gives them.

    Returns:
        input_ids, position_ids: (1, n). logits_to_keep: (reports * findings,) positions of the
        markers, report by report. blocks: the length of the instruction, then of each report with
        its markers; `slot_attention` reads the attention mask off them.
    """
    prefix, markers = len(wire.prefix), len(wire.markers)
    ids = list(wire.prefix)
    positions = list(range(prefix))
    slots: list[int] = []
    blocks = [prefix]
    for tokens in reports:
        ids += [*tokens, *wire.markers]
        positions += range(prefix, prefix + len(tokens))
        positions += [prefix + len(tokens)] * markers
        slots += range(len(ids) - markers, len(ids))
        blocks.append(len(tokens) + markers)
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "logits_to_keep": torch.tensor(slots),
        "blocks": torch.tensor(blocks),
    }


def block_mask(prefix: int, length: int, markers: int) -> Tensor:
    """What one report's tokens may look at: (length, prefix + length), True where allowed.

    Args:
        prefix: tokens of the instruction, all visible. length: tokens of the report and its
            markers. markers: how many of those are markers, each blind to the others.
    """
    own = torch.ones(length, length, dtype=torch.bool).tril()
    first = length - markers
    own[first:, first:] = torch.eye(markers, dtype=torch.bool)
    return torch.cat([torch.ones(length, prefix, dtype=torch.bool), own], dim=1)


def slot_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    blocks: Tensor,
    markers: int,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention over a packed row, block by block, since reports never look at each other.

    Equal to one attention under the whole row's mask, at a cost that grows with the row's length
    and not with its square.

    Args:
        query: (1, heads, n, d). key, value: (1, key heads, n, d). blocks: as `pack` gives them.

    Returns:
        (1, n, heads, d) and no weights.
    """
    prefix = int(blocks[0])

    def mask(own: slice) -> Tensor:
        return block_mask(prefix, own.stop - own.start, markers).to(query.device)

    return attend_by_block(query, key, value, blocks, mask, scaling, dropout), None


def attend_by_block(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Tensor,
    mask: Callable[[slice], Tensor],
    scaling: float | None,
    dropout: float,
) -> Tensor:
    """Attention of a packed row: the instruction to itself, each report to it and to itself.

    Args:
        query: (1, heads, n, d). key, value: (1, key heads, n, d). blocks: lengths, the
            instruction's first. mask: for a report's place in the row what its tokens may look at,
            (length, instruction + length), True where allowed.

    Returns:
        (1, n, heads, d).
    """
    prefix, *lengths = blocks.tolist()
    attend = functools.partial(
        scaled_dot_product_attention, scale=scaling, dropout_p=dropout, enable_gqa=True
    )
    head = slice(0, prefix)
    parts = [attend(query[:, :, head], key[:, :, head], value[:, :, head], is_causal=True)]
    start = prefix
    for length in lengths:
        own = slice(start, start + length)
        keys = torch.cat([key[:, :, head], key[:, :, own]], dim=2)
        values = torch.cat([value[:, :, head], value[:, :, own]], dim=2)
        parts.append(attend(query[:, :, own], keys, values, attn_mask=mask(own)))
        start += length
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()


AttentionInterface.register(ATTENTION, slot_attention)


class SlotCollator:
    """Examples to a packed batch with `labels`: (reports, findings) indices into `CERTAINTIES`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Dataset rows, as `rows` gives them, to one batch."""
        batch = pack(self._wire, [row["input_ids"] for row in rows])
        batch["labels"] = torch.tensor([row["answers"] for row in rows])
        return batch


def rows(wire: Wire, examples: Sequence[Example], max_tokens: int) -> list[dict[str, Any]]:
    """Examples as dataset rows. Reports over `max_tokens` are left out whole, never cut."""
    found = []
    for example in examples:
        tokens = wire.report(example.text)
        if len(tokens) <= max_tokens:
            found.append({"input_ids": tokens, "answers": list(example.answers)})
    return found


def targets(wire: Wire, labels: Tensor) -> Tensor:
    """The tokens that answer: labels (…) indices into `CERTAINTIES`, `UNKNOWN` left as it is."""
    answers = torch.tensor(wire.answers, device=labels.device)
    return torch.where(labels < 0, labels, answers[labels.clamp(min=0)])


def decision_logits(model: Any, wire: Wire, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits at the slots of a packed batch, by a model loaded for the slot format.

    Returns:
        over the vocabulary (reports * findings, vocabulary) and over the four answers
        (reports, findings, 4).
    """
    inputs = {k: v.to(model.device) for k, v in batch.items() if k != "labels"}
    logits = model(**inputs, markers=len(wire.markers), use_cache=False).logits[0]
    answers = torch.tensor(wire.answers, device=logits.device)
    return logits, logits[:, answers].view(-1, len(wire.markers), len(wire.answers))

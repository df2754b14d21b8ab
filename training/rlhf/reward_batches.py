"""Batches of preferences, report by report.

All pairs of a report are told from one reading of it. Decisions in which a pair's outputs agree
have equal rewards and cancel out, so only the answers that some pair disagrees on are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from chexdesk.labeling.wire import Wire
from training.rlhf import answer_slots
from training.rlhf.answer_slots import Asked
from training.rlhf.pairs import Preference

SIDES: Final = ("chosen", "rejected")


def rows(
    wire: Wire,
    preferences: Sequence[Preference],
    texts: Mapping[str, str],
    max_tokens: int,
    *,
    blind: bool = False,
) -> list[dict[str, Any]]:
    """Preferences as dataset rows, one for each report.

    The names of the columns are those by which TRL's trainer knows that nothing is left to be
    tokenized; they hold decisions.

    Args:
        texts: what the model reads, by `Preference.report`.
        max_tokens: longer reports are left out whole, never cut.
        blind: take the reports away. The rows stay the same but for that.
    """
    by_report: dict[str, list[Preference]] = {}
    for preference in preferences:
        by_report.setdefault(preference.report, []).append(preference)
    found = []
    for report, own in by_report.items():
        tokens = wire.report(texts[report])
        if len(tokens) > max_tokens:
            continue
        found.append(
            {
                "input_ids": wire.report("") if blind else tokens,
                "chosen_ids": [list(preference.chosen) for preference in own],
                "rejected_ids": [list(preference.rejected) for preference in own],
                "weights": [preference.weight for preference in own],
            }
        )
    return found


def disputed(chosen: Sequence[Sequence[int]], rejected: Sequence[Sequence[int]]) -> list[Asked]:
    """The findings and answers that some of these pairs disagree on, sorted."""
    return sorted(
        {
            (finding, answer)
            for better, worse in zip(chosen, rejected, strict=True)
            for finding, sides in enumerate(zip(better, worse, strict=True))
            if sides[0] != sides[1]
            for answer in sides
        }
    )


class PreferenceCollator:
    """Rows to a packed batch.

    To what `answer_slots.pack` gives it adds, for p pairs, `chosen` and `rejected` (p, findings),
    `report` (p,) the pair's place in the batch, and `weight` (p,).
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, batch: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Dataset rows, as `rows` gives them, to one batch."""
        asked = [disputed(row["chosen_ids"], row["rejected_ids"]) for row in batch]
        packed = answer_slots.pack(self._wire, [row["input_ids"] for row in batch], asked)
        sides = {side: [a for row in batch for a in row[f"{side}_ids"]] for side in SIDES}
        reports = [n for n, row in enumerate(batch) for _ in row["weights"]]
        return packed | {
            **{side: torch.tensor(answers) for side, answers in sides.items()},
            "report": torch.tensor(reports),
            "weight": torch.tensor([weight for row in batch for weight in row["weights"]]),
        }


def differences(batch: Mapping[str, Tensor], rewards: Tensor) -> Tensor:
    """Σ_f r(chosen_f) − Σ_f r(rejected_f) of each pair: (p,), of rewards (k,) as asked."""
    report, finding, answer = batch["asked"].to(rewards.device).T
    shape = (len(batch["blocks"]) - 1, batch["chosen"].shape[1], 4)
    # What was not asked is agreed on, and cancels out as nothing.
    table = rewards.new_zeros(shape).index_put((report, finding, answer), rewards)
    own = table[batch["report"].to(rewards.device)]
    sums = [own.gather(2, batch[s].to(rewards.device)[..., None]).sum((1, 2)) for s in SIDES]
    return sums[0] - sums[1]

"""The loop that every method goes through: draw, judge, improve, look.

One update reads `reports` reports, draws answers where the method does so, and goes over them
`epochs` times in minibatches. On several GPUs each process takes its share of every batch and all
draw the same random numbers, so that they agree on what was drawn.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from chexdesk.labels import LabelSet
from training.rlhf import curves, losses
from training.rlhf.checkpoint import Run
from training.rlhf.curves import Row
from training.rlhf.kl import controller
from training.rlhf.policy import Policy
from training.rlhf.rollout import Order, Reports, Rows, select
from training.rlhf.settings import Settings
from training.rlhf.watch import Held, logits_of

#: Of the adapter's gradient, and of the value's by itself: a badly fitted value must not slow the
#: policy.
MAX_NORM: Final = 1.0


class Loop:
    """A policy that learns from reports, watched by others.

    Args:
        policy: with the adapter that it begins with.
        learn: what it learns from, with the rows that the method needs.
        held: reports that watch it.

    Raises:
        ValueError: there are no reports, or the method needs rows that are not there.
    """

    def __init__(
        self,
        settings: Settings,
        label_set: LabelSet,
        policy: Policy,
        learn: Reports,
        held: Held,
        accelerator: Accelerator,
    ) -> None:
        self.objective = settings.objective()
        missing = self.objective.needs - learn.rows.keys()
        if missing or not len(learn):
            raise ValueError(f"{settings.method} has no {', '.join(missing) or 'reports'} to learn")
        self.settings, self.label_set = settings, label_set
        self.learn, self.held, self.accelerator = learn, held, accelerator
        if settings.minibatch % accelerator.num_processes:
            raise ValueError(f"minibatch must be a multiple of {accelerator.num_processes} GPUs")
        for weight in policy.value_head():
            weight.requires_grad_(self.objective.values)
        optimizer = torch.optim.AdamW(
            [
                {"params": list(policy.adapter()), "full_rate": settings.rate},
                {"params": policy.value_head(), "full_rate": settings.value_rate},
            ],
            lr=settings.rate,
            weight_decay=0.0,
        )
        self.policy, optimizer = accelerator.prepare(policy, optimizer)
        # Asked for again: FSDP puts parameters of its own in the place of the policy's.
        self.adapter, self.values = list(policy.adapter()), policy.value_head()
        generator = torch.Generator().manual_seed(settings.seed)
        kl = settings.kl
        self.run = Run(
            identity=identity(settings, len(learn)),
            policy=self.policy,
            optimizer=optimizer,
            order=Order(len(learn), generator),
            kl=controller(kl.coefficient, kl.target, kl.horizon),
        )

    def train(self) -> list[Row]:
        """Learn until the last update, from the checkpoint where there is one.

        Returns:
            the rows of the curves: one before the first update, then one for each.
        """
        settings, run = self.settings, self.run
        checkpoint = settings.out / "checkpoints" / "run.pt"
        run.resume(checkpoint)
        first = self.accelerator.is_main_process
        board = curves.Board(settings.out, run.update) if first else None
        while run.update < settings.last or not run.rows:
            row: Row = {"update": 0} if not run.rows else self._update()
            if row["update"] % settings.check_every == 0 or row["update"] == settings.last:
                row |= {f"held_{name}": value for name, value in self._look().items()}
            run.rows.append(row)
            done = run.update % settings.save_every == 0 or run.update == settings.last
            if run.update and done:
                run.save(checkpoint, write=first)
            if board is not None:
                board.show(row)
                curves.write(settings.out, run.rows)
                print(json.dumps(_rounded(row)), flush=True)
        if board is not None:
            board.close()
        return run.rows

    def _update(self) -> Row:
        began = time.perf_counter()
        settings, run = self.settings, self.run
        index = run.order.take(settings.reports)
        tokens = [self.learn.tokens[i] for i in index.tolist()]
        rows = select(self.learn.rows, index)
        share = settings.rate_at(run.update)
        for group in run.optimizer.param_groups:
            group["lr"] = group["full_rate"] * share
        row: Row = {"update": run.update + 1, "coefficient": run.kl.coefficient}
        if self.objective.rolls_out:
            logits, values = self._read(tokens)
            made, figures = self.objective.experience(logits, values, rows, run.order.generator)
            rows |= made
            row |= figures
            row["kl"] = losses.exact_kl(logits, rows["reference"]).mean().item()
            row["entropy"] = losses.entropy(logits).mean().item()
        steps = self._improve(tokens, rows)
        row |= {name: statistics.fmean(step[name] for step in steps) for name in steps[0]}
        if self.objective.rolls_out:
            run.kl.update(row["kl"], rows["reference"].shape[:-1].numel())
        run.update += 1
        run.seconds += time.perf_counter() - began
        return row | {"steps": run.steps, "seconds": round(run.seconds, 1)}

    def _improve(self, tokens: Sequence[Sequence[int]], rows: Rows) -> list[dict[str, float]]:
        """Minibatch epochs; they end early where the policy has gone far enough.

        Returns:
            the figures of each minibatch.
        """
        settings, run = self.settings, self.run
        found: list[dict[str, float]] = []
        for _ in range(settings.epochs):
            shuffled = torch.randperm(settings.reports, generator=run.order.generator)
            for part in shuffled.view(-1, settings.minibatch).unbind():
                loss, figures = self._loss(tokens, rows, self._share(part))
                found.append(figures)
                if figures.get("moved", 0.0) > settings.kl.stop:
                    return found
                self.accelerator.backward(loss)
                clip_grad_norm_(self.adapter, MAX_NORM)
                if self.objective.values:
                    clip_grad_norm_(self.values, MAX_NORM)
                run.optimizer.step()
                run.optimizer.zero_grad()
                run.steps += 1
        return found

    def _loss(
        self, tokens: Sequence[Sequence[int]], rows: Rows, index: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        logits, values = self.policy([tokens[i] for i in index.tolist()])
        taken = {name: t.to(logits.device) for name, t in select(rows, index).items()}
        loss, figures = self.objective.loss(logits, values, taken, self.run.kl.coefficient)
        if "old" in taken:
            figures["moved"] = losses.exact_kl(taken["old"], logits.detach()).mean().item()
        if self.accelerator.num_processes > 1:
            given = torch.tensor(list(figures.values()), device=logits.device)
            mean = self.accelerator.reduce(given, reduction="mean").tolist()
            figures = dict(zip(figures, mean, strict=True))
        return loss, figures

    def _share(self, index: Tensor) -> Tensor:
        """This process's part of a batch; together they are the batch, in order."""
        parts = index.view(self.accelerator.num_processes, -1)
        return parts[self.accelerator.process_index]

    def _read(self, tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Logits and values of all reports, each process reading its part."""
        processes = self.accelerator.num_processes
        if processes == 1:
            return logits_of(self.policy, tokens, self.settings.minibatch)
        # All parts are of one length: the last reports are read twice rather than padded.
        width = -(-len(tokens) // processes)
        own = [
            tokens[min(i + width * self.accelerator.process_index, len(tokens) - 1)]
            for i in range(width)
        ]
        found = logits_of(self.policy, own, self.settings.minibatch // processes)
        device = self.accelerator.device
        gathered = [self.accelerator.gather(t.to(device)).cpu()[: len(tokens)] for t in found]
        return gathered[0], gathered[1]

    def _look(self) -> dict[str, Any]:
        return self.held.look(self.label_set, self._read(self.held.tokens)[0])


def identity(settings: Settings, reports: int) -> dict[str, Any]:
    """What makes two runs the same run, as plain values.

    How far a run goes is not part of it: one that was stopped may be taken further.
    """
    free = ("out", "stop_after", "save_every", "tables")
    named = {name: str(value) for name, value in vars(settings).items() if name not in free}
    return named | {"reports in all": reports}


def _rounded(row: Row) -> Row:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}

"""Learning from a reward: from the SFT policy to the RLHF one (CheX-LLM paper, equation 3).

    python -m training.ppo --config training/configs/ppo.yaml [--seed N] [--fold K]

Rolls the policy out on labelled and unlabelled reports, rewards each decision by the reward model,
and improves the policy by PPO (`training/rlhf` has the mathematics). Other methods for comparison
go through the same loop (`--method`). Takes up where it was stopped.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, PartialState

from chexdesk.labeling import wire as wire_format
from chexdesk.labeling.wire import Wire
from chexdesk.labels import LabelSet, chexpert14
from training import base, predict
from training.rlhf import curves, lessons, policy, reports, reward_model, tables
from training.rlhf.loop import Loop
from training.rlhf.pairs import Costs
from training.rlhf.policy import Policy
from training.rlhf.rollout import Reports, doubtful, select
from training.rlhf.settings import AGREEMENT, Settings
from training.rlhf.watch import Held, logits_of

#: Reports that are read at once where nothing is learnt.
BATCH = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one policy as a configuration says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/ppo.yaml"))
    changed = ("method", "out", "start", "reward")
    for name, kind in (*((name, str) for name in changed), ("seed", int), ("updates", int)):
        parser.add_argument(f"--{name}", type=kind, help="instead of the configuration's")
    parser.add_argument("--stop-after", type=int, metavar="UPDATE", help="end the run early")
    parser.add_argument("--fold", type=int, help="of the configuration's folds: hold this one out")
    args = vars(parser.parse_args(arguments))
    path, fold = args.pop("config"), args.pop("fold")
    changes = {name: value for name, value in args.items() if value is not None}
    print(train(Settings.load(path, changes, fold)))


def train(settings: Settings) -> Path:
    """Train a policy, and write its adapter to `<out>/adapter`.

    Returns:
        the adapter's folder, with `training.json` (configuration, figures) beside the weights.
    """
    torch.manual_seed(settings.seed)
    settings.out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator()
    label_set = chexpert14()
    with accelerator.main_process_first():  # One process asks, the others find what it kept.
        learner, learn, held, counts = prepare(settings, label_set, accelerator.device)
    if accelerator.is_main_process:
        print(json.dumps(counts), flush=True)
    loop = Loop(settings, label_set, learner, learn, held, accelerator)
    rows = loop.train()
    adapter = settings.out / "adapter"
    weights = loop.run.adapter()
    if accelerator.is_main_process:
        learner.model.save_pretrained(str(adapter), state_dict=weights)
        record = {
            "config": settings.plain(),
            "seed": settings.seed,
            "prompt_version": wire_format.PROMPT_VERSION,
            "examples": counts,
            "updates": loop.run.update,
            "steps": loop.run.steps,
            "seconds": round(loop.run.seconds),
            "held_out": {k: v for k, v in rows[-1].items() if k.startswith("held_")},
            "parted_at_update": curves.parted_at(rows),
        }
        (adapter / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    return adapter


def prepare(
    settings: Settings, label_set: LabelSet, device: torch.device
) -> tuple[Policy, Reports, Held, dict[str, int]]:
    """The policy, what it learns from, what watches it, and how many reports of each kind.

    The reward model is loaded, asked and let go before the policy is loaded, and the policy itself,
    as it begins, is the reference: at no time is there more than one model.

    Raises:
        ValueError: there is nothing to learn from, or nothing is held out.
    """
    train_set, held_set = reports.labelled(settings, label_set)
    if not held_set:
        raise ValueError("no labelled report is held out: name some under watch")
    learnt = lessons.lessons(settings, label_set, train_set, held_set)
    texts = [*learnt.texts, *(example.text for example in held_set)]
    gold = np.array([example.answers for example in held_set], dtype=np.int64)
    if settings.reward == AGREEMENT:
        judged = tables.agreement(np.concatenate([learnt.rows["gold"].numpy(), gold]), Costs())
    else:
        judged = rewards(settings, label_set, texts)
    learner = _begin(settings, label_set, device)
    wire = learner.wire

    def ask(texts: Sequence[str]) -> tables.Table:
        return logits_of(learner, [wire.report(text) for text in texts], BATCH)[0].numpy()

    reference = torch.from_numpy(tables.kept(settings.tables, settings.start, texts, ask))
    n = len(learnt.texts)
    reward = tables.gained(torch.from_numpy(judged), reference, n)
    tokens = [wire.report(text) for text in texts]
    fits = [place for place in range(n) if len(tokens[place]) <= settings.max_tokens]
    rows = {**learnt.rows, "reward": reward[:n], "reference": reference[:n]}
    if settings.objective().rolls_out:
        fits = doubtful(reference, reward, fits, settings.doubtful)
    learn = Reports([tokens[place] for place in fits], select(rows, torch.tensor(fits)))
    held = Held(tokens[n:], gold, reward[n:], reference[n:])
    counts = {"learnt from": len(fits), "of": n, "held out": len(held_set)}
    return learner, learn, held, counts | learnt.counts()


def _begin(settings: Settings, label_set: LabelSet, device: torch.device) -> Policy:
    model, tokenizer = base.load(base.ensure(settings.base), base.dtype_for(settings.precision))
    wire = predict.wire(tokenizer, label_set)
    learner = policy.load(model.to(device), settings.start, wire).to(device)
    if device.type == "cuda":
        learner.save_memory()
    return learner


def rewards(settings: Settings, label_set: LabelSet, texts: Sequence[str]) -> tables.Table:
    """The reward model's table for texts: (texts, f, 4), asked or kept from before."""
    folder = Path(settings.reward)

    @functools.cache
    def loaded() -> tuple[Any, Wire]:
        model, wire = reward_model.load(folder, settings.base, label_set, settings.precision)
        return model.to(PartialState().device), wire

    def ask(some: Sequence[str]) -> tables.Table:
        return reward_model.table(*loaded(), some)

    return tables.kept(settings.tables, folder, texts, ask)


if __name__ == "__main__":
    main()

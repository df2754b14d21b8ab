"""The reward model (CheX-LLM paper, equation 2): one file, read top to bottom.

    python -m training.reward train [--config training/configs/reward.yaml] [--blind]
    python -m training.reward evaluate [--config training/configs/reward.yaml]

Minimises −log σ(r(x, chosen) − r(x, rejected)) over the pairs of `training.preferences`, by TRL's
RewardTrainer with batches of our own. `--blind` trains the control, the same but for the reports,
which it does not see. Takes up where it was stopped. Held-out reports choose nothing: training
goes on for the configured epochs whatever they say.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import set_seed
from transformers.trainer_utils import get_last_checkpoint
from trl import RewardConfig, RewardTrainer

from chexdesk.labeling import wire as wire_format
from chexdesk.labeling.wire import Wire
from chexdesk.labels import LabelSet, chexpert14
from training import base, data
from training.rlhf import pairfile, reward_batches, reward_figures, reward_model, unseen
from training.rlhf.pairfile import Pairs
from training.rlhf.pairs import Preference


@dataclass(frozen=True)
class Config:
    """The YAML, field by field; `training/configs/reward.yaml` explains each."""

    seed: int
    out: Path
    base: Path | None
    start: Path
    pairs: Path
    max_tokens: int
    held_out: float
    epochs: float
    batch: int
    rate: float
    warmup: float
    schedule: str
    check_every: int
    fold: dict[str, Any] | None = None
    precision: str = "auto"
    blind: bool = False
    raw: dict[str, Any] = field(repr=False, default_factory=dict)

    @staticmethod
    def load(path: Path) -> Config:
        """Read a configuration.

        Raises:
            ValueError: a field is missing or unknown.
        """
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            fields = dict(raw)
            fields["base"] = Path(fields["base"]) if fields["base"] else None
            fields |= {name: Path(fields[name]) for name in ("out", "start", "pairs")}
            return Config(**fields, raw=raw)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a configuration of a reward model ({error})") from error

    @property
    def folder(self) -> Path:
        """Where this model, or its control, lies."""
        return self.out / "blind" if self.blind else self.out


class PairTrainer(RewardTrainer):
    """TRL's trainer with the loss over packed reports; its own reads one score a sequence."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Weighted mean of −log σ(r(chosen) − r(rejected)) over the pairs of the batch."""
        rewards = reward_model.rewards(model, inputs)
        difference = reward_batches.differences(inputs, rewards)
        weight = inputs["weight"].to(difference.device)
        loss = -(weight * logsigmoid(difference)).sum() / weight.sum()
        kept = self._metrics["train" if model.training else "eval"]
        kept["accuracy"].append((difference > 0).float().mean().item())
        kept["margin"].append(difference.mean().item())
        return (loss, {"differences": difference}) if return_outputs else loss


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["train", "evaluate"])
    parser.add_argument("--config", type=Path, default=Path("training/configs/reward.yaml"))
    parser.add_argument("--blind", action="store_true", help="train the control without reports")
    parser.add_argument("--out", type=Path, help="instead of the configuration's")
    parser.add_argument("--seed", type=int, help="instead of the configuration's")
    parser.add_argument("--fold", type=int, help="hold out this fold of five of feedback")
    args = parser.parse_args()
    try:
        config = Config.load(args.config)
        changed = {k: v for k, v in vars(args).items() if k in ("out", "seed") and v is not None}
        if args.fold is not None:
            changed["fold"] = {"source": "feedback", "of": 5, "index": args.fold}
        config = replace(config, **changed, blind=args.blind)
        if args.command == "train":
            print(train(config))
        else:
            print(json.dumps(evaluate(config), indent=1))
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f"{error}\n")


def train(config: Config) -> Path:
    """Train, and write the adapter with its head to `<folder>/adapter`.

    Raises:
        FileNotFoundError: the adapter to begin with is absent.
        ValueError: there are no pairs, or none to learn from.
    """
    set_seed(config.seed)
    label_set = chexpert14()
    pairs = pairfile.read(config.pairs, label_set)
    texts = pairs.texts(label_set)
    learnt, held = split(config, pairs, label_set)
    if not learnt:
        raise ValueError(f"{config.pairs} leaves no pairs to learn from")
    counts = {"pairs learnt from": len(learnt), "pairs held out": len(held)}
    print(json.dumps(counts), flush=True)
    model, tokenizer, wire = reward_model.begin(
        config.base, config.start, label_set, config.precision
    )
    rows = [
        reward_batches.rows(wire, own, texts, config.max_tokens, blind=config.blind)
        for own in (learnt, held)
    ]
    trainer = _trainer(config, model, tokenizer, wire, *rows)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(_checkpoints(config))))
    adapter = config.folder / "adapter"
    trainer.save_model(str(adapter))
    if trainer.is_world_process_zero():
        record = {
            "config": config.raw,
            "seed": config.seed,
            "fold": config.fold,
            "blind": config.blind,
            "prompt_version": wire_format.PROMPT_VERSION,
            "examples": counts,
            "log": trainer.state.log_history,
        }
        (adapter / "reward.json").write_text(json.dumps(record, indent=1) + "\n")
    return adapter


def split(
    config: Config, pairs: Pairs, label_set: LabelSet
) -> tuple[list[Preference], list[Preference]]:
    """Pairs to learn from and pairs held out, parted by report and never by pair.

    What the adapter to begin with was trained on is never held out: it would look too easy. Under
    cross-validation just the reports of the fold are.
    """
    fold = config.fold
    if fold is None:
        known = unseen.seen(config.start, label_set)
        held = {
            p.report
            for p in pairs.preferences
            if data.share(f"reward:{p.report}") < config.held_out and p.report not in known
        }
    else:
        held = {
            p.report
            for p in pairs.preferences
            if p.origin == fold["source"] and data.fold(p.id, fold["of"]) == fold["index"]
        }
    sides: tuple[list[Preference], list[Preference]] = ([], [])
    for preference in pairs.preferences:
        sides[preference.report in held].append(preference)
    return sides


def evaluate(config: Config) -> dict[str, Any]:
    """Figures of a trained model and, where there is one, its control, on the pairs held out.

    Returns:
        what `<out>/figures.json` holds (`reward_figures`). `best answers`: the errors of the
        outputs with the most reward; no policy can be led below them by this reward alone.

    Raises:
        FileNotFoundError: there is no trained model.
        ValueError: no pairs are held out.
    """
    label_set = chexpert14()
    pairs = pairfile.read(config.pairs, label_set)
    texts = pairs.texts(label_set)
    _, held = split(config, pairs, label_set)
    if not held:
        raise ValueError(f"{config.pairs} leaves no pairs to be held out")
    reports = list(dict.fromkeys(preference.report for preference in held))
    own = [texts[report] for report in reports]
    table = _table(replace(config, blind=False), own, label_set)
    difference = reward_figures.differences(table, reports, held)
    found = {"held out": reward_figures.figures(held, difference)}
    control = replace(config, blind=True)
    if (control.folder / "adapter" / "reward.json").is_file():
        once = _table(control, [""], label_set)
        unread = reward_figures.differences(once.repeat(len(reports), axis=0), reports, held)
        found["blind"] = reward_figures.against_blind(held, difference, unread)
    examples = pairs.examples(label_set)
    found["best answers"] = reward_figures.best_answers(label_set, examples, reports, table)
    (config.out / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _table(config: Config, texts: Sequence[str], label_set: LabelSet) -> Any:
    model, wire = reward_model.load(
        config.folder / "adapter", config.base, label_set, config.precision
    )
    return reward_model.table(model, wire, texts, blind=config.blind)


def _checkpoints(config: Config) -> Path:
    folder = config.folder / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _trainer(
    config: Config,
    model: Any,
    tokenizer: Any,
    wire: Wire,
    rows: list[dict[str, Any]],
    held: list[dict[str, Any]],
) -> PairTrainer:
    return PairTrainer(
        model=model,
        args=RewardConfig(
            output_dir=str(_checkpoints(config)),
            seed=config.seed,
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch,
            per_device_eval_batch_size=16,
            learning_rate=config.rate,
            lr_scheduler_type=config.schedule,
            warmup_steps=config.warmup,
            weight_decay=0.0,
            max_length=None,  # our rows hold decisions; too long reports were left out before
            eval_strategy="steps" if held else "no",
            eval_steps=config.check_every,
            save_strategy="steps",
            save_steps=config.check_every,
            save_total_limit=2,
            logging_steps=10,
            report_to=[],
            remove_unused_columns=False,
            gradient_checkpointing=torch.cuda.is_available(),
            bf16=base.dtype_for(config.precision) is torch.bfloat16,
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held) if held else None,
        data_collator=reward_batches.PreferenceCollator(wire),
        processing_class=tokenizer,
    )


if __name__ == "__main__":
    main()

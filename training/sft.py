"""Supervised fine-tuning: one file, read top to bottom.

    python -m training.sft --config training/configs/sft.yaml

Minimises the mean negative log-likelihood of the decisions (CheX-LLM paper, equation 1), the only
tokens of the completion that are not fixed by the wire format. Takes up where it was stopped.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from accelerate import PartialState
from datasets import Dataset
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import EarlyStoppingCallback, EvalPrediction, set_seed
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from chexdesk.evaluation.metrics import score
from chexdesk.labeling import wire as wire_format
from chexdesk.labeling.wire import Wire
from chexdesk.labels import LabelSet, chexpert14
from training import base, data, mixture, predict, slots

WEIGHTS = "adapter_model.safetensors"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Config:
    """The YAML, field by field; `training/configs/sft.yaml` explains each."""

    seed: int
    out: Path
    base: Path | None
    max_tokens: int
    held_out: float
    sources: list[data.SourceSpec]
    lora: dict[str, int]
    epochs: float
    batch: int
    rate: float
    warmup: float
    check_every: int
    patience: int
    near_duplicates: bool
    start: Path | None = None
    schedule: str = "cosine"
    fold: dict[str, Any] | None = None
    precision: str = "auto"
    quantize: str | None = None
    share: float = 1.0
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
            fields["out"] = Path(fields["out"])
            fields["base"] = Path(fields["base"]) if fields["base"] else None
            fields["start"] = Path(fields["start"]) if fields.get("start") else None
            fields["sources"] = [data.SourceSpec(**source) for source in fields["sources"]]
            return Config(**fields, raw=raw)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a training configuration ({error})") from error


class SlotTrainer(SFTTrainer):
    """TRL's trainer with the loss at the slots; its own collator knows only causal masks."""

    wire: Wire

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        """Mean cross-entropy over the vocabulary at the (reports * findings) slots."""
        logits, decisions = slots.decision_logits(model, self.wire, inputs)
        target = slots.targets(self.wire, inputs["labels"].to(logits.device)).view(-1)
        loss = cross_entropy(logits.float(), target, ignore_index=data.UNKNOWN)
        return (loss, {"decisions": decisions}) if return_outputs else loss

    def prediction_step(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Loss, decision logits (reports, findings, 4) and labels (reports, findings)."""
        with torch.no_grad():
            loss, out = self.compute_loss(model, inputs, return_outputs=True)
        if prediction_loss_only:
            return loss, None, None
        return loss, out["decisions"], inputs["labels"]


def main() -> None:
    """Train one adapter as a configuration says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/sft.yaml"))
    parser.add_argument("--epochs", type=float, help="instead of the configuration's")
    parser.add_argument("--out", type=Path, help="instead of the configuration's")
    parser.add_argument("--seed", type=int, help="instead of the configuration's")
    args = parser.parse_args()
    config = Config.load(args.config)
    changed = {k: v for k, v in vars(args).items() if k != "config" and v is not None}
    train(Config(**{**vars(config), **changed}))


def train(config: Config) -> Path:
    """Fine-tune, and write the best adapter to `<out>/adapter`.

    Returns:
        the adapter's folder, with `training.json` (data, seed, figures) beside the weights.
    """
    set_seed(config.seed)
    label_set = chexpert14()
    PartialState()  # Under `accelerate launch`, each process takes its GPU before the model loads.
    dtype = base.dtype_for(config.precision)
    model, tokenizer = base.load(base.ensure(config.base), dtype, config.quantize)
    if config.start is not None:
        model = PeftModel.from_pretrained(model, str(config.start), is_trainable=True)
    wire = predict.wire(tokenizer, label_set)
    train_set, held_set, counts = examples(config, label_set)
    print(json.dumps(counts), flush=True)
    trainer = _trainer(config, model, tokenizer, wire, train_set, held_set)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(_checkpoints(config))))
    figures = trainer.evaluate() if held_set else {}
    adapter = config.out / "adapter"
    trainer.save_model(str(adapter))  # Gathers the weights first where FSDP has divided them.
    if config.start is not None and config.share < 1 and trainer.is_world_process_zero():
        interpolate(config.start, adapter, config.share)
    record = {
        "config": config.raw,
        "seed": config.seed,
        "epochs": config.epochs,
        "prompt_version": wire_format.PROMPT_VERSION,
        "examples": counts,
        "best_checkpoint": Path(trainer.state.best_model_checkpoint or "").name,
        "held_out": {k.removeprefix("eval_"): v for k, v in figures.items() if "runtime" not in k},
    }
    if trainer.is_world_process_zero():
        (adapter / "training.json").write_text(json.dumps(record, indent=1) + "\n")
        print(json.dumps(record["held_out"]))
    return adapter


def interpolate(start: Path, end: Path, share: float) -> None:
    """Move an adapter back towards where it began: `start + share * (end - start)`, in place.

    A short last stage on one hospital's labels unlearns others; weights in between keep both
    (WiSE-FT, Wortsman et al. 2022). Both factors of the low-rank product are moved.

    Args:
        start, end: adapter folders of the same shape. share: in [0, 1]; 1 changes nothing.
    """
    before = load_file(str(start / WEIGHTS))
    path = end / WEIGHTS
    after = load_file(str(path))
    mixed = {name: torch.lerp(before[name], after[name], share) for name in after}
    partial = path.with_suffix(".partial")
    save_file({name: tensor.contiguous() for name, tensor in mixed.items()}, str(partial))
    partial.replace(path)


def _checkpoints(config: Config) -> Path:
    folder = config.out / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def examples(
    config: Config, label_set: LabelSet
) -> tuple[list[data.Example], list[data.Example], dict[str, int]]:
    """Training examples with repeats, held-out examples without, and how many of each."""
    return mixture.examples(
        config.sources,
        label_set,
        seed=config.seed,
        held_out=config.held_out,
        fold=config.fold,
        near_duplicates=config.near_duplicates,
    )


def _trainer(
    config: Config,
    model: Any,
    tokenizer: Any,
    wire: Wire,
    train_set: list[data.Example],
    held_set: list[data.Example],
) -> SlotTrainer:
    def metrics(prediction: EvalPrediction) -> dict[str, float]:
        chosen = np.asarray(prediction.predictions).argmax(-1).astype(np.int8)
        scores = score(wire.label_set, np.asarray(prediction.label_ids).astype(np.int8), chosen)
        return {
            "macro_f1": scores.macro_f1_paper,
            "uncertain_f1": scores.uncertain_f1,
            "errors_a_report": scores.errors_a_report,
        }

    trainer = SlotTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(_checkpoints(config)),
            seed=config.seed,
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch,
            per_device_eval_batch_size=16,
            learning_rate=config.rate,
            lr_scheduler_type=config.schedule,
            warmup_steps=config.warmup,
            weight_decay=0.0,
            eval_strategy="steps" if held_set else "no",
            save_strategy="steps",
            eval_steps=config.check_every,
            save_steps=config.check_every,
            save_total_limit=3,
            load_best_model_at_end=bool(held_set),
            metric_for_best_model="loss",
            greater_is_better=False,
            logging_steps=20,
            report_to=[],
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
            gradient_checkpointing=torch.cuda.is_available(),
            bf16=base.dtype_for(config.precision) is torch.bfloat16,
            disable_tqdm=True,
            label_names=["labels"],
        ),
        train_dataset=Dataset.from_list(slots.rows(wire, train_set, config.max_tokens)),
        eval_dataset=Dataset.from_list(slots.rows(wire, held_set, config.max_tokens))
        if held_set
        else None,
        data_collator=slots.SlotCollator(wire),
        processing_class=tokenizer,
        peft_config=None
        if config.start is not None
        else LoraConfig(
            r=config.lora["rank"],
            lora_alpha=config.lora["alpha"],
            target_modules=TARGETS,
            task_type="CAUSAL_LM",
        ),
        compute_metrics=metrics,
        callbacks=[EarlyStoppingCallback(config.patience)] if held_set else [],
    )
    trainer.wire = wire
    return trainer


if __name__ == "__main__":
    main()

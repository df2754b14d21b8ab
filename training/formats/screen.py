"""Screening of the wire formats: one short, equal training each, measured on held-out reports.

    python -m training.formats.screen --format slots|chain|json [--seed N]

Takes up where it was stopped. Leaves a line in `<out>/results.jsonl` and the decisions, ids and
labels only, in `<out>/decisions/`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy

from chexdesk.evaluation.metrics import score
from chexdesk.labeling.wire import Wire
from chexdesk.labels import CERTAINTIES, LabelSet, chexpert14
from training import base, data, predict
from training.data import Example
from training.formats import blocks
from training.formats.fit import Schedule, fit
from training.formats.layouts import BATCH, FORMATS, Format
from training.formats.table import read_results

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Config:
    """The YAML, field by field; `training/configs/screen.yaml` explains each."""

    out: Path
    base: Path | None
    max_tokens: int
    held_out: float
    near_duplicates: bool
    sources: list[data.SourceSpec]
    reports: int
    batch: int
    lora: dict[str, int]
    rate: float
    warmup: float
    save_every: int
    raw: dict[str, Any] = field(repr=False, default_factory=dict)

    @staticmethod
    def load(path: Path) -> Config:
        """Read a configuration.

        Raises:
            ValueError: a field is missing or unknown, or a source asks for recombined reports.
        """
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            fields = dict(raw)
            fields["out"] = Path(fields["out"])
            fields["base"] = Path(fields["base"]) if fields["base"] else None
            fields["sources"] = [data.SourceSpec(**source) for source in fields["sources"]]
            config = Config(**fields, raw=raw)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a screening configuration ({error})") from error
        if any(source.recombined for source in config.sources):
            raise ValueError(f"{path}: formats are screened without recombined reports")
        return config


def main() -> None:
    """Screen one format with one seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--config", type=Path, default=Path("training/configs/screen.yaml"))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(json.dumps(screen(Config.load(args.config), args.format, args.seed)))


def screen(config: Config, name: str, seed: int) -> dict[str, Any]:
    """Train and measure one format.

    Args:
        name: of the format, a key of `FORMATS`.
        seed: of the reports drawn, of their order and of the adapter's first weights.

    Returns:
        the line that was written to `results.jsonl`, in the place of one of the same run.

    Raises:
        ValueError: there are fewer reports than the configuration asks for, or the checkpoint is
            of another configuration.
    """
    label_set = chexpert14()
    model, tokenizer = base.load(base.ensure(config.base))
    model.set_attn_implementation(blocks.ATTENTION)
    if torch.cuda.is_available():
        model = model.cuda()
    layout = FORMATS[name](predict.wire(tokenizer, label_set))
    train_set, held_set = reports(config, layout.wire, seed)
    torch.manual_seed(seed)
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=config.lora["rank"],
            lora_alpha=config.lora["alpha"],
            target_modules=TARGETS,
            task_type="CAUSAL_LM",
        ),
    )
    schedule = Schedule(
        steps=config.reports // config.batch,
        batch=config.batch,
        rate=config.rate,
        warmup=config.warmup,
        save_every=config.save_every,
    )
    progress = fit(
        adapted,
        layout,
        train_set[: schedule.steps * schedule.batch],
        schedule,
        config.out / "checkpoints" / f"{name}-{seed}.pt",
        {"format": name, "seed": seed, "config": config.raw},
    )
    model = adapted.merge_and_unload().eval()
    logits, seconds = timed_decisions(model, layout, held_set)
    write_decisions(config.out / "decisions" / f"{name}-{seed}.jsonl", held_set, logits)
    result = {
        "format": name,
        "seed": seed,
        "steps": progress.step,
        "tokens_read": progress.tokens,
        "train_seconds": round(progress.seconds, 1),
        "held_out_reports": len(held_set),
        "seconds_a_report": round(seconds / len(held_set), 4),
        **figures(label_set, held_set, logits),
        "held_out_loss": round(held_out_loss(model, layout, held_set), 4),
        "threads": torch.get_num_threads(),
        "device": model.device.type,
    }
    write_result(config.out / "results.jsonl", result)
    return result


def reports(config: Config, wire: Wire, seed: int) -> tuple[list[Example], list[Example]]:
    """The reports to train on, drawn and in order, and all that are held out.

    Both depend on ids and seed alone, so every format sees the same.

    Raises:
        ValueError: there are fewer than `config.reports` to train on.
    """
    drawn: list[tuple[float, Example]] = []
    held_set: list[Example] = []
    for spec in config.sources:
        found = data.read(spec, wire.label_set)
        if config.near_duplicates:
            found, _ = data.drop_near_duplicates(found, data.dev_texts())
        fitting = [e for e in found if len(wire.report(e.text)) <= config.max_tokens]
        train, held = data.split_held_out(fitting, config.held_out)
        held_set += held
        for turn in range(spec.repeat):
            drawn += [(data.share(f"screen:{seed}:{turn}:{e.source}:{e.id}"), e) for e in train]
    if len(drawn) < config.reports:
        raise ValueError(f"{config.reports} reports are asked for, but there are {len(drawn)}")
    drawn.sort(key=lambda pair: pair[0])
    return [example for _, example in drawn[: config.reports]], held_set


def timed_decisions(
    model: Any, layout: Format, examples: Sequence[Example]
) -> tuple[NDArray[np.float32], float]:
    """Decision logits (examples, findings, 4), and the seconds that labelling took."""
    texts = [example.text for example in examples]
    layout.decide(model, texts[:1])  # The first call of all also sets up threads and memory.
    began = time.perf_counter()
    logits = layout.decide(model, texts)
    return logits, time.perf_counter() - began


@torch.no_grad()
def held_out_loss(model: Any, layout: Format, examples: Sequence[Example]) -> float:
    """Mean negative log-likelihood of the gold decisions among the four answers.

    Teacher-forced: where a format shows its earlier decisions, they are the gold ones here, so
    that their sum over a report is the likelihood of all its labels in every format.
    """
    total, decisions = 0.0, 0
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        rows = [layout.row(example) for example in batch]
        packed = blocks.pack(layout.wire.prefix, rows, decisions_only=True)
        logits = blocks.logits(model, packed, layout.markers)[:, list(layout.answers)].float()
        gold = torch.tensor([example.answers for example in batch], device=logits.device).view(-1)
        total += cross_entropy(logits, gold, reduction="sum").item()
        decisions += len(gold)
    return total / decisions


def figures(
    label_set: LabelSet, examples: Sequence[Example], logits: NDArray[np.float32]
) -> dict[str, float | None]:
    """The paper's figures that choose a format; None where the gold has no such certainty."""
    gold = np.array([example.answers for example in examples], dtype=np.int8)
    scores = score(label_set, gold, logits.argmax(-1).astype(np.int8))
    return {
        "macro_f1": round(scores.macro_f1_paper, 4),
        "uncertain_f1": None if math.isnan(scores.uncertain_f1) else round(scores.uncertain_f1, 4),
        "errors_a_report": round(scores.errors_a_report, 4),
    }


def write_decisions(path: Path, examples: Sequence[Example], logits: NDArray[np.float32]) -> None:
    """One line a report: source, id and labels, as `chexdesk evaluate` reads them; no text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(
            {
                "id": f"{example.source}:{example.id}",
                "labels": [CERTAINTIES[int(choice)].value_number for choice in choices],
            }
        )
        for example, choices in zip(examples, logits.argmax(-1), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Add a line, or put it in the place of the line of the same format and seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = read_results(path) if path.is_file() else []
    key = (result["format"], result["seed"])
    lines = [line for line in lines if (line["format"], line["seed"]) != key] + [result]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()

"""An encoder with a four-way head for each finding, wholly fine-tuned (CheXbert's way).

    python -m training.baselines.encoder --config training/configs/encoder.yaml [--seed N]

CheXbert (Smit et al. 2020) is a BERT whose pooled output feeds 14 linear heads; this is the same on
MiniLM, a sixth of BERT's size, which is what the registry offers. Trained on the very reports that
the model is trained on (`pseudo.yaml`: on labels that no expert made, CheX-GPT's way).
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModel, AutoTokenizer

from chexdesk.evaluation.metrics import score
from chexdesk.labels import CERTAINTIES, LabelSet, chexpert14
from training import data, mixture
from training.baselines import minilm, pseudo

MAX_TOKENS: Final = 256
WEIGHTS: Final = "encoder.pt"


@dataclass(frozen=True)
class Config:
    """The YAML, field by field; `training/configs/encoder.yaml` explains each."""

    out: Path
    held_out: float
    sources: list[data.SourceSpec]
    epochs: int
    batch: int
    rate: float
    head_rate: float
    warmup: float
    unlabelled: bool = False
    base: Path | None = None
    seed: int = 1

    @staticmethod
    def load(path: Path) -> Config:
        """Read a configuration.

        Raises:
            ValueError: a field is missing or unknown.
        """
        try:
            fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
            fields["out"] = Path(fields["out"])
            fields["base"] = Path(fields["base"]) if fields.get("base") else None
            fields["sources"] = [data.SourceSpec(**source) for source in fields["sources"]]
            return Config(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: not an encoder's configuration ({error})") from error


class Encoder(nn.Module):
    """Encoder and heads. Mean of the last hidden states, then one linear layer for all heads."""

    def __init__(self, folder: Path, findings: int, pretrained: bool = True) -> None:
        """Load an encoder folder; heads begin at random."""
        super().__init__()
        config = AutoConfig.from_pretrained(str(folder))
        self.body: Any = (
            AutoModel.from_pretrained(str(folder)) if pretrained else AutoModel.from_config(config)
        )
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(config.hidden_size, findings * len(CERTAINTIES))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits (reports, findings, 4) of token ids and mask, both (reports, tokens)."""
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.head(self.drop(pooled))
        return logits.view(len(ids), -1, len(CERTAINTIES))


def main() -> None:
    """Train one encoder as a configuration says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/encoder.yaml"))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    config = Config.load(args.config)
    train(Config(**{**vars(config), "seed": args.seed}))


def examples(
    config: Config, label_set: LabelSet
) -> tuple[list[data.Example], list[data.Example], dict[str, int]]:
    """Training examples with repeats, held-out ones, and how many of each."""
    train_set, held_set, counts = mixture.examples(
        config.sources, label_set, seed=config.seed, held_out=config.held_out
    )
    if config.unlabelled:
        found, dropped = data.drop_near_duplicates(pseudo.examples(label_set), data.dev_texts())
        train, held = data.split_held_out(found, config.held_out)
        train_set += train
        held_set += held
        counts["unlabelled trained on"] = len(train)
        counts["unlabelled dropped as near-duplicates of dev"] = len(dropped)
    return train_set, held_set, counts


def train(config: Config) -> Path:
    """Fine-tune, keep the epoch with the least held-out loss, and write it.

    Returns:
        the file of the weights, `<out>/adapter/encoder.pt`.
    """
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)
    label_set = chexpert14()
    folder = config.base or minilm.ensure()
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = Encoder(folder, len(label_set))
    train_set, held_set, counts = examples(config, label_set)
    print(json.dumps(counts), flush=True)
    steps = config.epochs * math.ceil(len(train_set) / config.batch)
    optimizer = torch.optim.AdamW(
        [
            {"params": model.body.parameters(), "lr": config.rate},
            {"params": model.head.parameters(), "lr": config.head_rate},
        ],
        weight_decay=0.01,
    )
    warm = max(1, int(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda s: min((s + 1) / warm, 0.5 * (1 + math.cos(math.pi * s / steps))),
    )
    target = config.out / "adapter" / WEIGHTS
    target.parent.mkdir(parents=True, exist_ok=True)
    best = math.inf
    for epoch in range(config.epochs):
        model.train()
        for batch in _batches(train_set, config.batch, rng):
            loss = cross_entropy(_logits(model, tokenizer, batch).flatten(0, 1), _gold(batch))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        found = decide(model, tokenizer, [example.text for example in held_set])
        held_loss = float(cross_entropy(torch.tensor(found).flatten(0, 1), _gold(held_set)))
        gold = np.array([example.answers for example in held_set], dtype=np.int8)
        scores = score(label_set, gold, found.argmax(-1).astype(np.int8))
        line = {"epoch": epoch + 1, "held_out_loss": round(held_loss, 4)}
        print(line | {"macro_f1": round(scores.macro_f1_paper, 4)}, flush=True)
        if held_loss < best:
            best = held_loss
            torch.save(model.state_dict(), target)
    return target


def load(weights: Path, folder: Path | None, label_set: LabelSet) -> tuple[Encoder, Any]:
    """A trained encoder, evaluating, and its tokenizer."""
    folder = folder or minilm.ensure()
    model = Encoder(folder, len(label_set), pretrained=False)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    return model, AutoTokenizer.from_pretrained(str(folder))


def decide(model: Encoder, tokenizer: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Logits (texts, findings, 4), in the texts' order."""
    model.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    findings = model.head.out_features // len(CERTAINTIES)
    out = np.zeros((len(texts), findings, len(CERTAINTIES)), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            out[rows] = model(*_tokens(tokenizer, [texts[i] for i in rows])).numpy()
    return out


def _batches(
    examples: Sequence[data.Example], size: int, rng: random.Random
) -> Iterator[list[data.Example]]:
    """Batches of reports of like length, in random order: padding is work for nothing."""
    order = sorted(examples, key=lambda e: len(e.text) * rng.uniform(0.8, 1.25))
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    rng.shuffle(groups)
    yield from groups


def _tokens(tokenizer: Any, texts: list[str]) -> tuple[Tensor, Tensor]:
    batch = tokenizer(
        texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"]


def _logits(model: Encoder, tokenizer: Any, batch: Sequence[data.Example]) -> Tensor:
    logits: Tensor = model(*_tokens(tokenizer, [example.text for example in batch]))
    return logits


def _gold(batch: Sequence[data.Example]) -> Tensor:
    return torch.tensor([example.answers for example in batch]).flatten()


if __name__ == "__main__":
    main()

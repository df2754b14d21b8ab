"""GPU memory of a PPO run on paper: the frozen base once, and what stands on it.

    python -m training.rlhf.memory [--base FOLDER] [--rank 16] [--reports 8] [--tokens 300]

Nothing is loaded: a model folder's `config.json` (or a 7B's measures) gives the shapes, and the
rest is arithmetic. Activations are an estimate, all else is exact.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GB: Final = 1e9
_BF16, _FP32 = 2, 4
#: The prompt's instruction, which stands in a batch once, and the markers of each report.
_INSTRUCTION, _MARKERS = 120, 14


@dataclass(frozen=True)
class Shape:
    """A Llama-family model.

    Attributes:
        hidden, inner: widths of the residual stream and of the feed-forward layer.
        key_width: of all key heads together. tied: input and output embeddings are one.
    """

    layers: int
    hidden: int
    inner: int
    key_width: int
    vocabulary: int
    tied: bool

    @staticmethod
    def read(folder: Path) -> Shape:
        """From a model folder.

        Raises:
            ValueError: the folder holds no configuration of a Llama-family model.
        """
        try:
            raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            heads = raw["num_attention_heads"]
            width = raw.get("head_dim") or raw["hidden_size"] // heads
            return Shape(
                layers=raw["num_hidden_layers"],
                hidden=raw["hidden_size"],
                inner=raw["intermediate_size"],
                key_width=width * raw.get("num_key_value_heads", heads),
                vocabulary=raw["vocab_size"],
                tied=bool(raw.get("tie_word_embeddings")),
            )
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{folder}: no Llama-family model ({error!r})") from error

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Inputs and outputs of a layer's seven matrices; each has an adapter."""
        h, i, k = self.hidden, self.inner, self.key_width
        return [(h, h), (h, k), (h, k), (h, h), (h, i), (h, i), (i, h)]

    @property
    def parameters(self) -> int:
        """Of the base (biases, where a family has them, left out)."""
        layer = sum(a * b for a, b in self.matrices) + 2 * self.hidden
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return self.layers * layer + embeddings + self.hidden

    def adapter(self, rank: int) -> int:
        """Parameters of a LoRA adapter on all seven matrices."""
        return self.layers * sum(rank * (a + b) for a, b in self.matrices)


#: Mistral-7B, for a paper that is about a 7B.
SEVEN: Final = Shape(32, 4096, 14336, 1024, 32_000, tied=False)


def table(shape: Shape, rank: int, reports: int, tokens: int) -> list[tuple[str, float]]:
    """Parts and their gigabytes, the sum last.

    Args:
        reports: in a minibatch. tokens: of each report.
    """
    row = _INSTRUCTION + reports * (tokens + _MARKERS)
    adapter = shape.adapter(rank)
    # With checkpointing each layer's input is kept, and one layer at a time is computed again:
    # attention (queries, keys, values, output, twice) and the feed-forward layer (three inner ones)
    # with the adapters' copies in float32.
    kept = shape.layers * row * shape.hidden * _BF16
    inside = row * (8 * shape.hidden + 4 * shape.inner) * (_BF16 + _FP32)
    parts = [
        ("base, bf16, once for policy, value, reward and reference", shape.parameters * _BF16),
        ("policy's adapter, float32", adapter * _FP32),
        ("its gradient", adapter * _FP32),
        ("its Adam moments", 2 * adapter * _FP32),
        ("value head with gradient and moments", 4 * _MARKERS * (shape.hidden + 1) * _FP32),
        (f"activations of a row of {row} tokens, checkpointed (estimate)", kept + inside),
    ]
    found = [(name, size / _GB) for name, size in parts]
    return [*found, ("together", sum(size for _, size in found))]


def separate(shape: Shape) -> float:
    """Gigabytes of four whole models, two of them trained in float32, without activations."""
    frozen, trained = 2 * shape.parameters * _BF16, 2 * shape.parameters * 4 * _FP32
    return (frozen + trained) / _GB


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", type=Path, help="a model folder; otherwise Mistral-7B's measures")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--reports", type=int, default=8, help="in a minibatch")
    parser.add_argument("--tokens", type=int, default=300, help="of a report")
    args = parser.parse_args(arguments)
    shape = Shape.read(args.base) if args.base else SEVEN
    print("| part | GB |\n|---|---:|")
    for name, size in table(shape, args.rank, args.reports, args.tokens):
        print(f"| {name} | {size:.2f} |")
    print(f"| four whole models instead, two of them trained | {separate(shape):.0f} |")


if __name__ == "__main__":
    main()

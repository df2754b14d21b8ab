"""Damaged and hostile model files: does the app ever fall with them?

    python -m benchmarks.hostile_models [--mutations 500] [--seed 1]

A small model with random weights and the real vocabulary is changed at random in many ways, and its
manifest is made to fit (a pack that somebody made on purpose: one whose sha256 does not fit is
refused before llama.cpp sees it, which is counted as well). Each is opened as a pack and asked to
label a report. What may happen: it works, or there is a message. What may not: this process ends,
or one file takes longer than the limit.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from chexdesk.labeling.labeler import LabelerError
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labeling.pack import FORMAT, MANIFEST_FILE, MODEL_FILE, WIRE
from chexdesk.labeling.wire import PROMPT_VERSION
from chexdesk.labels import chexpert14
from chexdesk.reports.report import Report

WIDTH: Final = 32
SHAPE: Final = {
    "context_length": 512,
    "embedding_length": WIDTH,
    "block_count": 1,
    "feed_forward_length": 2 * WIDTH,
    "attention.head_count": 2,
    "attention.head_count_kv": 1,
    "rope.dimension_count": WIDTH // 2,
}
LIMIT_S: Final = 120.0
KINDS: Final = ("cut", "bytes", "header bytes", "counts", "lengths", "zeros", "ones", "swapped")


def small_model(path: Path, template: str | None = None) -> Path:
    """A Llama of one layer with random weights and SmolLM2's vocabulary, some 3 MB.

    Args:
        template: a chat template to put in.
    """
    # Not at the top: every worker process imports the module that was started.
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

    from export import base

    writer = GGUFWriter(path, "llama")
    for name, number in SHAPE.items():
        writer.add_uint32(f"llama.{name}", number)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    for name, field in GGUFReader(str(base.obtain())).fields.items():
        if not name.startswith("tokenizer.") or name == "tokenizer.chat_template":
            continue
        inner = field.types[1] if field.types[0] is GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], inner)
    if template is not None:
        writer.add_chat_template(template)
    chance = np.random.default_rng(1)

    def add(name: str, *shape: int) -> None:
        values = chance.normal(0, 0.1, shape).astype(np.float16 if len(shape) > 1 else np.float32)
        writer.add_tensor(name, values)

    vocabulary = 49152
    add("token_embd.weight", vocabulary, WIDTH)
    for name, *shape in (("attn_norm", WIDTH), ("ffn_norm", WIDTH), ("attn_q", WIDTH, WIDTH),
                         ("attn_k", WIDTH // 2, WIDTH), ("attn_v", WIDTH // 2, WIDTH),
                         ("attn_output", WIDTH, WIDTH), ("ffn_gate", 2 * WIDTH, WIDTH),
                         ("ffn_up", 2 * WIDTH, WIDTH), ("ffn_down", WIDTH, 2 * WIDTH)):  # fmt: skip
        add(f"blk.0.{name}.weight", *shape)
    add("output_norm.weight", WIDTH)
    writer.add_file_type(int(GGMLQuantizationType.F16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_pack(folder: Path, model: bytes, sha256: str | None = None) -> Path:
    """A pack of these bytes, with the sha256 that fits or the one given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    label_set = chexpert14()
    manifest = {
        "format": FORMAT, "wire": WIRE, "prompt_version": PROMPT_VERSION, "name": "small",
        "version": "1", "sha256": sha256 or hashlib.sha256(model).hexdigest(),
        "label_set": {"name": label_set.name, "findings": list(label_set.names)},
    }  # fmt: skip
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    return folder


def mutation(model: bytes, kind: str, chance: random.Random) -> bytes:
    """The model changed in one way; it begins as a GGUF still, or the magic is all that is read."""
    data = bytearray(model)
    header = model.find(b"token_embd.weight") + 2000
    if kind == "cut":
        return bytes(
            data[: chance.choice([chance.randrange(5, header), chance.randrange(len(data))])]
        )
    if kind in ("bytes", "header bytes"):
        end = len(data) if kind == "bytes" else header
        for _ in range(chance.choice([1, 4, 64, 1024])):
            data[chance.randrange(4, end)] = chance.randrange(256)
    elif kind == "counts":
        # Version, number of tensors, number of keys.
        place, form = chance.choice([(4, "<I"), (8, "<Q"), (16, "<Q")])
        most = 2 ** (32 if form == "<I" else 64)
        number = chance.choice([0, 1, 2**31, most - 1, most // 2, chance.randrange(most)])
        struct.pack_into(form, data, place, number % most)
    elif kind == "lengths":
        # Eight bytes somewhere in the header, where lengths, offsets and dimensions lie.
        number = chance.choice([0, 2**63 - 1, 2**64 - 1, 2**32, 2**20, chance.randrange(2**64)])
        near_end = chance.random() < 0.5
        place = chance.randrange(header - 2600, header) if near_end else chance.randrange(24, 2000)
        struct.pack_into("<Q", data, place, number)
    elif kind in ("zeros", "ones"):
        size = chance.choice([8, 256, 65536])
        place = chance.randrange(4, len(data) - size)
        data[place : place + size] = (b"\0" if kind == "zeros" else b"\xff") * size
    else:
        size = chance.choice([4, 16, 400])
        a, b = chance.randrange(4, header), chance.randrange(4, header)
        data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return bytes(data)


def attempt(folder: Path) -> str:
    """Open a pack and label a report: `works`, `refused` or `row failed`."""
    try:
        labeler = LlamaLabeler(folder, chexpert14(), threads=1)
    except LabelerError:
        return "refused"
    try:
        (answer,) = labeler.label([Report("1", "Small left effusion. No pneumothorax.")])
    except LabelerError:
        return "refused"
    finally:
        labeler.close()
    return "row failed" if answer.error else "works"


def main() -> int:
    parser = argparse.ArgumentParser(description="Random changes to a model file.")
    parser.add_argument("--mutations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    outcomes: collections.Counter[tuple[str, str]] = collections.Counter()
    longest = 0.0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = small_model(folder / "small.gguf").read_bytes()
        if attempt(write_pack(folder / "whole", model)) != "works":
            print("the small model itself does not work")
            return 1
        for number in range(chosen.mutations):
            kind = KINDS[number % len(KINDS)]
            pack = write_pack(folder / "pack", mutation(model, kind, chance))
            start = time.monotonic()
            outcomes[kind, attempt(pack)] += 1
            longest = max(longest, time.monotonic() - start)
            if not number % 50:
                print(f"{number} files", file=sys.stderr, flush=True)
        other = write_pack(
            folder / "other", model[:-1] + b"\0\0", hashlib.sha256(model).hexdigest()
        )
        refused = attempt(other) == "refused"
    print("| change | works | refused | row failed |\n|---|---:|---:|---:|")
    for kind in KINDS:
        print(f"| {kind} | " + " | ".join(
            str(outcomes[kind, each]) for each in ("works", "refused", "row failed")
        ) + " |")  # fmt: skip
    print(f"\n{outcomes.total()} files; the app fell with none; the longest took {longest:.1f} s.")
    print("a file with another sha256: " + ("refused" if refused else "NOT REFUSED"))
    return int(longest > LIMIT_S or not refused)


if __name__ == "__main__":
    sys.exit(main())

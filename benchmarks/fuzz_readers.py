"""Damaged files for every reader, for as long as wanted.

    python benchmarks/fuzz_readers.py --minutes 10 [--format pdf] [--seed 1]

Each example is made from its number alone; one that breaks a reader's promise, or takes longer than
`--slow` seconds, is written to build/fuzz/ and told with its number. One that ends the process is
`build/fuzz/current`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "reports"))

import reader_fuzz  # noqa: E402

KEPT = ROOT / "build" / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--format", choices=sorted(reader_fuzz.SEEDS), action="append")
    parser.add_argument("--seed", type=int, default=1, help="number of the first example")
    parser.add_argument("--slow", type=float, default=10.0, help="seconds")
    options = parser.parse_args()
    kinds = options.format or list(reader_fuzz.SEEDS)
    samples = {kind: reader_fuzz.seeds(kind) for kind in kinds}
    end = time.monotonic() + options.minutes * 60
    tried = dict.fromkeys(kinds, 0)
    read = dict.fromkeys(kinds, 0)
    slowest = dict.fromkeys(kinds, 0.0)
    failures = 0
    number = options.seed
    KEPT.mkdir(parents=True, exist_ok=True)
    while time.monotonic() < end:
        for kind in kinds:
            chance = random.Random(f"{kind} {number}")
            data = reader_fuzz.damaged_inside(chance.choice(samples[kind]), chance)
            # A parser in C can end the process: then the example lies here.
            (KEPT / "current").write_bytes(data)
            before, why = time.monotonic(), ""
            try:
                read[kind] += reader_fuzz.check(kind, data) > 0
            except Exception:  # what a reader lets through is what this looks for
                why = traceback.format_exc()
            took = time.monotonic() - before
            tried[kind] += 1
            slowest[kind] = max(slowest[kind], took)
            if why or took > options.slow:
                failures += 1
                path = KEPT / f"{kind}-{number}"
                path.write_bytes(data)
                print(f"{path}: {why or f'took {took:.1f} s'}", flush=True)
        number += 1
    for kind in kinds:
        print(
            f"{kind:8} {tried[kind]:7,} files, {read[kind]:6,} read, slowest {slowest[kind]:.2f} s"
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

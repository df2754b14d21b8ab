"""Real reports through the command line: reports a second and peak memory.

    .venv/bin/python benchmarks/throughput.py [--reports 1000] [--engine llama] [--model PACK]

Takes OpenI reports from `../shared/eval/openi_reports.csv`. Memory is the largest resident set of
any one process of the run, and of all of them together, sampled every 20 ms.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--format", default="csv", choices=["csv", "jsonl"])
    parser.add_argument("options", nargs=argparse.REMAINDER, help="further options of `label`")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "reports.csv"
        count = _write(source, args.reports)
        output = Path(folder) / f"labels.{args.format}"
        command = [sys.executable, "-m", "chexdesk.cli", "label", str(source)]
        start = time.perf_counter()
        process = subprocess.Popen([*command, "--output", str(output), *args.options])
        peak = _Peak(process.pid)
        process.wait()
        seconds = time.perf_counter() - start
        peak.stop()
        print(
            f"{count} reports in {seconds:.1f} s, {count / seconds:.1f} a second, start-up "
            f"included; peak {peak.largest / 1e6:.0f} MB in one process, "
            f"{peak.together / 1e6:.0f} MB together"
        )


def _write(path: Path, count: int) -> int:
    with (EVAL / "openi_reports.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["findings"] or r["impression"]][:count]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["uid", "findings", "impression"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


class _Peak:
    """The largest memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self.largest = self.together = 0
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            try:
                sizes = [
                    p.memory_info().rss for p in [self._root, *self._root.children(recursive=True)]
                ]
            except psutil.Error:
                continue
            self.largest = max(self.largest, *sizes)
            self.together = max(self.together, sum(sizes))


if __name__ == "__main__":
    main()

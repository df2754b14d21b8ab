"""How well evidence spans find the stretches that readers marked.

    python -m benchmarks.evidence [--gold FILE] [--predictions FILE] [--misses N]

The gold file is JSONL with `uid`, `text` and `labels: {finding: [value, quote]}`. A quote counts as
found when a span of the same finding and certainty overlaps one of its places in the text. Token F1
compares the words under the spans with the words of the quote, over all labels that have a quote:
`all` takes every span of that finding and certainty, `best` the one that fits best. Without
`--predictions` two rows are given: every mention of the rule engine, and `find_evidence` told the
gold labels. With it, the spans of the command line's JSON or JSONL output, matched by `id`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chexdesk.evidence.find import find_evidence
from chexdesk.evidence.span import Span
from chexdesk.labeling.context import default_engine
from chexdesk.labels import Certainty, chexpert14
from chexdesk.reports.sections import choose_sections

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class GoldReport:
    """One annotated report; `quotes` are (finding, certainty, quote) with a quote."""

    id: str
    text: str
    certainties: tuple[Certainty, ...]
    quotes: tuple[tuple[str, Certainty, str], ...]


@dataclass
class Tally:
    """Counts over all quotes; token counts are (shared, predicted, gold)."""

    quotes: int = 0
    found: int = 0
    tokens_all: list[int] = field(default_factory=lambda: [0, 0, 0])
    tokens_best: list[int] = field(default_factory=lambda: [0, 0, 0])
    missed: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        return (
            f"{name:32s} quotes {self.quotes:5d}  found {self.found / self.quotes:.4f}  "
            f"token F1 all {_f1(self.tokens_all):.4f}  best {_f1(self.tokens_best):.4f}"
        )


def read_gold(path: Path) -> list[GoldReport]:
    label_set = chexpert14()
    reports = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        labels = {name: tuple(label) for name, label in row["labels"].items()}
        certainties = tuple(
            Certainty.from_number(labels[name][0] if name in labels else None)
            for name in label_set.names
        )
        quotes = tuple(
            (name, Certainty.from_number(value), quote)
            for name, (value, quote) in labels.items()
            if quote
        )
        reports.append(GoldReport(str(row["uid"]), row["text"], certainties, quotes))
    return reports


def read_predictions(path: Path) -> dict[str, list[Span]]:
    text = path.read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = (
        json.loads(text)
        if text.lstrip().startswith("[")
        else [json.loads(line) for line in text.splitlines() if line.strip()]
    )
    return {
        str(row["id"]): [
            Span(e["finding"], Certainty(e["certainty"]), e["start"], e["end"], e.get("cue", ""))
            for e in row["evidence"]
        ]
        for row in rows
    }


def tally(gold: Iterable[GoldReport], spans: Mapping[str, Sequence[Span]]) -> Tally:
    total = Tally()
    for report in gold:
        words = [match.span() for match in _WORD.finditer(report.text)]
        for finding, certainty, quote in report.quotes:
            same = [
                span
                for span in spans.get(report.id, ())
                if span.finding == finding and span.certainty is certainty
            ]
            under = [_under(words, span.start, span.end) for span in same]
            every = frozenset().union(*under)
            places = [m.start() for m in re.finditer(re.escape(quote), report.text)]
            wanted = max(
                (_under(words, at, at + len(quote)) for at in places),
                key=lambda place: len(place & every),
            )
            best = max(
                under, key=lambda u: _f1([len(u & wanted), len(u), len(wanted)]), default=every
            )
            total.quotes += 1
            if every & wanted:
                total.found += 1
            else:
                total.missed.append(f"{report.id}  {finding}  {certainty.value}  {quote!r}")
            for counts, chosen in ((total.tokens_all, every), (total.tokens_best, best)):
                counts[0] += len(chosen & wanted)
                counts[1] += len(chosen)
                counts[2] += len(wanted)
    return total


def _under(words: Sequence[tuple[int, int]], start: int, end: int) -> frozenset[int]:
    return frozenset(n for n, (first, stop) in enumerate(words) if first < end and stop > start)


def _f1(counts: Sequence[int]) -> float:
    shared, predicted, gold = counts
    return 2 * shared / (predicted + gold) if predicted + gold else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Score evidence spans against marked quotes.")
    parser.add_argument("--gold", type=Path, default=EVAL / "openi_evidence_open.jsonl")
    parser.add_argument("--predictions", type=Path, help="the command line's JSON or JSONL output")
    parser.add_argument("--misses", type=int, default=0, help="print so many quotes not found")
    chosen = parser.parse_args()
    gold = read_gold(chosen.gold)
    if chosen.predictions:
        systems = {chosen.predictions.name: read_predictions(chosen.predictions)}
    else:
        engine = default_engine()
        systems = {
            "rule engine, all mentions": {
                r.id: engine.find_mentions(r.text, choose_sections(r.text)) for r in gold
            },
            "find_evidence, gold certainties": {
                r.id: list(find_evidence(r.text, r.certainties, chexpert14()).spans) for r in gold
            },
        }
    for name, spans in systems.items():
        total = tally(gold, spans)
        print(total.row(name))
        for missed in total.missed[: chosen.misses]:
            print("   ", missed)


if __name__ == "__main__":
    main()

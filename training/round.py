"""A round of active learning at a site: its reviews in, a new adapter and pack out.

    python -m training.round --reviews FILE.jsonl --start ADAPTER_DIR --out DIR

Exit 0: promoted, the pack is in DIR/pack. 1: nothing could be done. 3: the new adapter is worse
than the one before and was not promoted; it stays in DIR for inspection. A round that was killed
goes on where it was when run again. See docs/active-learning.md.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from rich.console import Console

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labeling.calibration import Calibration
from chexdesk.labeling.wire import PROMPT_VERSION
from chexdesk.labels import LabelSet, chexpert14
from chexdesk.services.wholefile import whole_file
from training import data, holdout, predict, promotion, sft
from training.folds import rule_reading

PROMOTED, NOTHING_DONE, WORSE = 0, 1, 3
LOCK: Final = "holdout.json"
HISTORY: Final = "rounds.jsonl"
PACK: Final = "pack"
CARD: Final = "adapter.json"
_WEIGHTS: Final = "adapter_model.safetensors"


class RoundError(RuntimeError):
    """The round cannot go on; the message says why and holds no report text."""


@dataclass(frozen=True)
class Settings:
    """The YAML, field by field; `training/configs/round.yaml` explains each.

    Attributes:
        site: how the reviews that are learnt from enter (fields of `data.SourceSpec`).
        training: fields of `sft.Config`; `out`, `base` and `start` are the round's own.
    """

    holdout: float
    tolerance: float
    minimum: int
    site: dict[str, Any]
    training: dict[str, Any]

    @staticmethod
    def load(path: Path) -> Settings:
        """Read the settings.

        Raises:
            RoundError: the file is missing, or a field is missing or unknown.
        """
        try:
            return Settings(**yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, TypeError, yaml.YAMLError) as error:
            raise RoundError(f"{path}: no settings of a round ({error})") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.round", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--reviews", type=Path, required=True, help="from `chexdesk reviews export`"
    )
    parser.add_argument("--start", type=Path, required=True, help="the adapter in use now")
    parser.add_argument("--out", type=Path, required=True, help="the site's folder of rounds")
    parser.add_argument("--config", type=Path, default=Path("training/configs/round.yaml"))
    parser.add_argument("--holdout", type=float, help="share held out; the configuration's if not")
    parser.add_argument("--minimum", type=int, help="held-out reports that are asked at least")
    parser.add_argument("--base", type=Path, help="the adapter's base folder; the default's if not")
    args = parser.parse_args(arguments)
    try:
        settings = Settings.load(args.config)
        share = settings.holdout if args.holdout is None else args.holdout
        minimum = settings.minimum if args.minimum is None else args.minimum
        if not 0 < share < 1 or minimum < 1:
            parser.error("--holdout lies between 0 and 1, and --minimum is 1 or more")
        reviews = holdout.read(args.reviews, chexpert14())
        parts = holdout.divide(reviews, args.out / LOCK, share, minimum)
        return run(parts, settings, args.start, args.out, args.base, args.reviews)
    except (RoundError, OSError, ValueError) as error:
        print(f"Nothing was promoted: {error}", file=sys.stderr)
        return NOTHING_DONE


def run(
    parts: holdout.Parts,
    settings: Settings,
    start: Path,
    out: Path,
    base: Path | None,
    verify_on: Path,
) -> int:
    """Train, compare, and promote what is not worse.

    Args:
        verify_on: JSONL of reports on which the pack must say what the adapter says.

    Returns:
        `PROMOTED` or `WORSE`.

    Raises:
        RoundError: `start` is no adapter of this wire format, or no pack could be made.
    """
    label_set = chexpert14()
    print(
        f"{len(parts.holdout)} reports held out, {len(parts.training)} to learn from, "
        f"{len(parts.near)} left out as near-duplicates of held-out ones, "
        f"{len(parts.reserve)} kept for a later holdout",
        flush=True,
    )
    card = _card(start)
    key = _key(parts, settings, start)
    adapter = _train(parts, settings, start, out / f"round-{key}", base)
    gold = np.array([review.example.answers for review in parts.holdout], dtype=np.int8)
    calibration = Calibration.from_dict(card.get("calibration", {}), len(label_set))
    before, after = (
        _decisions(folder, base, parts.holdout, calibration, label_set)
        for folder in (start, adapter)
    )
    comparison = promotion.compare(label_set, gold, before, after)
    _show(comparison, settings.tolerance)
    _write_card(adapter, card, key, comparison)
    reason = promotion.refusal(comparison, settings.tolerance)
    if reason is None:
        _export(adapter, out / PACK, card.get("quantization", "Q8_0"), base, verify_on)
    _remember(out / HISTORY, key, comparison, reason)
    if reason is not None:
        print(f"Not promoted: {reason}. The adapter stays in {adapter}.", file=sys.stderr)
        return WORSE
    print(f"Promoted: {out / PACK}, made of {adapter}; that adapter is the next round's --start.")
    return PROMOTED


def _card(start: Path) -> dict[str, Any]:
    if not (start / _WEIGHTS).is_file():
        raise RoundError(f"{start} holds no adapter ({_WEIGHTS} is missing)")
    path = start / CARD
    card = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if card.get("prompt_version", PROMPT_VERSION) != PROMPT_VERSION:
        raise RoundError(f"{start} was trained for another wire format than {PROMPT_VERSION}")
    return dict(card)


def _key(parts: holdout.Parts, settings: Settings, start: Path) -> str:
    """The name of a training: other reviews, settings or start begin another one."""
    digest = hashlib.sha256((start / _WEIGHTS).read_bytes())
    digest.update(json.dumps([settings.site, settings.training], sort_keys=True).encode())
    for review in parts.training:
        digest.update(review.line.encode())
    return digest.hexdigest()[:10]


def _train(
    parts: holdout.Parts, settings: Settings, start: Path, folder: Path, base: Path | None
) -> Path:
    """The finished adapter. Texts lie in the folder only while it is being trained."""
    done = folder / "adapter" / "training.json"
    if _is_whole(done):
        return done.parent
    folder.mkdir(parents=True, exist_ok=True)
    for checkpoint in (folder / "checkpoints").glob("checkpoint-*"):
        # The trainer writes this file last: without it a kill came in between.
        if not _is_whole(checkpoint / "trainer_state.json"):
            shutil.rmtree(checkpoint)
    texts = folder / "learning.jsonl"
    try:
        with whole_file(texts) as stream:
            stream.writelines(review.line + "\n" for review in parts.training)
        return sft.train(_config(settings, start, folder, texts, base))
    finally:
        texts.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _config(
    settings: Settings, start: Path, folder: Path, texts: Path, base: Path | None
) -> sft.Config:
    site = {"name": holdout.SOURCE, "path": str(texts.resolve()), **settings.site}
    raw = {**settings.training, "start": str(start), "base": str(base) if base else None}
    raw["sources"] = [site, *settings.training.get("sources", [])]
    try:
        fields = {**raw, "out": folder, "start": start, "base": base}
        fields["sources"] = [data.SourceSpec(**source) for source in raw["sources"]]
        return sft.Config(**fields, raw=raw)
    except TypeError as error:
        raise RoundError(f"the round's settings: {error}") from error


def _decisions(
    adapter: Path,
    base: Path | None,
    reviews: Sequence[holdout.Reviewed],
    calibration: Calibration,
    label_set: LabelSet,
) -> Decisions:
    model, _, wire = predict.load(adapter, base, label_set)
    texts = [review.example.text for review in reviews]
    probabilities = calibration.apply(predict.decision_logits(model, wire, texts))
    if calibration.has_witness:
        reading = rule_reading(texts)
        probabilities = calibration.hear(probabilities, reading)
    return np.asarray(probabilities.argmax(axis=-1), dtype=np.int8)


def _show(comparison: promotion.Comparison, tolerance: float) -> None:
    Console().print(promotion.table(comparison))
    needed = promotion.reports_needed(comparison.turned, tolerance)
    print(
        f"Decisions that turned right or wrong: {comparison.turned:.3f} a report; at that, "
        f"{needed} held-out reports tell a difference of {tolerance:g} errors a report."
    )


def _write_card(
    adapter: Path, before: dict[str, Any], key: str, comparison: promotion.Comparison
) -> None:
    """What is known of the new adapter. It keeps the old calibration.

    To fit another takes reports that the adapter never saw, and those judge it: a temperature
    fitted on the holdout would be fitted on the judge.
    """
    version = str(before.get("version", "0")).partition("+")[0]
    card = {
        "name": before.get("name", adapter.parent.name),
        "version": f"{version}+round.{key}",
        "label_set": before.get("label_set", chexpert14().name),
        "prompt_version": PROMPT_VERSION,
        "quantization": before.get("quantization", "Q8_0"),
        "calibration": before.get("calibration", {}),
        "metrics": {"site_holdout": comparison.as_dict()},
        "training": json.loads((adapter / "training.json").read_text(encoding="utf-8")),
    }
    with whole_file(adapter / CARD) as stream:
        stream.write(json.dumps(card, indent=1) + "\n")


def _export(
    adapter: Path, pack: Path, quantization: str, base: Path | None, verify_on: Path
) -> None:
    command = [sys.executable, "-m", "export", str(adapter), "--quantize", quantization]
    command += ["--out", str(pack), "--verify-on", str(verify_on)]
    command += ["--base", str(base)] if base else []
    if subprocess.run(command, check=False).returncode:
        raise RoundError(f"no pack could be made of {adapter}")


def _remember(path: Path, key: str, comparison: promotion.Comparison, reason: str | None) -> None:
    row = {
        "date": datetime.date.today().isoformat(),
        "round": key,
        "promoted": reason is None,
        "reason": reason,
        **comparison.as_dict(),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    sys.exit(main())

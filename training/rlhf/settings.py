"""The YAML of a run, field by field; `training/configs/ppo.yaml` explains each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from training import data
from training.rlhf.objectives import DPO, PPO, Continued, Group, Objective

#: The reward that needs no reward model (`tables.agreement`).
AGREEMENT: Final = "agreement"


@dataclass(frozen=True)
class KL:
    """The penalty of the paper's equation 3, and where an update ends.

    Attributes:
        coefficient: β_f at first. target: nats a decision that β_f is steered to; None leaves it.
        horizon: decisions in which β_f may change by a fifth.
        stop: an update's remaining steps are left out once the policy is this far (nats a decision)
            from the one that drew its answers.
    """

    coefficient: float
    target: float | None
    horizon: float
    stop: float


@dataclass(frozen=True)
class Settings:
    """One run. Every field but `stop_after`, `fold` and `precision` is asked for."""

    method: str
    seed: int
    out: Path
    start: Path
    base: Path | None
    reward: str
    preferences: Path | None
    tables: Path
    max_tokens: int
    near_duplicates: bool
    held_out: float
    sources: list[data.SourceSpec]
    unlabelled: float
    doubtful: float
    watch: list[data.SourceSpec]
    updates: int
    reports: int
    samples: int
    epochs: int
    minibatch: int
    rate: float
    value_rate: float
    warmup: int
    clip: float
    value_clip: float
    entropy: float
    whiten: str
    kl: KL
    dpo_beta: float
    check_every: int
    save_every: int
    stop_after: int | None = None
    fold: dict[str, Any] | None = None
    precision: str = "auto"

    @staticmethod
    def load(
        path: Path, changes: dict[str, Any] | None = None, fold: int | None = None
    ) -> Settings:
        """Read a configuration.

        Args:
            changes: fields that take the place of the file's.
            fold: one of the file's `folds`, which say what a fold has of its own: where it is put,
                the adapter that it begins with and the reward; neither may have seen its reports.

        Raises:
            ValueError: a field is missing, unknown or out of range, or there is no such fold; the
                message names the file.
        """
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            folds = raw.pop("folds", None)
            if fold is not None:
                if not folds or not 0 <= fold < folds["of"]:
                    raise ValueError(f"there is no fold {fold}")
                named = {"fold": fold, "method": {**raw, **(changes or {})}["method"]}
                raw |= {name: folds[name].format(**named) for name in ("out", "start", "reward")}
                raw["fold"] = {"source": folds["source"], "of": folds["of"], "index": fold}
            return Settings.of({**raw, **(changes or {})})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a configuration of a policy ({error})") from error

    @staticmethod
    def of(raw: dict[str, Any]) -> Settings:
        """From plain values, as YAML holds them.

        Raises:
            KeyError, TypeError: a field is missing or unknown. ValueError: one is out of range.
        """
        fields = dict(raw)
        for name in ("out", "start", "tables"):
            fields[name] = Path(fields[name])
        for name in ("base", "preferences"):
            fields[name] = Path(fields[name]) if fields[name] else None
        for name in ("sources", "watch"):
            fields[name] = [data.SourceSpec(**source) for source in fields[name]]
        fields["kl"] = KL(**fields["kl"])
        found = Settings(**fields)
        found.objective()
        if found.reports % found.minibatch:
            raise ValueError("reports must be a multiple of minibatch")
        if min(found.updates, found.reports, found.samples, found.epochs, found.minibatch) < 1:
            raise ValueError("updates, reports, samples, epochs and minibatch must be above 0")
        return found

    def plain(self) -> dict[str, Any]:
        """All fields as values that JSON and YAML hold; `of` reads them back."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return found

    @property
    def last(self) -> int:
        """The update after which the run ends; the learning rate falls to 0 at `updates`."""
        return self.updates if self.stop_after is None else min(self.updates, self.stop_after)

    def objective(self) -> Objective:
        """The method.

        Raises:
            ValueError: there is none of that name.
        """
        if self.method == "ppo":
            return PPO(self.samples, self.clip, self.value_clip, self.entropy, self.whiten)
        if self.method in ("rloo", "grpo"):
            scaled = self.method == "grpo"
            return Group(self.samples, self.clip, self.entropy, scaled, self.whiten)
        if self.method == "dpo":
            return DPO(self.dpo_beta)
        if self.method == "continued":
            return Continued()
        raise ValueError(f"method is {self.method!r}; expected ppo, rloo, grpo, dpo or continued")

    def rate_at(self, update: int) -> float:
        """Share of the learning rates in an update, from 0: up in a line, then down to 0."""
        return min(1.0, (update + 1) / max(1, self.warmup)) * (1 - update / self.updates)

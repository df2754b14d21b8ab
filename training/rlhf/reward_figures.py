"""How good a reward model is, on pairs of reports that it was not trained on.

Reports are the unit of every interval, since the pairs of one report hang together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chexdesk.evaluation.metrics import score
from chexdesk.labels import LabelSet
from training.data import Example
from training.evaluation.significance import interval, resamples
from training.rlhf.pairs import Preference, key

Floats = NDArray[np.float64]

#: Bins of equal mass of the reliability table.
BINS: Final = 10
_PLACES: Final = 4


def differences(
    table: NDArray[np.float32], reports: Sequence[str], preferences: Sequence[Preference]
) -> Floats:
    """Σ_f r(chosen_f) − Σ_f r(rejected_f) of each pair: (p,).

    Args:
        table: (n, findings, 4), the reward of every answer. reports: (n,) keys.
    """
    place = {report: number for number, report in enumerate(reports)}
    own = table[[place[preference.report] for preference in preferences]].astype(np.float64)

    def total(outputs: list[tuple[int, ...]]) -> Floats:
        answers = np.array(outputs, dtype=np.intp)[..., None]
        return np.asarray(np.take_along_axis(own, answers, axis=2).sum(axis=(1, 2)))

    chosen = total([preference.chosen for preference in preferences])
    return chosen - total([preference.rejected for preference in preferences])


def figures(preferences: Sequence[Preference], difference: Floats) -> dict[str, Any]:
    """Accuracy with its interval, calibration, and accuracy by kind of error and the like."""
    right = _right(difference)
    groups = {
        "kind": [p.kind for p in preferences],
        "source": [p.source for p in preferences],
        "set": [p.origin for p in preferences],
        "differing decisions": [str(_differing(p)) for p in preferences],
    }
    return {
        "all": _accuracy(preferences, right),
        **{f"by {name}": _by(preferences, right, values) for name, values in groups.items()},
        "calibration": calibration(difference),
    }


def against_blind(
    preferences: Sequence[Preference], difference: Floats, blind: Floats
) -> dict[str, Any]:
    """How much worse the control without reports is at the same pairs, with a paired interval.

    Args:
        difference, blind: (p,) of the reward model and of the control.
    """
    hits, pairs = _by_report(preferences, _right(difference))
    blind_hits, _ = _by_report(preferences, _right(blind))
    drawn = resamples([len(pairs)])
    gap = (drawn @ (hits - blind_hits)) / np.maximum(drawn @ pairs, 1)
    low, high = interval(gap)
    return {
        "all": _accuracy(preferences, _right(blind)),
        "worse by": _round((hits - blind_hits).sum() / pairs.sum()),
        "interval": [_round(low), _round(high)],
    }


def calibration(difference: Floats, number: int = BINS) -> dict[str, Any]:
    """Whether σ(difference) is the share of pairs that go that way.

    The side with more reward is taken for the better one, so every σ is at least one half.

    Returns:
        log loss of the pairs (nats; ln 2 knows nothing), expected calibration error, and bins of
        equal mass: mean σ, share that is right, pairs.
    """
    sure = 1 / (1 + np.exp(-np.abs(difference)))
    right = _right(difference)
    # Equal ones share a bin: their order among themselves means nothing.
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, number + 1)[1:-1]))
    bin_of = np.searchsorted(edges, sure, side="left")
    bins = [
        [_round(sure[own].mean()), _round(right[own].mean()), int(own.sum())]
        for own in (bin_of == name for name in np.unique(bin_of))
    ]
    gaps = sum(abs(mean - share) * size for mean, share, size in bins)
    return {
        "log loss": _round(np.logaddexp(0, -difference).mean()),
        "error": _round(gaps / max(len(difference), 1)),
        "bins": bins,
    }


def best_answers(
    label_set: LabelSet,
    examples: Sequence[Example],
    reports: Sequence[str],
    table: NDArray[np.float32],
) -> dict[str, dict[str, float]]:
    """By set of labelled reports: errors a report and macro F1 of the answers with most reward.

    Args:
        examples: labelled reports; those that are not among `reports` are passed over.
        reports: (n,) keys of the rows of `table` (n, findings, 4).
    """
    place = {report: number for number, report in enumerate(reports)}
    by_set: dict[str, list[Example]] = {}
    for example in examples:
        if key(example.text) in place:
            by_set.setdefault(example.source, []).append(example)
    found = {}
    for name, own in by_set.items():
        best = table[[place[key(example.text)] for example in own]].argmax(-1).astype(np.int8)
        gold = np.array([example.answers for example in own], dtype=np.int8)
        scores = score(label_set, gold, best)
        found[name] = {
            "reports": len(own),
            "errors_a_report": _round(scores.errors_a_report),
            "macro_f1": _round(scores.macro_f1_paper),
        }
    return found


def _right(difference: Floats) -> Floats:
    """1 where the chosen output has more reward, a half where both have the same."""
    return np.asarray((np.sign(difference) + 1) / 2)


def _accuracy(preferences: Sequence[Preference], right: Floats) -> dict[str, Any]:
    hits, pairs = _by_report(preferences, right)
    drawn = resamples([len(pairs)])
    low, high = interval((drawn @ hits) / np.maximum(drawn @ pairs, 1))
    return {
        "accuracy": _round(right.mean()),
        "interval": [_round(low), _round(high)],
        "pairs": len(right),
        "reports": len(pairs),
    }


def _by(preferences: Sequence[Preference], right: Floats, values: Sequence[str]) -> dict[str, Any]:
    found = {}
    for value in sorted(set(values)):
        places = [place for place, own in enumerate(values) if own == value]
        found[value] = _accuracy([preferences[place] for place in places], right[places])
    return found


def _by_report(preferences: Sequence[Preference], right: Floats) -> tuple[Floats, Floats]:
    """Right pairs and pairs of each report, both (reports,)."""
    _, place = np.unique([preference.report for preference in preferences], return_inverse=True)
    return np.bincount(place, right), np.bincount(place).astype(np.float64)


def _differing(preference: Preference) -> int:
    return sum(a != b for a, b in zip(preference.chosen, preference.rejected, strict=True))


def _round(value: float) -> float:
    return round(float(value), _PLACES)

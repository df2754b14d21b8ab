"""Choose and fit the calibration by cross-validation on the reports that radiologists labelled.

    python -m training.calibrate [--folds training/runs/folds/feedback.npz] [--changing]
        [--out training/runs/folds/calibration.json]

The folds are those of the models (`training.folds`): a model never saw the labels of the reports
whose logits it gives. The form is chosen by log-likelihood over the folds; what that choice is
worth is told by nested cross-validation, in which each fold's form is chosen without it. Forms with
a bias or a second witness may change decisions: they are judged apart and taken only with
`--changing`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labeling.calibration import Calibration, Logits, Probabilities
from chexdesk.labels import LabelSet, chexpert14
from training.calibration import METHODS, Method, fit, log_likelihoods
from training.evaluation import reliability
from training.evaluation.figures import counts, figures, in_paper_average

FOLDS: Final = Path("training/runs/folds/feedback.npz")
OUT: Final = Path("training/runs/folds/calibration.json")
_KEPT: Final = "chosen, nested"
_CHANGED: Final = "chosen where decisions may change, nested"


@dataclass(frozen=True)
class Folds:
    """Cross-validated logits.

    Attributes:
        logits: (n, findings, 4), each of a model that never saw its report's labels.
        gold: (n, findings). fold: (n,).
        reading: (n, findings) what the rule engine reads, as indices into `CERTAINTIES`.
    """

    logits: Logits
    gold: Decisions
    fold: NDArray[np.int64]
    reading: Decisions

    @staticmethod
    def load(path: Path, label_set: LabelSet) -> Folds:
        """Read what `training.folds` writes.

        Raises:
            ValueError: it is no such file; the message names it.
        """
        try:
            with np.load(path) as data:
                found = Folds(data["logits"], data["gold"], data["fold"], data["reading"])
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{path}: holds no cross-validated logits ({error})") from error
        n = len(found.gold)
        if found.logits.shape != (n, len(label_set), 4) or found.fold.shape != (n,):
            raise ValueError(f"{path}: logits of shape {found.logits.shape} for {n} reports")
        if len(np.unique(found.fold)) < 3:
            raise ValueError(f"{path}: nested cross-validation needs three folds or more")
        return found

    def only(self, rows: NDArray[np.bool_]) -> Folds:
        """Some of the reports."""
        return Folds(self.logits[rows], self.gold[rows], self.fold[rows], self.reading[rows])


def main() -> None:
    """Print the comparison and write the calibration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=Path, default=FOLDS)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--changing", action="store_true", help="take a form that may change decisions"
    )
    args = parser.parse_args()
    label_set = chexpert14()
    folds = Folds.load(args.folds, label_set)
    record = calibrate(label_set, folds, args.changing)
    args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    table = Table(title=f"{len(folds.gold)} reports, cross-validated", title_justify="left")
    for column in record["cross_validation"][0]:
        table.add_column(column)
    for row in record["cross_validation"]:
        table.add_row(*(v if isinstance(v, str) else f"{v:.4f}" for v in row.values()))
    Console().print(table)
    print(f"{record['method']}; doubt: {record['doubt']}; written to {args.out}")


def calibrate(label_set: LabelSet, folds: Folds, changing: bool = False) -> dict[str, Any]:
    """The calibration that cross-validation chooses, fitted on everything.

    Args:
        changing: choose among the forms that may change decisions.

    Returns:
        the fields of `Calibration`, with `method`, `doubt`, `fitted_on`, and `cross_validation`:
        the figures of every form and of the choice, each out of its folds.
    """
    kept = [method for method in METHODS if not method.changes]
    changed = [method for method in METHODS if method.changes]
    held = _held_out(folds, METHODS)
    raw = Calibration.none(len(label_set)).apply(folds.logits)
    rows = [_figures(label_set, folds, "raw softmax", raw)]
    rows += [_figures(label_set, folds, method.name, held[method]) for method in METHODS]
    nested = {}
    for name, methods in ((_KEPT, kept), (_CHANGED, changed)):
        nested[name] = cross_validate(folds, partial(_chosen_fit, methods=methods))
        rows.append(_figures(label_set, folds, name, nested[name]))
    chosen = _best(folds, held, changed if changing else kept)
    probabilities = nested[_CHANGED if changing else _KEPT]
    how = max(reliability.DOUBTS, key=lambda d: _doubtful(folds, probabilities, d))
    return _fit(folds, chosen).as_dict() | {
        "method": chosen.name,
        "doubt": how,
        "fitted_on": f"{len(folds.gold)} reports in {len(np.unique(folds.fold))} folds",
        "doubtful_share_of_errors": {
            d: round(_doubtful(folds, probabilities, d), 4) for d in reliability.DOUBTS
        },
        "cross_validation": rows,
    }


def cross_validate(folds: Folds, fitted: Callable[[Folds], Calibration]) -> Probabilities:
    """Probabilities (n, findings, 4), each by a calibration fitted on the other folds."""
    found = np.empty(folds.logits.shape)
    for index in np.unique(folds.fold):
        here = folds.fold == index
        calibration = fitted(folds.only(~here))
        found[here] = calibration.hear(calibration.apply(folds.logits[here]), folds.reading[here])
    return found


def choose(folds: Folds, methods: Sequence[Method]) -> Method:
    """The form with the highest cross-validated likelihood; the first of equals."""
    return _best(folds, _held_out(folds, methods), methods)


def _held_out(folds: Folds, methods: Sequence[Method]) -> dict[Method, Probabilities]:
    return {method: cross_validate(folds, partial(_fit, method=method)) for method in methods}


def _best(folds: Folds, held: dict[Method, Probabilities], methods: Sequence[Method]) -> Method:
    return max(methods, key=lambda m: float(log_likelihoods(held[m], folds.gold).mean()))


def _fit(folds: Folds, method: Method) -> Calibration:
    return fit(folds.logits, folds.gold, method, folds.reading)


def _chosen_fit(folds: Folds, methods: Sequence[Method]) -> Calibration:
    return _fit(folds, choose(folds, methods))


def _doubtful(folds: Folds, probabilities: Probabilities, how: str) -> float:
    decisions = probabilities.argmax(axis=-1).astype(np.int8)
    wrong = (decisions != folds.gold).sum(axis=1)
    doubts = reliability.doubt(probabilities, decisions, how)
    return reliability.errors_held(wrong, doubts, reliability.REVIEWED)


def _figures(
    label_set: LabelSet, folds: Folds, name: str, probabilities: Probabilities
) -> dict[str, Any]:
    decisions = probabilities.argmax(axis=-1).astype(np.int8)
    found = figures(label_set, counts(label_set, folds.gold, decisions).sum(axis=0))
    table = reliability.bins(probabilities, folds.gold, decisions)
    return {
        "form": name,
        "log-loss": round(float(-log_likelihoods(probabilities, folds.gold).mean()), 5),
        "calibration error": round(reliability.calibration_error(table), 4),
        "macro F1": round(float(found.macro_f1), 4),
        f"errors a report ({in_paper_average(label_set).sum()})": round(float(found.errors), 4),
        "uncertain micro F1": round(float(found.uncertainty_micro), 4),
    }


if __name__ == "__main__":
    main()

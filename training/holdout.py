"""A site's reviews, and the part of them that no round of training may learn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chexdesk.labels import LabelSet
from chexdesk.services.wholefile import whole_file
from training import data

SOURCE = "site"


class HoldoutError(ValueError):
    """The reviews cannot be divided; the message says why and holds no report text."""


@dataclass(frozen=True)
class Reviewed:
    """A report that a person has reviewed.

    Attributes:
        line: as `chexdesk reviews export` wrote it.
        key: of the id and the text; a store may hold two reports of one id.
    """

    line: str
    key: str
    example: data.Example


@dataclass(frozen=True)
class Parts:
    """Reviews by what they may be used for.

    Attributes:
        holdout: judges every round and is never learnt from.
        training: learnt from.
        near: all but equal to a report of the holdout or the reserve; left out.
        reserve: came after the holdout was locked; never learnt from, so that they can be part of
            the next holdout.
    """

    holdout: list[Reviewed]
    training: list[Reviewed]
    near: list[Reviewed]
    reserve: list[Reviewed]


def read(path: Path, label_set: LabelSet) -> list[Reviewed]:
    """What `chexdesk reviews export` wrote.

    Raises:
        HoldoutError: the file is missing, or a line is no review; file and line are named.
    """
    try:
        lines = [(n, t) for n, t in enumerate(path.read_text("utf-8").split("\n"), 1) if t.strip()]
        keys = [_key(_row(line, f"{path}:{number}", label_set)) for number, line in lines]
        # An absolute path: names without a folder are looked up among the public sets.
        examples = data.read(data.SourceSpec(SOURCE, str(path.resolve())), label_set)
    except (OSError, ValueError) as error:
        raise HoldoutError(str(error)) from error
    parts = zip(lines, keys, examples, strict=True)
    return [Reviewed(line, key, example) for (_, line), key, example in parts]


def divide(reviews: Sequence[Reviewed], lock: Path, share: float, minimum: int) -> Parts:
    """Divide reviews, by the lock where there is one; otherwise draw the holdout and lock it.

    A report's side hangs on its id alone, so it is the same in every round and in every folder:
    what one round learns from is never in the holdout of another.

    Args:
        lock: the file that lists the holdout; written once.
        share: of the reviews that is held out. minimum: how many reports that must be.

    Raises:
        HoldoutError: the holdout is too small, nothing is left to learn from, the lock is of
            another share, or locked reports are not among the reviews.
    """
    aside = [review for review in reviews if in_holdout(review.example.id, share)]
    locked = _read_lock(lock, share) if lock.is_file() else {review.key for review in aside}
    holdout = list({review.key: review for review in aside if review.key in locked}.values())
    if len(holdout) < len(locked):
        raise HoldoutError(
            f"{len(locked) - len(holdout)} of the {len(locked)} reports that {lock} locks are not "
            "among the reviews; give a whole export, or begin anew with another --out"
        )
    if len(holdout) < minimum:
        raise HoldoutError(
            f"the holdout has {len(holdout)} reports and {minimum} are asked; review about "
            f"{round((minimum - len(holdout)) / share)} more reports and come again"
        )
    learnable = [review for review in reviews if not in_holdout(review.example.id, share)]
    kept, _ = data.drop_near_duplicates(
        (review.example for review in learnable), [review.example.text for review in aside]
    )
    apart = {(example.id, example.text) for example in kept}
    training = [r for r in learnable if (r.example.id, r.example.text) in apart]
    if not training:
        raise HoldoutError("no review is left to learn from")
    if not lock.is_file():
        _write_lock(lock, share, holdout)
    return Parts(
        holdout=holdout,
        training=training,
        near=[r for r in learnable if (r.example.id, r.example.text) not in apart],
        reserve=[review for review in aside if review.key not in locked],
    )


def in_holdout(report_id: str, share: float) -> bool:
    """Whether a report is on the side that is never learnt from."""
    return data.share(f"site-holdout:{report_id}") < share


def _row(line: str, place: str, label_set: LabelSet) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise HoldoutError(f"{place}: not JSON ({error.msg})") from error
    if isinstance(row, dict) and {"prompt", "chosen", "rejected"} <= row.keys():
        raise HoldoutError(
            f"{place}: a preference pair; give what `chexdesk reviews export` writes"
        )
    try:
        fits = isinstance(row["text"], str) and len(row["labels"]) == len(label_set)
        row["id"]
    except (KeyError, TypeError):
        fits = False
    if not fits:
        raise HoldoutError(
            f"{place}: not a review (id, text and {len(label_set)} labels are expected)"
        )
    return dict(row)


def _key(row: dict[str, Any]) -> str:
    return hashlib.sha256(f"{row['id']}\0{row['text']}".encode()).hexdigest()[:16]


def _read_lock(path: Path, share: float) -> set[str]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        locked, of = {report["key"] for report in stored["reports"]}, stored["share"]
    except (ValueError, KeyError, TypeError) as error:
        raise HoldoutError(f"{path}: does not list a holdout ({error!r})") from error
    if of != share:
        raise HoldoutError(f"{path} locks a holdout of {of:g} of the reviews, not of {share:g}")
    return locked


def _write_lock(path: Path, share: float, holdout: Sequence[Reviewed]) -> None:
    reports = [{"id": review.example.id, "key": review.key} for review in holdout]
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        stream.write(json.dumps({"share": share, "reports": reports}, indent=1) + "\n")

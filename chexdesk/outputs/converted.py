"""Formats that cannot be written row by row: rows are kept as JSON lines, and converted when whole.

While a run goes on, `FILE.partial` holds one line a report, so that it can be taken up again like
any other; the finished file is made of it in one go.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.outputs.json_records import PROBABILITY_PLACES
from chexdesk.outputs.layout import Frame, answer_or_error, line_ends
from chexdesk.reports.report import Origin, Report

#: The convention of reproducible builds: seconds since 1970 that stand for now.
EPOCH_VARIABLE: Final = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class Row:
    """One report's labels, without its text.

    Attributes:
        number: counted from 0.
        certainties: one for each finding, in label order.
        probabilities: of those certainties; None where unknown.
        error: why there are no labels, or "".
    """

    number: int
    id: str
    certainties: tuple[Certainty, ...]
    probabilities: tuple[float | None, ...]
    error: str
    origin: Origin
    model: ModelId


@dataclass(frozen=True)
class Rows:
    """All that a converter is given.

    Attributes:
        id_header: what the input calls its ids.
        rows: each once, in order.
    """

    label_set: LabelSet
    id_header: str
    rows: Iterator[Row]


@dataclass(frozen=True)
class ConvertedLayout:
    """A layout whose records are an interim form.

    Attributes:
        convert: writes the finished file; the same rows give the same bytes.
        needs: packages that it imports, of the extra `formats`.
    """

    name: str
    extensions: tuple[str, ...]
    convert: Callable[[Rows, BinaryIO], None]
    needs: tuple[str, ...] = ()

    def missing(self) -> str:
        """What has to be installed first, or ""."""
        return next((package for package in self.needs if find_spec(package) is None), "")

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """A first line that tells this format, label set and id column from others."""
        names = list(label_set.names)
        head = json.dumps({"interim": self.name, "id": id_header, "findings": names}) + "\n"
        return Frame(head=head, separator="", tail="", empty=head)

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One line."""
        error = answer_or_error(prediction, report)
        chosen = [] if error else [each.value for each in prediction.certainties]
        known = [] if error else [prediction.probability(n) for n in range(len(label_set))]
        line = {
            "id": report.id,
            "chosen": chosen,
            "p": [p if p is None else round(p, PROBABILITY_PLACES) for p in known],
            "error": error,
            "origin": asdict(report.origin),
            "model": asdict(prediction.model),
        }
        return json.dumps(line) + "\n"

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """Line ends."""
        return line_ends(file, "")

    def read_back(self, record: str) -> tuple[str, str]:
        """The line's id and error."""
        line = json.loads(record)
        return line["id"], line["error"]

    def convert_file(self, label_set: LabelSet, id_header: str, partial: Path) -> None:
        """Put the finished file in the place of a whole interim file, which only then goes.

        Raises:
            OSError: it cannot be written.
        """
        made = partial.with_name(f"{partial.name}.new")
        try:
            with partial.open("rb") as interim, _create(made) as target:
                interim.readline()
                self.convert(Rows(label_set, id_header, _rows(label_set, interim)), target)
                target.flush()
                os.fsync(target.fileno())
            made.replace(partial)
        finally:
            made.unlink(missing_ok=True)


def _create(path: Path) -> BinaryIO:
    """A new file that only its owner can read."""
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "w+b")


def _rows(label_set: LabelSet, interim: BinaryIO) -> Iterator[Row]:
    nothing = (Certainty.NOT_MENTIONED,) * len(label_set)
    for number, text in enumerate(interim):
        line = json.loads(text)
        yield Row(
            number,
            line["id"],
            tuple(Certainty(word) for word in line["chosen"]) or nothing,
            tuple(line["p"]) or (None,) * len(label_set),
            line["error"],
            Origin(**line["origin"]),
            ModelId(**line["model"]),
        )


def method(model: ModelId) -> str:
    """The program and the model, in words, for formats that name what made an observation."""
    return " ".join(part for part in ("ChexDesk", model.name, model.version) if part)


def now() -> time.struct_time:
    """The time that formats carry which must carry one, in UTC; `SOURCE_DATE_EPOCH` fixes it."""
    given = os.environ.get(EPOCH_VARIABLE, "")
    return time.gmtime(int(given) if given.isdigit() else None)

"""What an output format is: how one report's record looks and what stands between records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import LabelSet
from chexdesk.reports.report import Report


@dataclass(frozen=True)
class Frame:
    """All of a file but its records. A file is `head record separator record … tail`.

    Every record ends where a line ends, so a file that broke off can be taken up again.

    Attributes:
        head: before the first record.
        separator: between two records; ends with a line break unless records do.
        tail: after the last record.
        empty: the whole file where there is no record.
    """

    head: str
    separator: str
    tail: str
    empty: str


class Layout(Protocol):
    """An output format."""

    @property
    def name(self) -> str:
        """The value of `--format`."""
        ...

    @property
    def extensions(self) -> tuple[str, ...]:
        """The endings of a file's name that mean this format, in lower case with the dot."""
        ...

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """What stands around the records."""
        ...

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One report's record; `number` counts records from 0."""
        ...

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """The places, in bytes, where whole records end that are followed by a line's end.

        Args:
            file: stands at the first record.
        """
        ...

    def read_back(self, record: str) -> tuple[str, str]:
        """The id ("" where the format left a blank one out) and the error of a written record."""
        ...


def line_ends(file: BinaryIO, separator: str) -> Iterator[int]:
    """`record_ends` for formats with one record a line.

    Args:
        separator: what stands between records; a line without it at its end is no whole record.
    """
    end = separator.encode() or b"\n"
    place = file.tell()
    for line in file:
        if not line.endswith(end):
            return
        place += len(line)
        yield place - len(separator.encode())


def answer_or_error(prediction: Prediction, report: Report) -> str:
    """Why a report has no labels, or ""."""
    return report.error or prediction.error

"""CSV as CheXpert has it: the input's id, one column a finding, then the error."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import LabelSet
from chexdesk.outputs.layout import Frame, answer_or_error
from chexdesk.reports.report import Report

#: The last column: why a row has no labels.
ERROR_HEADER: Final = "error"


class CsvLayout:
    """Rows of id, `1.0`/`0.0`/`-1.0`/nothing for each finding, and error."""

    name = "csv"
    extensions = (".csv",)

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """A header of the id's own name, the findings and `error`."""
        head = _row([id_header, *label_set.names, ERROR_HEADER])
        return Frame(head=head, separator="", tail="", empty=head)

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One row; the id is written letter for letter."""
        error = answer_or_error(prediction, report)
        cells = [""] * len(label_set)
        if not error:
            cells = [certainty.csv_cell for certainty in prediction.certainties]
        return _row([report.id, *cells, error])

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """Line ends outside quotes; an id may have line breaks within them."""
        place = file.tell()
        quoted = False
        for line in file:
            if not line.endswith(b"\n"):
                return
            place += len(line)
            quoted ^= line.count(b'"') % 2 == 1
            if not quoted:
                yield place

    def read_back(self, record: str) -> tuple[str, str]:
        """The first cell and the last."""
        row = next(csv.reader(io.StringIO(record, newline="")))
        return row[0], row[-1]


def _row(cells: Sequence[str]) -> str:
    buffer = io.StringIO(newline="")
    # The csv module quotes only what is in its line end; a lone CR in an id needs quotes as well.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"

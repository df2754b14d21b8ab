"""The layout of MIMIC-CXR-JPG's `mimic-cxr-2.0.0-chexpert.csv`.

Columns `subject_id, study_id`, then the findings by the alphabet. The layout has no place for an
error: a report without labels is a row without values, as in the original.
"""

from __future__ import annotations

import csv
import io
from typing import BinaryIO, Final

from chexdesk.outputs.converted import ConvertedLayout, Rows

_COLUMNS: Final = ("subject_id", "study_id")


def _convert(given: Rows, target: BinaryIO) -> None:
    names = given.label_set.names
    order = sorted(range(len(names)), key=lambda place: names[place])
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *(names[place] for place in order)])
    for row in given.rows:
        cells = [row.certainties[place].csv_cell for place in order]
        writer.writerow([row.origin.patient, row.origin.study or row.id, *cells])
    text.detach()


LAYOUT: Final = ConvertedLayout("mimic-csv", ("mimic-cxr-2.0.0-chexpert.csv",), _convert)

"""CSV for spreadsheets: as `csv`, but no id and no error can be taken for a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import LabelSet
from chexdesk.outputs.csv_rows import CsvLayout
from chexdesk.outputs.formulas import guarded, unguarded
from chexdesk.outputs.layout import Frame
from chexdesk.reports.report import Report


class SheetCsvLayout(CsvLayout):
    """Rows as `csv` has them, with an apostrophe before what could be a formula."""

    name = "sheet-csv"
    extensions = (".sheet.csv",)

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """The same header, the id's name guarded."""
        return super().frame(label_set, guarded(id_header))

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One row with its id guarded; labels are numbers, and errors are ChexDesk's own words."""
        named = replace(report, id=guarded(report.id))
        return super().record(label_set, number, named, prediction, spans)

    def read_back(self, record: str) -> tuple[str, str]:
        """The id as it was given, and the error."""
        identifier, error = super().read_back(record)
        return unguarded(identifier), error


LAYOUT: Final = SheetCsvLayout()

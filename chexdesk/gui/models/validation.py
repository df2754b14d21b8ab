"""The view model of the validation report: carry out a study, show it, write it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QObject, Signal
from PySide6.QtGui import QPageLayout, QPageSize, QPdfWriter, QTextDocument

from chexdesk.gui.tasks import Operation, Query, Tasks
from chexdesk.labeling.labeler import ModelId
from chexdesk.outputs.write import OutputError
from chexdesk.services.library import Change, Library, LibraryError
from chexdesk.services.validation import LabelsError, Study, StudyReport, conduct, models
from chexdesk.services.validation_text import to_csv, to_html
from chexdesk.services.wholefile import output_file

_MARGIN_MM: Final = 15.0
_POINTS: Final = 9


class ValidationModel(QObject):
    """One dialog's studies.

    Signals:
        found: the `StudyReport`, or the words that say why there is none.
        listed: the `ModelId`s that can be judged.
        written: words about a file that was written.
        failed: words about one that was not.
    """

    found = Signal(object)
    listed = Signal(object)
    written = Signal(str)
    failed = Signal(str)

    def __init__(self, library: Library, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._tasks = tasks
        self._turn = 0

    def list_models(self) -> None:
        """Look up the models that can be judged."""

        def read() -> list[ModelId]:
            return models(self._library)

        self._tasks.query(Query(read, self.listed.emit, aside=True))

    def conduct(self, study: Study) -> None:
        """Carry out a study; only the last one asked for is shown."""
        self._turn += 1
        turn = self._turn

        def read() -> StudyReport | str:
            try:
                return conduct(self._library, study)
            except (LibraryError, LabelsError) as error:
                return str(error)

        def show(result: StudyReport | str) -> None:
            if turn == self._turn:
                self.found.emit(result)

        self._tasks.query(Query(read, show, aside=True))

    def write(self, report: StudyReport, path: Path) -> None:
        """Write a study as HTML, PDF or CSV, by the name's ending."""

        def change() -> Change | None:
            try:
                write_report(report, path)
            except OutputError as error:
                return Change(frozenset(), str(error))
            return None

        self._tasks.operate(
            Operation(
                change,
                lambda failure: self.failed.emit(failure.what),
                lambda: self.written.emit(self.tr("Written to %1").replace("%1", path.name)),
                aside=True,
            )
        )


def write_report(report: StudyReport, path: Path) -> None:
    """Write a study by the name's ending: `.html`, `.pdf` or `.csv`.

    Raises:
        OutputError: another ending, or the file cannot be written; an older one stays.
    """
    ending = path.suffix.lower()
    if ending == ".pdf":
        _write_pdf(to_html(report), path)
    elif ending in (".html", ".htm", ".csv"):
        text = to_csv(report) if ending == ".csv" else to_html(report)
        with output_file(path) as stream:
            stream.write(text)
    else:
        raise OutputError(path, "has no known ending. Give it .html, .pdf or .csv.")


def _write_pdf(html: str, path: Path) -> None:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle("Validation report")
    writer.setCreator("ChexDesk")
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4),
            QPageLayout.Orientation.Landscape,
            QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM),
            QPageLayout.Unit.Millimeter,
        )
    )
    document = QTextDocument()
    font = document.defaultFont()
    font.setPointSize(_POINTS)
    document.setDefaultFont(font)
    document.setHtml(html)
    document.print_(writer)
    # The end of the file is written when the writer goes.
    del writer
    with output_file(path) as stream:
        stream.buffer.write(bytes(buffer.data().data()))

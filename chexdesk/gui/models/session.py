"""What the window knows and does: the open library, the report at hand, the selected finding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from chexdesk.gui.models.engine import Engine
from chexdesk.gui.models.export import export
from chexdesk.gui.models.findings import FindingsModel
from chexdesk.gui.models.intake import Intake
from chexdesk.gui.models.labelling import Labelling
from chexdesk.gui.models.page import Page, make_page
from chexdesk.gui.models.report_list import ReportListModel
from chexdesk.gui.tasks import Operation, Query, Tasks
from chexdesk.labels import Certainty
from chexdesk.reports.report import Report
from chexdesk.services.library import Change, Counts, Entry, Library

# More changed entries than this are read in one go with all the others.
_MANY: Final = 1000


class Session(QObject):
    """The view model of the main window.

    Signals:
        page_changed: the `Page` at hand, or None.
        row_changed: the row of the report at hand, -1 for none.
        finding_changed: the place of the selected finding.
        counts_changed: the library's `Counts`.
        engine_changed: the `Engine`.
        progressed, labelled: as `Labelling.progressed` and `Labelling.finished`.
        said: a passing word for the status bar.
        warned: something the user should read, kept until dismissed.
    """

    page_changed = Signal(object)
    row_changed = Signal(int)
    finding_changed = Signal(int)
    counts_changed = Signal(object)
    engine_changed = Signal(object)
    progressed = Signal(int, int, float)
    labelled = Signal(int, bool)
    said = Signal(str)
    warned = Signal(str)

    def __init__(
        self, library: Library, opener: Callable[[], Engine], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._key: int | None = None
        self._finding = 0
        self._go_to: int | None = None
        self._page: Page | None = None
        self._ahead: deque[Callable[[Page], None]] = deque()
        self._runs = 0
        self._closed = False
        self.label_set = library.label_set
        self.reports = ReportListModel(self)
        self.findings = FindingsModel(self.label_set, self)
        self.tasks = Tasks(self)
        self.tasks.changed.connect(self._refresh)
        self.tasks.failed.connect(self.warned)
        self._labelling = Labelling(library, opener, self)
        self._labelling.opened.connect(self._engine_opened)
        self._labelling.progressed.connect(self.progressed)
        self._labelling.changed.connect(self._refresh)
        self._labelling.failed.connect(self.warned)
        self._labelling.finished.connect(self._run_finished)
        self._intake = Intake(library, self)
        self._intake.added.connect(self._refresh)
        self._intake.added.connect(self._reports_added)
        self._intake.failed.connect(self.warned)

    @property
    def library(self) -> Library:
        """The open library, for the models of the other pages; never called on the GUI thread."""
        return self._library

    @property
    def page(self) -> Page | None:
        """The report at hand, once it is read."""
        return self._page

    @property
    def finding(self) -> int:
        """The place of the selected finding in the label set."""
        return self._finding

    @property
    def labelling(self) -> bool:
        """Whether labels are being made."""
        return self._runs > 0

    @property
    def idle(self) -> bool:
        """Whether nothing is under way in the background."""
        return self.tasks.idle and self._intake.idle and not self.labelling

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Show the library, add reports, and label what no model has labelled yet."""

        def show(entries: list[Entry]) -> None:
            self.reports.reset(entries)
            self.show_row(0)
            # An empty request still loads the engine, so that the first report need not wait.
            self._ask_for_labels(
                frozenset(e.key for e in entries if not e.labelled and not e.error)
            )

        self.tasks.query(Query(self._library.entries, show))
        self.tasks.query(Query(self._library.counts, self.counts_changed.emit))
        if paths:
            self.open_paths(paths)

    def close(self) -> None:
        """Finish what is being stored, stop the rest, give back engine and library."""
        if self._closed:
            return
        self._closed = True
        self._intake.close()
        self._labelling.close()
        self.tasks.close()
        self._library.close()

    # Adding reports

    def paste(self, text: str) -> None:
        """Add a text as a report, show it and label it."""
        if not text.strip():
            self.said.emit(self.tr("The clipboard holds no text."))
            return
        name = f"Pasted {datetime.now():%Y-%m-%d %H:%M:%S}"
        report = Report(name, text, "clipboard")
        self.tasks.operate(
            Operation(lambda: self._library.add_reports([report]), self._reports_added)
        )

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Add the reports of files and folders and label them."""
        self._intake.open(paths)

    def label_all(self) -> None:
        """Label every report that the present model has not labelled."""
        self._ask_for_labels(None)

    def cancel(self) -> None:
        """Stop labelling and reading files; what is done is kept."""
        self._intake.cancel()
        self._labelling.cancel()

    # Going through reports and findings

    def show_row(self, row: int) -> None:
        """Go to a row of the list; outside of it nothing happens."""
        if row != self._row():
            self._ahead.clear()
            self._show(row)

    def step_report(self, step: int) -> None:
        """Go some rows down (or up, below 0), as far as the list goes."""
        self._ahead.clear()
        self._step(step)

    def select_finding(self, place: int) -> None:
        """Select a finding."""
        if 0 <= place < len(self.label_set):
            self._finding = place
            self.finding_changed.emit(place)

    def step_finding(self, step: int) -> None:
        """Select the next finding (or the one before, below 0), round and round."""
        self.select_finding((self._finding + step) % len(self.label_set))

    # Reviewing

    def correct(self, certainty: Certainty, finding: int | None = None) -> None:
        """Set the label of a finding, the selected one by default, and store it."""
        if finding is not None:
            self.select_finding(finding)
        place = self._finding
        self._once_shown(
            lambda page: self._operate(
                lambda: self._library.correct(page.entry.key, place, certainty)
            )
        )

    def accept(self) -> None:
        """Accept the report at hand and go to the next; one that has no usable text is passed."""
        self._once_shown(self._accept)

    def undo(self) -> None:
        """Take back the last change, and go to the report it was made in."""
        self._operate(self._library.undo, self._show_changed, self.tr("Nothing to undo."))

    def redo(self) -> None:
        """Make the last undone change again, and go to the report it is made in."""
        self._operate(self._library.redo, self._show_changed, self.tr("Nothing to redo."))

    def export(self, path: Path) -> None:
        """Write what is shown to a CSV, JSON, JSON Lines or FHIR file, by its ending."""
        self.said.emit(self.tr("Exporting…"))
        self._operate(lambda: export(self._library, path), aside=True)

    # Inside

    def _once_shown(self, act: Callable[[Page], None]) -> None:
        """Do something to the report at hand as soon as it is on the page.

        What is typed ahead must not fall on another report than the one it is meant for, so it
        waits in order; going elsewhere by hand forgets it.
        """
        self._ahead.append(act)
        self._do_what_waits()

    def _do_what_waits(self) -> None:
        while self._ahead and self._page is not None and self._page.entry.key == self._key:
            self._ahead.popleft()(self._page)

    def _accept(self, page: Page) -> None:
        if page.rows:
            self._operate(lambda: self._library.accept(page.entry.key))
            self._step(1)
        elif page.entry.error:
            self._step(1)
        else:
            self.said.emit(self.tr("No labels to accept yet."))

    def _step(self, step: int) -> None:
        last = self.reports.rowCount() - 1
        self._show(min(max(self._row() + step, 0), last))

    def _show(self, row: int) -> None:
        entry = self.reports.entry(row)
        if entry is not None and entry.key != self._key:
            self._key = entry.key
            self.row_changed.emit(row)
            self._read_page()

    def _operate(
        self,
        change: Callable[[], Change | None],
        after: Callable[[Change], None] | None = None,
        otherwise: str = "",
        *,
        aside: bool = False,
    ) -> None:
        def done(change: Change) -> None:
            self.said.emit(change.what)
            if after is not None:
                after(change)

        def nothing() -> None:
            self.said.emit(otherwise)

        self.tasks.operate(Operation(change, done, nothing, aside))

    def _row(self) -> int:
        row = None if self._key is None else self.reports.row(self._key)
        return -1 if row is None else row

    def _show_changed(self, change: Change) -> None:
        if len(change.keys) == 1:
            row = self.reports.row(next(iter(change.keys)))
            if row is not None:
                self.show_row(row)

    def _reports_added(self, change: Change, first: bool = True) -> None:
        """Go to the first of a new lot as soon as it is read, and have all of it labelled."""
        if first:
            self._go_to = min(change.keys, default=None)
        self.said.emit(change.what)
        self._ask_for_labels(change.keys)

    def _read_page(self) -> None:
        key = self._key
        if key is None:
            return

        def read() -> Page | None:
            # Someone who holds the arrow key down wants the last page, not all of them.
            return (
                make_page(self._library.detail(key), self.label_set) if key == self._key else None
            )

        self.tasks.query(Query(read, self._show_page))

    def _show_page(self, page: Page | None) -> None:
        if page is not None and page.entry.key == self._key:
            self._page = page
            self.findings.show(page.rows)
            self.page_changed.emit(page)
            self._do_what_waits()

    def _refresh(self, change: Change) -> None:
        """Read anew what a change touched, and nothing else."""
        keys = change.keys

        def read() -> tuple[list[Entry], Counts]:
            if len(keys) > _MANY:
                entries = [entry for entry in self._library.entries() if entry.key in keys]
            else:
                entries = [self._library.entry(key) for key in sorted(keys)]
            return entries, self._library.counts()

        def show(result: tuple[list[Entry], Counts]) -> None:
            self.reports.merge(result[0])
            self.counts_changed.emit(result[1])
            row = None if self._go_to is None else self.reports.row(self._go_to)
            if row is not None:
                self._go_to = None
                self.show_row(row)

        self.tasks.query(Query(read, show))
        if self._key in keys:
            self._read_page()

    def _ask_for_labels(self, keys: frozenset[int] | None) -> None:
        # What was read just before the end is labelled at the next start.
        if not self._closed:
            self._runs += 1
            self._labelling.start(keys)

    def _engine_opened(self, engine: Engine) -> None:
        self.engine_changed.emit(engine)

    def _run_finished(self, done: int, cancelled: bool) -> None:
        self._runs -= 1
        if not self.labelling:
            self.labelled.emit(done, cancelled)

"""What the window knows and does: the open library, the report at hand, the selected finding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from chexdesk.gui.models.engine import Engine
from chexdesk.gui.models.export import export
from chexdesk.gui.models.findings import FindingsModel
from chexdesk.gui.models.intake import Intake
from chexdesk.gui.models.labelling import Labelling
from chexdesk.gui.models.page import Page, make_page
from chexdesk.gui.models.queue import QueueModel
from chexdesk.gui.tasks import Operation, Query, Tasks
from chexdesk.labels import Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.services.library import Change, Counts, Library
from chexdesk.services.queues import Filter


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
        self._anchor = 0
        self.label_set = library.label_set
        self.findings = FindingsModel(self.label_set, self)
        self.tasks = Tasks(self)
        self.queue = QueueModel(library, self.tasks, self)
        self.queue.shown.connect(self._queue_shown)
        self.queue.counted.connect(self._counted)
        self.reports = self.queue.reports
        self.tasks.changed.connect(lambda change: self._refresh(change, grows=False))
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
    def row(self) -> int:
        """The row of the report at hand, -1 where it is not in the queue."""
        row = None if self._key is None else self.reports.row(self._key)
        return -1 if row is None else row

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

        self.queue.reset()
        self.queue.count()
        # An empty request still loads the engine, so that the first report need not wait.
        self.tasks.query(Query(self._library.queues.waiting, self._ask_for_labels))
        self._compare_with_words()
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

    def use_letters(self, label_set: LabelSet) -> None:
        """Show the same findings with other letters."""
        self.label_set = label_set
        self.findings.use_letters(label_set)
        self._read_page()

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

    def switch_engine(self, opener: Callable[[], Engine]) -> None:
        """Label with another engine from now on; labels and reviews that are there stay."""
        self._labelling.switch(opener)
        self._ask_for_labels(frozenset())

    def cancel(self) -> None:
        """Stop labelling and reading files; what is done is kept."""
        self._intake.cancel()
        self._labelling.cancel()

    # Going through reports and findings

    def show_row(self, row: int) -> None:
        """Go to a row of the list; outside of it nothing happens."""
        # The list also says where it was put, which is no one's move.
        if row != self.row:
            self._stay()
            self._ahead.clear()
            self._show(row)

    def step_report(self, step: int) -> None:
        """Go some rows down (or up, below 0), as far as the list goes."""
        self._stay()
        self._ahead.clear()
        self._step(step)

    def select_finding(self, place: int) -> None:
        """Select a finding."""
        self._stay()
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

    def toggle_flag(self) -> None:
        """Mark the report at hand for a second look, or take the mark away."""
        self._once_shown(
            lambda page: self._operate(
                lambda: self._library.set_flag(page.entry.key, not page.entry.flagged)
            )
        )

    def set_note(self, key: int, note: str) -> None:
        """Store the note on a report, which may no longer be the one at hand."""
        self._operate(lambda: self._library.set_note(key, note))

    def follow_suggestion(self) -> None:
        """Make the change that is suggested for the report at hand, if there is one."""

        def follow(page: Page) -> None:
            if page.suggestion is None:
                self.said.emit(self.tr("There is nothing to suggest here."))
            else:
                place, certainty = page.suggestion.finding, page.suggestion.certainty
                self.select_finding(place)
                self._operate(lambda: self._library.correct(page.entry.key, place, certainty))

        self._once_shown(follow)

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
        self._stay()
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
        here = self.row
        if here < 0:
            # The report at hand is not in the queue: go on from where the queue was left.
            here = self._anchor - max(step, 0)
        self._show(min(max(here + step, 0), last))

    def _show(self, row: int) -> None:
        key = self.reports.key(row)
        if key is not None:
            self._show_key(key)

    def _show_key(self, key: int | None) -> None:
        """Go to a report, whether or not it is in the queue; None goes to none."""
        if key != self._key:
            self._key = key
            self.row_changed.emit(self.row)
            self._anchor = self.row if self.row >= 0 else self._anchor
            if key is None:
                self._page = None
                self.findings.show(())
                self.page_changed.emit(None)
            else:
                self._read_page()

    def _queue_shown(self, stay: bool) -> None:
        """Begin at the top of the queue, or stay with the report at hand, listed or not."""
        self._anchor = 0
        if not stay or self._key is None:
            self._ahead.clear()
            self._show_key(self.reports.key(0))
        self._go_to_new()
        # The list has forgotten which row it was, even where the report is the same.
        self.row_changed.emit(self.row)

    def _counted(self, counts: Counts, _: object) -> None:
        self.counts_changed.emit(counts)

    def _compare_with_words(self) -> None:
        """Make up, bit by bit, for what an older version did not compare."""

        def again(change: Change) -> None:
            if change.keys:
                self._compare_with_words()

        self.tasks.operate(Operation(self._library.compare_with_words, again, aside=True))

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

    def _show_changed(self, change: Change) -> None:
        if len(change.keys) == 1:
            (key,) = change.keys
            if key != self._key:
                self._ahead.clear()
                self._show_key(key)

    def _reports_added(self, change: Change, first: bool = True) -> None:
        """Go to the first of a new lot as soon as it is read, and have all of it labelled."""
        if first:
            self._go_to = min(change.keys, default=None)
            # What someone brings in they want to see, whatever they were searching for.
            if self.queue.filter != Filter():
                self.queue.reset()
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

    def _refresh(self, change: Change, _: bool = False, *, grows: bool = True) -> None:
        """Read anew what a change touched, and nothing else."""
        self.queue.refresh(change, grows=grows)
        self.tasks.query(Query(lambda: None, lambda _: self._go_to_new()))
        if self._key in change.keys:
            self._read_page()

    def _go_to_new(self) -> None:
        row = None if self._go_to is None else self.reports.row(self._go_to)
        if row is not None:
            self.show_row(row)

    def _stay(self) -> None:
        """Who does something here must not find the next key falling on a report just opened."""
        self._go_to = None

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
            if done:
                self.queue.renew()
            self.labelled.emit(done, cancelled)

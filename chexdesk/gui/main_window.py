"""The main window: list, report and findings side by side, and the keys for all of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QMimeData, QSettings, Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

import chexdesk
from chexdesk import paths
from chexdesk.gui import keys
from chexdesk.gui.actions import Actions
from chexdesk.gui.findings_view import FindingsView
from chexdesk.gui.keymap import Keymap
from chexdesk.gui.keys import Command
from chexdesk.gui.models.engine import Engine
from chexdesk.gui.models.page import Page
from chexdesk.gui.models.session import Session
from chexdesk.gui.page_switch import PageSwitch, WindowPage
from chexdesk.gui.pages import Pages
from chexdesk.gui.queue_bar import QueueBar
from chexdesk.gui.remarks import NoteBar, SuggestionBar
from chexdesk.gui.report_list_view import ReportListView
from chexdesk.gui.report_view import ReportView
from chexdesk.gui.settings_dialog import SettingsDialog
from chexdesk.gui.strips import KeyLegend, Messages, PageHeading, PanelHeading, Tone
from chexdesk.gui.welcome import Welcome
from chexdesk.labels import Certainty
from chexdesk.services.library import Counts

_SAID_MILLISECONDS: Final = 6000
_TURN_SECONDS: Final = 0.0005
_SIZE: Final = (1320, 800)


class MainWindow(QMainWindow):
    """Shows a session. Closing it closes the session.

    Args:
        settings: where changed keys are kept; None forgets them with the window.
    """

    def __init__(self, session: Session, settings: QSettings | None = None) -> None:
        super().__init__()
        # Every call into Qt waits for its turn behind whichever thread is reading the library:
        # with Python's own 5 ms a turn, painting one page could take half a second.
        sys.setswitchinterval(_TURN_SECONDS)
        self.session = session
        self.keymap = Keymap(session.label_set, settings, self)
        # Never a report's id or text: titles show in task bars and screen recordings.
        self.setWindowTitle("ChexDesk")
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self.messages = Messages()
        self.welcome = Welcome()
        self.report_list = ReportListView(session.reports)
        self.heading = PageHeading()
        self.report_view = ReportView(session.label_set)
        self.findings = FindingsView(session.findings)
        self.queue_bar = QueueBar(session.queue, session.label_set)
        self.note = NoteBar()
        self.suggestion = SuggestionBar(session.label_set)
        self._findings_heading = PanelHeading(self.tr("Findings"))
        self._stack = QStackedWidget()
        self._stack.addWidget(self.welcome)
        self._widths_kept = False
        self._was_empty = True
        self._shown_key: int | None = None
        self._columns = self._splitter()
        self._stack.addWidget(self._columns)
        self.pages = Pages(session, self._stack)
        self.switch = PageSwitch()
        self.legend = KeyLegend()
        self._place_switch()
        self.said = QLabel()
        self.progress = QProgressBar()
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self._loading = self.tr("loading the model…")
        self._engine = QLabel(self._loading)
        self._fill_status_bar()
        self._actions = Actions(self, self._runs(), self.keymap, session.select_finding)
        self._connect()
        self._use_keys()
        self.findings.select(session.finding)
        self.welcome.setFocus()

    def _place_switch(self) -> None:
        """Beside the menus; where the system shows those elsewhere, above the page."""
        widgets: list[QWidget] = [self.messages, self.pages, self.legend]
        if self.menuBar().isNativeMenuBar():
            widgets.insert(0, self.switch)
        else:
            self.menuBar().setCornerWidget(self.switch)
        self.setCentralWidget(_column(*widgets))

    def _share_width(self) -> None:
        """Give list and findings their share of the window, until the user has moved an edge."""
        width = self.width()
        left = min(max(round(width * 0.19), 165), self.report_list.sizeHint().width())
        right = min(round(width * 0.4), self.findings.sizeHint().width())
        self._columns.setSizes([left, width - left - right, right])

    def _keep_widths(self) -> None:
        self._widths_kept = True
        self._columns.setStretchFactor(1, 1)

    def _splitter(self) -> QSplitter:
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(_column(self.queue_bar, self.report_list))
        splitter.addWidget(_column(self.heading, self.report_view, self.suggestion, self.note))
        splitter.addWidget(_column(self._findings_heading, self.findings))
        splitter.splitterMoved.connect(self._keep_widths)
        self.report_list.setMinimumWidth(150)
        self.report_view.setMinimumWidth(280)
        self.findings.setMinimumWidth(300)
        return splitter

    def _fill_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        self.said.setContentsMargins(8, 0, 0, 0)
        bar.addWidget(self.said, 1)
        self._said_ends = QTimer(self)
        self._said_ends.setSingleShot(True)
        self._said_ends.timeout.connect(self.said.clear)
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(180)
        self.progress.setAccessibleName(self.tr("Labelling progress"))
        self._progress_words = QLabel()
        for widget in (self._progress_words, self.progress, self.cancel_button):
            bar.addPermanentWidget(widget)
            widget.hide()
        bar.addPermanentWidget(self._engine)
        self._engine.setContentsMargins(12, 0, 8, 0)

    def _runs(self) -> dict[Command, Callable[[], object]]:
        """What each command does."""
        session, view = self.session, self.report_view
        runs: dict[Command, Callable[[], object]] = {
            Command.PASTE: self.paste,
            Command.OPEN_FILES: self._open_files,
            Command.OPEN_FOLDER: self._open_folder,
            Command.OPEN_SAMPLES: self._open_samples,
            Command.EXPORT: self._export,
            Command.QUIT: self.close,
            Command.UNDO: session.undo,
            Command.REDO: session.redo,
            Command.ACCEPT: session.accept,
            Command.NEXT_REPORT: partial(session.step_report, 1),
            Command.PREVIOUS_REPORT: partial(session.step_report, -1),
            Command.NEXT_FINDING: partial(session.step_finding, 1),
            Command.PREVIOUS_FINDING: partial(session.step_finding, -1),
            Command.SCROLL_DOWN: partial(view.scroll_lines, 2),
            Command.SCROLL_UP: partial(view.scroll_lines, -2),
            Command.LABEL_ALL: session.label_all,
            Command.CANCEL_LABELLING: session.cancel,
            Command.DISMISS: self.messages.dismiss,
            Command.ABOUT: self._about,
            Command.FLAG: session.toggle_flag,
            Command.NOTE: self.note.write,
            Command.FOLLOW: session.follow_suggestion,
            Command.QUEUES: self.queue_bar.open_menu,
            Command.SEARCH: self._search,
            Command.SETTINGS: self.open_settings,
        }
        for command, page in zip(keys.PAGE_COMMANDS, WindowPage, strict=True):
            runs[command] = partial(self.pages.go, page)
        for command, certainty in keys.CERTAINTY_COMMANDS.items():
            runs[command] = partial(session.correct, certainty)
        return runs

    def _connect(self) -> None:
        session = self.session
        self.switch.chosen.connect(self.pages.go)
        self.pages.shown.connect(self._page_shown)
        self.keymap.changed.connect(self._use_keys)
        session.page_changed.connect(self._show_page)
        session.row_changed.connect(self.report_list.select)
        session.finding_changed.connect(self.findings.select)
        session.finding_changed.connect(self.report_view.select_finding)
        session.counts_changed.connect(self._show_counts)
        session.engine_changed.connect(self._show_engine)
        session.progressed.connect(self._show_progress)
        session.labelled.connect(self._show_labelled)
        session.said.connect(self._say)
        session.warned.connect(self.messages.say)
        # The list has forgotten its place, and the page may be the same as before.
        session.queue.shown.connect(lambda _: self.report_list.select(session.row))
        session.queue.shown.connect(lambda _: self._explain_emptiness())
        self.queue_bar.left.connect(self.report_view.setFocus)
        self.note.left.connect(self.report_view.setFocus)
        self.note.written.connect(session.set_note)
        self.suggestion.followed.connect(session.follow_suggestion)
        self.report_list.chosen.connect(session.show_row)
        self.report_view.picked.connect(session.select_finding)
        self.findings.picked.connect(session.select_finding)
        self.findings.chosen.connect(self._set_label)
        self.cancel_button.clicked.connect(session.cancel)
        self.welcome.paste.connect(self.paste)
        self.welcome.open_folder.connect(self._open_folder)
        self.welcome.open_samples.connect(self._open_samples)

    def _page_shown(self, page: WindowPage) -> None:
        self.switch.show_page(page)
        reviewing = page is WindowPage.REVIEW
        self.legend.show_hints(self.keymap.legend() if reviewing else self.pages.legend())
        self._actions.allow_reviewing(reviewing)
        if reviewing:
            self.report_view.setFocus()

    def _use_keys(self) -> None:
        """Show and obey the keys as they are now."""
        label_set = self.keymap.label_set
        self.session.use_letters(label_set)
        self.report_view.use_letters(label_set)
        self.queue_bar.use_letters(label_set)
        self.note.show_key(self.keymap.cap(Command.NOTE))
        self.suggestion.show_key(self.keymap.cap(Command.FOLLOW))
        self.queue_bar.show_key(self.keymap.cap(Command.SEARCH))
        if self.pages.page is WindowPage.REVIEW:
            self.legend.show_hints(self.keymap.legend())

    # What the session says

    def _show_page(self, page: Page | None) -> None:
        self.heading.show_page(page)
        self.report_view.show_page(page)
        self.report_view.select_finding(self.session.finding)
        self.suggestion.show_page(page)
        self.note.show_page(page)
        key = None if page is None else page.entry.key
        if page is not None and page.cut and key != self._shown_key:
            self.messages.say(
                self.tr(
                    "This report is very long. Its end is not shown here; the labels are of the "
                    "whole report."
                ),
                Tone.INFO,
            )

        self._shown_key = key

    def _show_counts(self, counts: Counts) -> None:
        empty = counts.reports == 0
        self._stack.setCurrentIndex(0 if empty else 1)
        # Only when the first report comes: later the focus may be where someone is writing.
        if self._was_empty and not empty and self.pages.page is WindowPage.REVIEW:
            self.report_view.setFocus()
        self._was_empty = empty

    def _explain_emptiness(self) -> None:
        chosen = self.session.queue.filter
        narrowed = chosen.words or chosen.findings
        empty = (
            self.tr("No report in this queue passes the filters.")
            if narrowed
            else self.tr("No reports in this queue.")
        )
        other = self.tr("%1 chooses another.").replace("%1", self.keymap.cap(Command.QUEUES))
        self.report_list.say(f"{empty} {other}")

    def _show_engine(self, engine: Engine) -> None:
        self._engine.setText(self.tr("labels: %1").replace("%1", engine.name))
        if engine.notice:
            self.messages.say(engine.notice, Tone.INFO)

    def _show_progress(self, done: int, total: int, rate: float) -> None:
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(done)
        self._progress_words.setText(f"labelling {done:,} of {total:,}{_pace(total - done, rate)}")
        for widget in (self._progress_words, self.progress, self.cancel_button):
            widget.setVisible(total > 0)

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self._said_ends.start(_SAID_MILLISECONDS)

    def _show_labelled(self, done: int, cancelled: bool) -> None:
        for widget in (self._progress_words, self.progress, self.cancel_button):
            widget.hide()
        if self._engine.text() == self._loading:
            self._engine.setText(self.tr("no labels: the engine could not start"))
        if cancelled:
            self._say(self.tr("Labelling stopped; what was done is kept."))

    # What the user asks for

    def paste(self) -> None:
        """Add what the clipboard holds: files, or a text as a report."""
        self._take(QGuiApplication.clipboard().mimeData())

    def _take(self, data: QMimeData) -> None:
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if files:
            self._open(files)
        else:
            self.pages.go(WindowPage.REVIEW)
            self.session.paste(data.text())

    def _set_label(self, place: int, certainty: Certainty) -> None:
        self.session.correct(certainty, place)

    def open_settings(self) -> SettingsDialog:
        """Let the user change keys."""
        dialog = SettingsDialog(self.keymap, self._actions.words(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def _search(self) -> None:
        self.queue_bar.search.setFocus()
        self.queue_bar.search.selectAll()

    def _open_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Open reports"))
        if names:
            self._open([Path(name) for name in names])

    def _open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Open a folder of reports"))
        if name:
            self._open([Path(name)])

    def _open_samples(self) -> None:
        self._open([paths.resources() / "samples"])

    def _open(self, given: list[Path]) -> None:
        self.pages.go(WindowPage.REVIEW)
        self.session.open_paths(given)

    def _export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Export labels"),
            "labels.csv",
            self.tr("CSV (*.csv);;JSON (*.json);;JSON Lines (*.jsonl);;FHIR (*.fhir.json)"),
        )
        if name:
            self.session.export(Path(name))

    def _about(self) -> None:
        QMessageBox.about(
            self,
            "ChexDesk",
            self.tr(
                "ChexDesk %1\n\nLabels chest X-ray reports on your own machine, offline.\n"
                "A research tool, not a medical device."
            ).replace("%1", chexdesk.__version__),
        )

    # Qt's own events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        if not self._widths_kept:
            self._share_width()

    def event(self, event: QEvent) -> bool:
        """Let a button that has the focus keep the space bar."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Space
            and isinstance(QApplication.focusWidget(), QAbstractButton)
        ):
            event.accept()
            return True
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, folders and text."""
        if event.mimeData().hasUrls() or event.mimeData().hasText():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what was dropped."""
        self._take(event.mimeData())
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Finish what is being stored, then go."""
        self.note.store()
        self.session.close()
        super().closeEvent(event)


def _pace(left: int, rate: float) -> str:
    """Words for speed and time left, once both mean something."""
    if not rate or not left:
        return ""
    seconds = left / rate
    if seconds < 60:
        return f", {rate:.1f} a second"
    return f", {rate:.1f} a second, about {math.ceil(seconds / 60):,} min left"


def _column(*widgets: QWidget) -> QWidget:
    column = QWidget()
    box = QVBoxLayout(column)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(0)
    for widget in widgets:
        box.addWidget(widget, 1 if isinstance(widget, (QStackedWidget, *_TALL)) else 0)
    return column


_TALL: Final = (ReportListView, ReportView, FindingsView)

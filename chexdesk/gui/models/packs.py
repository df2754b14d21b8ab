"""The view model of the models page: which packs there are, and what is done with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from chexdesk.gui.models.engine import open_engine
from chexdesk.gui.models.session import Session
from chexdesk.gui.tasks import Query
from chexdesk.labeling.labeler import LabelerError
from chexdesk.services import packs
from chexdesk.services.packs import PackCard, PackComparison, PackError
from chexdesk.services.queues import Filter, Selection

#: Reports that two packs are compared on, at most: some minutes at the very least.
MOST: Final = 200


class PacksModel(QObject):
    """Works on packs in the background, one thing at a time.

    Signals:
        listed: the list of `PackCard`s, and the place of the one in use.
        busy: words on what is under way; "" once nothing is.
        compared: a `PackComparison`.
        picked: the `Filter` that lists the reports on which two packs differ.
        said: a passing word. warned: something the user should read.
    """

    listed = Signal(object, int)
    busy = Signal(str)
    compared = Signal(object)
    picked = Signal(object)
    said = Signal(str)
    warned = Signal(str)
    _progressed = Signal(int, int)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._label_set = session.label_set
        self._cards: list[PackCard] = []
        self._stopped = threading.Event()
        self._progressed.connect(self._show_progress)

    @property
    def cards(self) -> list[PackCard]:
        """The packs as they were listed last."""
        return list(self._cards)

    def list(self) -> None:
        """Look up the packs."""

        def read() -> tuple[list[PackCard], int]:
            cards = packs.installed(self._label_set)
            chosen = packs.chosen()
            places = [n for n, card in enumerate(cards) if card.folder == chosen]
            return cards, places[0] if places else 0

        def show(found: tuple[list[PackCard], int]) -> None:
            self._cards = found[0]
            self.listed.emit(*found)

        self._session.tasks.query(Query(read, show, aside=True))

    def use(self, card: PackCard) -> None:
        """Label with this pack from now on; what is labelled and reviewed stays as it is."""

        def done() -> None:
            self._session.switch_engine(lambda: open_engine(card.folder))
            self.said.emit(
                self.tr("%1 labels from now on. Labels ▸ Label all makes its labels.").replace(
                    "%1", _name(card)
                )
            )
            self.list()

        self._do(self.tr("Switching…"), lambda: packs.choose(card), done)

    def verify(self, card: PackCard) -> None:
        """Hold the model file against its checksum."""
        words = self.tr("%1 is whole: its checksum is the one its manifest names.")

        def done() -> None:
            self.said.emit(words.replace("%1", _name(card)))

        self._do(self.tr("Verifying…"), lambda: packs.verify(card, self._label_set), done)

    def bring_in(self, source: Path) -> None:
        """Copy a pack to this machine's own."""

        def done() -> None:
            self.said.emit(self.tr("%1 is brought in.").replace("%1", source.name))
            self.list()

        self._do(
            self.tr("Bringing in and verifying…"),
            lambda: packs.bring_in(source, self._label_set),
            done,
        )

    def remove(self, card: PackCard) -> None:
        """Delete a pack that was brought in."""

        def done() -> None:
            self.said.emit(self.tr("%1 is removed; its labels stay.").replace("%1", _name(card)))
            self.list()

        self._do(self.tr("Removing…"), lambda: packs.remove(card), done)

    def compare(self, one: PackCard, other: PackCard) -> None:
        """Hold two packs against each other on the first reports of the open queue."""
        self._stopped = stopped = threading.Event()
        chosen = self._session.queue.filter

        def work() -> PackComparison:
            library = self._session.library
            keys = library.queues.keys(chosen)[:MOST]
            total = 2 * len(keys)

            def go_on(done: int) -> bool:
                self._progressed.emit(done, total)
                return not (stopped.is_set() or self._session.tasks.closed)

            return packs.compare(library, one, other, keys, go_on)

        self._do(self.tr("Comparing…"), work, self.compared.emit)

    def stop(self) -> None:
        """End a comparison; what both have labelled by then counts."""
        self._stopped.set()

    def show_differing(self, comparison: PackComparison) -> None:
        """List the reports on which the two differ."""
        words = self.tr("The two models differ")
        self.picked.emit(Filter(only=Selection(words, comparison.keys)))

    def _show_progress(self, done: int, total: int) -> None:
        if not self._stopped.is_set():
            self.busy.emit(f"Comparing… {done:,} of {total:,}")

    def _do(self, words: str, work: Callable[[], object], done: Callable[..., object]) -> None:
        self.busy.emit(words)

        def read() -> tuple[object, str]:
            try:
                return work(), ""
            except (PackError, LabelerError) as error:
                return None, str(error)

        def show(outcome: tuple[object, str]) -> None:
            self._stopped.set()
            self.busy.emit("")
            value, failure = outcome
            if failure:
                self.warned.emit(failure)
            elif isinstance(value, PackComparison):
                done(value)
            else:
                done()

        self._session.tasks.query(Query(read, show, aside=True))


def _name(card: PackCard) -> str:
    return f"{card.model.name} {card.model.version}".strip()

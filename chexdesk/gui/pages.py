"""The pages of the window, one in front; those besides the first are made when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from chexdesk.gui import compare_view, keys
from chexdesk.gui.keys import Hint
from chexdesk.gui.models.compare import CompareModel
from chexdesk.gui.models.dashboard import DashboardModel
from chexdesk.gui.models.packs import PacksModel
from chexdesk.gui.models.session import Session
from chexdesk.gui.models.validation import ValidationModel
from chexdesk.gui.packs_view import PacksView
from chexdesk.gui.page_switch import WindowPage
from chexdesk.gui.validation_dialog import ValidationDialog
from chexdesk.services.queues import Filter

_LEGENDS: Final[dict[WindowPage, tuple[Hint, ...]]] = {
    WindowPage.REVIEW: keys.LEGEND,
    WindowPage.COMPARE: compare_view.LEGEND,
}


class Pages(QStackedWidget):
    """Shows one page at a time.

    Signals:
        shown: the `WindowPage` that came to the front.
    """

    shown = Signal(object)

    def __init__(self, session: Session, review: QWidget) -> None:
        super().__init__()
        self._session = session
        self._makers: dict[WindowPage, Callable[[], QWidget]] = {
            WindowPage.COMPARE: self._compare,
            WindowPage.OVERVIEW: self._overview,
            WindowPage.MODELS: self._models,
        }
        self._made: dict[WindowPage, QWidget] = {WindowPage.REVIEW: review}
        self._page = WindowPage.REVIEW
        self.addWidget(review)

    @property
    def page(self) -> WindowPage:
        """The page in front."""
        return self._page

    def view(self, page: WindowPage) -> QWidget:
        """A page's widget."""
        if page not in self._made:
            self._made[page] = self._makers[page]()
            self.addWidget(self._made[page])
        return self._made[page]

    def legend(self) -> tuple[Hint, ...]:
        """The keys of the page in front."""
        return _LEGENDS.get(self._page, keys.PAGES_LEGEND)

    def go(self, page: WindowPage) -> None:
        """Bring a page to the front."""
        if page is self._page:
            return
        view = self.view(page)
        self._page = page
        self.setCurrentWidget(view)
        self.shown.emit(page)
        enter = getattr(view, "enter", None)
        if enter is not None:
            enter()

    def _compare(self) -> QWidget:
        session = self._session
        model = CompareModel(session.library, session.tasks, self)
        model.said.connect(session.said)
        view = compare_view.CompareView(model, session.label_set)
        session.labelled.connect(view.changed)
        return view

    def _overview(self) -> QWidget:
        # Plots take a moment to load, which most starts of the program need not spend.
        from chexdesk.gui.dashboard_view import DashboardView

        session = self._session
        model = DashboardModel(session.library, session.tasks, self)
        model.said.connect(session.said)
        model.failed.connect(session.warned)
        model.picked.connect(self._list)
        view = DashboardView(model)
        view.validation_button.clicked.connect(self.open_validation)
        session.tasks.changed.connect(view.changed)
        session.labelled.connect(view.changed)
        return view

    def _models(self) -> QWidget:
        session = self._session
        model = PacksModel(session, self)
        model.said.connect(session.said)
        model.warned.connect(session.warned)
        model.picked.connect(self._list)
        return PacksView(model, session.label_set)

    def open_validation(self) -> None:
        """Hold the model against reviews or other labels, in a dialog of its own."""
        session = self._session
        model = ValidationModel(session.library, session.tasks)
        dialog = ValidationDialog(model, self)
        model.setParent(dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _list(self, chosen: Filter) -> None:
        self._session.queue.show(chosen)
        self.go(WindowPage.REVIEW)

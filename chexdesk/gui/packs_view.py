"""The models page: the packs of this machine, what each is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSizePolicy,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import theme
from chexdesk.gui.models.packs import PacksModel
from chexdesk.labels import LabelSet
from chexdesk.services.packs import PackCard, PackComparison


class PacksView(QWidget):
    """A list at the left, the card of the selected pack at the right."""

    def __init__(self, model: PacksModel, label_set: LabelSet) -> None:
        super().__init__()
        self._model = model
        self._names = label_set.names
        self._used = 0
        self._comparison: PackComparison | None = None
        self.list = QListWidget()
        self.card = QTextBrowser()
        self.use_button = QPushButton(self.tr("&Use this model"))
        self.verify_button = QPushButton(self.tr("&Check the file"))
        self.compare_button = QPushButton(self.tr("Com&pare with the one in use"))
        self.remove_button = QPushButton(self.tr("Re&move"))
        self.differing_button = QPushButton(self.tr("&Show reports that differ"))
        self.stop_button = QPushButton(self.tr("S&top"))
        self.import_button = QPushButton(self.tr("&Bring in a model…"))
        self._busy = QLabel()
        self._lay_out()
        self._connect()

    def enter(self) -> None:
        """The page comes to the front."""
        self._model.list()
        self.list.setFocus()

    def selected(self) -> PackCard | None:
        """The pack whose card is shown."""
        cards, row = self._model.cards, self.list.currentRow()
        return cards[row] if 0 <= row < len(cards) else None

    def _lay_out(self) -> None:
        title = QLabel(self.tr("Models"))
        title.setFont(theme.scaled(self.font(), 1.08, bold=True))
        self._busy.setProperty("quiet", True)
        self._busy.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head = QHBoxLayout()
        head.setContentsMargins(14, 7, 14, 7)
        head.setSpacing(10)
        head.addWidget(title)
        head.addWidget(self._busy, 1)
        head.addWidget(self.stop_button)
        head.addWidget(self.import_button)
        self.list.setAccessibleName(self.tr("Models"))
        self.list.setFixedWidth(270)
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setWordWrap(True)
        self.card.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.card.setOpenLinks(False)
        self.card.setAccessibleName(self.tr("What the model is"))
        self.card.document().setDocumentMargin(24)
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 10, 14, 12)
        foot.setSpacing(10)
        self.use_button.setProperty("primary", True)
        for button in (self.use_button, self.verify_button, self.compare_button):
            foot.addWidget(button)
        foot.addWidget(self.differing_button)
        foot.addStretch(1)
        foot.addWidget(self.remove_button)
        right = QWidget()
        right.setAutoFillBackground(True)
        right.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.card, 1)
        column.addLayout(foot)
        middle = QHBoxLayout()
        middle.setSpacing(1)
        middle.addWidget(self.list)
        middle.addWidget(right, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addLayout(middle, 1)
        self.stop_button.hide()
        self.differing_button.hide()

    def _connect(self) -> None:
        self._model.listed.connect(self._show_cards)
        self._model.busy.connect(self._show_busy)
        self._model.compared.connect(self._show_comparison)
        self.list.currentRowChanged.connect(self._show_card)
        for button, act in (
            (self.use_button, self._model.use),
            (self.verify_button, self._model.verify),
            (self.remove_button, self._model.remove),
        ):
            button.clicked.connect(partial(self._with_selected, act))
        self.compare_button.clicked.connect(self._compare)
        self.stop_button.clicked.connect(self._model.stop)
        self.differing_button.clicked.connect(self._show_differing)
        menu = QMenu(self.import_button)
        menu.addAction(self.tr("From a &ZIP file…"), self._ask_for_file)
        menu.addAction(self.tr("From a &folder…"), self._ask_for_folder)
        self.import_button.setMenu(menu)

    def _with_selected(self, act: Callable[[PackCard], object], _: bool = False) -> None:
        card = self.selected()
        if card is not None:
            act(card)

    def _show_cards(self, cards: list[PackCard], used: int) -> None:
        row = self.list.currentRow()
        self._used = used
        self.list.clear()
        for place, card in enumerate(cards):
            name = f"{card.model.name} {card.model.version}".strip()
            states = []
            if card.problem:
                states.append(self.tr("cannot be used"))
            elif place == used:
                states.append(self.tr("in use"))
            if card.shipped:
                states.append(self.tr("came with ChexDesk"))
            item = QListWidgetItem(f"{name}\n{', '.join(states) or self.tr('brought in')}")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {', '.join(states)}")
            self.list.addItem(item)
        self.list.setCurrentRow(row if 0 <= row < len(cards) else used)
        if not cards:
            self._show_card(-1)

    def _show_card(self, row: int) -> None:
        card = self.selected()
        self._comparison = None
        self.differing_button.hide()
        usable = card is not None and not card.problem
        self.use_button.setEnabled(usable and row != self._used)
        self.verify_button.setEnabled(usable)
        self.compare_button.setEnabled(usable and row != self._used)
        self.remove_button.setVisible(card is not None and not card.shipped)
        self.remove_button.setEnabled(row != self._used)
        if card is None:
            self.card.setPlainText(
                self.tr("There is no model here. Bring one in, or make one with `make model`.")
            )
        else:
            self.card.setHtml(_card_html(card, theme.of(self)))

    def _compare(self) -> None:
        card, cards = self.selected(), self._model.cards
        if card is not None and 0 <= self._used < len(cards):
            self.stop_button.show()
            self._model.compare(cards[self._used], card)

    def _show_busy(self, words: str) -> None:
        self._busy.setText(words)
        for button in (self.use_button, self.verify_button, self.compare_button):
            button.setEnabled(not words)
        self.remove_button.setEnabled(not words)
        self.import_button.setEnabled(not words)
        if not words:
            self.stop_button.hide()
            card, row = self.selected(), self.list.currentRow()
            usable = card is not None and not card.problem
            self.verify_button.setEnabled(usable)
            for button in (self.use_button, self.compare_button):
                button.setEnabled(usable and row != self._used)
            self.remove_button.setEnabled(row != self._used)

    def _show_comparison(self, comparison: PackComparison) -> None:
        self._comparison = comparison
        self.card.setHtml(_comparison_html(comparison, self._names, theme.of(self)))
        self.differing_button.setVisible(bool(comparison.keys))
        self.differing_button.setFocus()

    def _show_differing(self) -> None:
        if self._comparison is not None:
            self._model.show_differing(self._comparison)

    def _ask_for_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Bring in a model"), "", self.tr("Model pack (*.zip)")
        )
        if name:
            self._model.bring_in(Path(name))

    def _ask_for_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Bring in a model's folder"))
        if name:
            self._model.bring_in(Path(name))


def _card_html(card: PackCard, colours: theme.Theme) -> str:
    name = escape(f"{card.model.name} {card.model.version}".strip())
    if card.problem:
        return f"<h2>{name}</h2><p>{escape(card.problem)}</p>"
    facts = [
        ("Made from", escape(card.base)),
        ("Stored as", escape(card.quantization)),
        ("Size", f"{card.megabytes:,.0f} MB"),
        ("After packing", escape(card.checked)),
        ("Checksum", f"<tt>{escape(card.model.sha256)}</tt>"),
        ("Folder", escape(str(card.folder))),
    ]
    figures = "".join(
        f"<h3>{escape(group[:1].upper() + group[1:])}</h3>{_table(rows, colours)}"
        for group, rows in card.figures
    )
    return (
        f'<h2>{name}</h2><p style="margin-bottom: 14px">{escape(card.trained_on)}</p>'
        f"{_table([fact for fact in facts if fact[1]], colours)}{figures}"
    )


def _comparison_html(found: PackComparison, names: tuple[str, ...], colours: theme.Theme) -> str:
    one = escape(f"{found.one.name} {found.one.version}")
    other = escape(f"{found.other.name} {found.other.version}")
    if not found.decisions:
        return f"<h2>{one} and {other}</h2><p>There are no open reports to compare them on.</p>"
    share = 100 * found.alike / found.decisions
    rows = sorted(
        (
            (name, f"{number:,}")
            for name, number in zip(names, found.by_finding, strict=True)
            if number
        ),
        key=lambda row: -int(row[1].replace(",", "")),
    )
    what = "reports" if found.reports != 1 else "report"
    return (
        f"<h2>{one} and {other}</h2>"
        f"<p>On {found.reports:,} open {what} they make {share:.1f} % of {found.decisions:,} "
        f"decisions alike, and differ in {len(found.keys):,} {what}. That says nothing of which is "
        "right: look at those reports, or choose between the two on the Compare page.</p>"
        + (f"<h3>Reports on which they differ</h3>{_table(rows, colours)}" if rows else "")
    )


def _table(rows: Iterable[tuple[str, str]], colours: theme.Theme) -> str:
    cells = "".join(
        f'<tr><td style="color: {colours.muted}">{name}</td><td>{value}</td></tr>'
        for name, value in rows
    )
    return f'<table cellspacing="0" cellpadding="4" style="margin-top: 8px">{cells}</table>'

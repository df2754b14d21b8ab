"""The validation report: what is compared with what, the figures, and where they go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import theme
from chexdesk.gui.models.validation import ValidationModel
from chexdesk.labeling.labeler import ModelId
from chexdesk.services.queues import Sample
from chexdesk.services.validation import Study, StudyReport, Target
from chexdesk.services.validation_text import to_html

_SIZE: Final = (980, 620)
_MOST: Final = 1_000_000


class ValidationDialog(QDialog):
    """Choices above, the report below; every choice is carried out at once."""

    def __init__(self, model: ValidationModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._report: StudyReport | None = None
        self._labels: Path | None = None
        self.setWindowTitle(self.tr("Validation report"))
        self.resize(*_SIZE)
        if parent is not None:
            self.resize(self.size().boundedTo(parent.window().size() * 0.94))
        self.models = QComboBox()
        self.reference = QComboBox()
        self.target = QComboBox()
        self.sample = QComboBox()
        self.seed, self.size_box = QSpinBox(), QSpinBox()
        self.page = QTextBrowser()
        self.save_button = QPushButton(self.tr("&Save as…"))
        self.close_button = QPushButton(self.tr("Close"))
        self.said = QLabel()
        self._fill()
        self._lay_out()
        self._connect()
        model.list_models()
        self._conduct()

    def study(self) -> Study:
        """What is chosen."""
        sample = None
        if self.sample.currentIndex() == 1:
            sample = Sample(self.seed.value(), self.size_box.value())
        return Study(
            target=self.target.currentData(),
            sample=sample,
            labels=self._labels,
            model=self.models.currentData(),
        )

    def use_labels(self, path: Path | None) -> None:
        """Take the reference from a file; None takes the reviews."""
        self._labels = path
        if path is not None:
            self.reference.setItemText(1, self.tr("File: %1").replace("%1", path.name))
        self.reference.setCurrentIndex(0 if path is None else 1)
        self._conduct()

    def save(self, path: Path) -> None:
        """Write the report that is shown."""
        if self._report is not None:
            self._model.write(self._report, path)

    def _fill(self) -> None:
        self.models.addItem(self.tr("the model used last"), None)
        self.reference.addItem(self.tr("Reviews in this library"))
        self.reference.addItem(self.tr("Labels in a file…"))
        for target, words in (
            (Target.POSITIVE, self.tr("positive")),
            (Target.POSITIVE_OR_UNCERTAIN, self.tr("positive or uncertain")),
            (Target.MENTIONED, self.tr("mentioned at all")),
        ):
            self.target.addItem(words, target)
        self.sample.addItem(self.tr("All that have a reference"))
        self.sample.addItem(self.tr("A random sample"))
        default = Sample()
        for box, value in ((self.seed, default.seed), (self.size_box, default.size)):
            box.setRange(1, _MOST)
            box.setValue(value)
            box.setEnabled(False)
        self.page.setOpenLinks(False)
        self.page.document().setDocumentMargin(18)
        self.page.setAccessibleName(self.tr("Report"))
        self.said.setProperty("quiet", True)
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.save_button.setProperty("primary", True)
        self.save_button.setEnabled(False)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        for place, (words, widget) in enumerate(
            (
                (self.tr("&Model"), self.models),
                (self.tr("&Reference"), self.reference),
                (self.tr("A &case is"), self.target),
                (self.tr("R&eports"), self.sample),
                (self.tr("Sample si&ze"), self.size_box),
                (self.tr("Se&ed"), self.seed),
            )
        ):
            label = QLabel(words)
            label.setBuddy(widget)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row, column = divmod(place, 3)
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(widget, row, 2 * column + 1)
            grid.setColumnStretch(2 * column + 1, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.said, 1)
        foot.addWidget(self.close_button)
        foot.addWidget(self.save_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 14, 16, 14)
        box.setSpacing(12)
        box.addLayout(grid)
        box.addWidget(self.page, 1)
        box.addLayout(foot)

    def _connect(self) -> None:
        self._model.found.connect(self._show)
        self._model.listed.connect(self._list)
        self._model.written.connect(self.said.setText)
        self._model.failed.connect(self.said.setText)
        self.models.activated.connect(self._conduct)
        self.target.activated.connect(self._conduct)
        self.sample.activated.connect(self._choose_sample)
        self.reference.activated.connect(self._choose_reference)
        for box in (self.seed, self.size_box):
            box.editingFinished.connect(self._conduct)
        self.save_button.clicked.connect(self._ask_for_name)
        self.close_button.clicked.connect(self.accept)

    def _list(self, models: list[ModelId]) -> None:
        for model in models:
            self.models.addItem(f"{model.name} {model.version}", model)

    def _choose_sample(self, place: int) -> None:
        for box in (self.seed, self.size_box):
            box.setEnabled(place == 1)
        self._conduct()

    def _choose_reference(self, place: int) -> None:
        if place == 0:
            self.use_labels(None)
            return
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Reference labels"), "", self.tr("Labels (*.csv *.tsv *.json *.jsonl)")
        )
        if name:
            self.use_labels(Path(name))
        else:
            self.reference.setCurrentIndex(0 if self._labels is None else 1)

    def _conduct(self) -> None:
        self._model.conduct(self.study())

    def _show(self, found: StudyReport | str) -> None:
        self._report = None if isinstance(found, str) else found
        self.save_button.setEnabled(self._report is not None)
        if isinstance(found, str):
            self.page.setPlainText(found)
            return
        self.page.document().setDefaultFont(theme.scaled(self.font(), 0.95))
        self.page.setHtml(to_html(found))

    def _ask_for_name(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Save the validation report"),
            "validation.html",
            self.tr("Web page (*.html);;PDF (*.pdf);;CSV (*.csv)"),
        )
        if name:
            self.save(Path(name))

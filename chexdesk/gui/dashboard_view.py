"""The overview page: how findings are spread, how far the review is, how well it agrees."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QSize
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from chexdesk.gui import theme
from chexdesk.gui.bar_plot import BarPlot
from chexdesk.gui.models.dashboard import Board, DashboardModel, Look

#: A picture is this many times as sharp as the screen's, for print.
_SHARPNESS = 3


class DashboardView(QWidget):
    """Five plots; Tab goes from one to the next, arrows from bar to bar, Enter opens."""

    def __init__(self, model: DashboardModel) -> None:
        super().__init__()
        self._model = model
        self.prevalence = BarPlot(self.tr("Prevalence"), rows=True)
        self.agreement = BarPlot(self.tr("Model and reviewer alike"), rows=True, names=False)
        self.progress = BarPlot(self.tr("Review"), rows=True)
        self.doubts = BarPlot(self.tr("Doubt"), rows=False)
        self.times = BarPlot(self.tr("Time per report"), rows=False)
        self._title = QLabel(self.tr("Overview"))
        self._words = QLabel()
        self.validation_button = QPushButton(self.tr("&Validation report…"))
        self.table_button = QPushButton(self.tr("Export &table…"))
        self.figure_button = QPushButton(self.tr("Export f&igure…"))
        self._explain()
        self._lay_out()
        model.counted.connect(self.show_board)
        self.table_button.clicked.connect(self._ask_for_table)
        self.figure_button.clicked.connect(self._ask_for_figure)
        for plot in self.plots():
            plot.opened.connect(model.open)
            plot.pointed.connect(self._say)

    def plots(self) -> tuple[BarPlot, ...]:
        """All plots, in the order of Tab."""
        return (self.prevalence, self.agreement, self.progress, self.doubts, self.times)

    def enter(self) -> None:
        """The page comes to the front."""
        self._model.count()
        self.prevalence.setFocus()

    def changed(self) -> None:
        """Something in the library is not what it was."""
        if self.isVisible():
            self._model.count_soon()

    def show_board(self, board: Board) -> None:
        """Show other figures."""
        self._words.setText(board.words)
        self._counted = board.words
        self.prevalence.show_plot(board.prevalence)
        self.agreement.show_plot(board.agreement)
        self.progress.show_plot(board.progress)
        self.doubts.show_plot(board.doubts)
        self.times.show_plot(board.times)

    def save_figure(self, path: Path) -> bool:
        """Write all plots as a picture: SVG by that ending, else PNG. False where it failed."""
        size = self._board.size()
        if path.suffix.lower() == ".svg":
            generator = QSvgGenerator()
            generator.setFileName(str(path))
            generator.setSize(size)
            generator.setViewBox(self._board.rect())
            painter = QPainter()
            # QSvgGenerator says nothing of a file it cannot open.
            if not painter.begin(generator):
                return False
            self._board.render(painter, QPoint())
            painter.end()
            return True
        image = QImage(size * _SHARPNESS, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(_SHARPNESS)
        self._board.render(image, QPoint())
        return QImageWriter(str(path), QByteArray(b"PNG")).write(image)

    def _explain(self) -> None:
        self.prevalence.heading.explain(
            (Look.POSITIVE, self.tr("positive")),
            (Look.UNCERTAIN, self.tr("uncertain")),
            (Look.NEGATIVE, self.tr("negative")),
        )
        self.progress.heading.explain(
            (Look.PLAIN, self.tr("accepted")),
            (Look.UNCERTAIN, self.tr("corrected")),
            (Look.QUIET, self.tr("to review")),
        )
        self.agreement.setToolTip(
            self.tr("Whiskers: 95 % interval. Reviewers saw the model's labels first.")
        )

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(14, 7, 14, 7)
        head.setSpacing(10)
        self._title.setFont(theme.scaled(self.font(), 1.08, bold=True))
        self._words.setProperty("quiet", True)
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head.addWidget(self._title)
        head.addWidget(self._words, 1)
        for button in (self.validation_button, self.table_button, self.figure_button):
            head.addWidget(button)
        self._board = QFrame()
        self._board.setAutoFillBackground(True)
        self._board.setBackgroundRole(self._board.backgroundRole().Base)
        grid = QGridLayout(self._board)
        grid.setContentsMargins(0, 4, 0, 6)
        grid.setSpacing(0)
        grid.addWidget(self.prevalence, 0, 0, 3, 1)
        grid.addWidget(self.agreement, 0, 1, 3, 1)
        grid.addWidget(self.progress, 0, 2)
        grid.addWidget(self.doubts, 1, 2)
        grid.addWidget(self.times, 2, 2)
        for column, share in enumerate((9, 5, 7)):
            grid.setColumnStretch(column, share)
        for row, share in enumerate((0, 1, 1)):
            grid.setRowStretch(row, share)
        self.progress.setFixedHeight(84)
        for plot in self.plots():
            plot.setMinimumSize(QSize(150, 84))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(self._board, 1)
        self._counted = ""

    def _say(self, words: str) -> None:
        self._words.setText(words or self._counted)

    def _ask_for_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export table"), "overview.csv", self.tr("CSV (*.csv)")
        )
        if name:
            self._model.export_table(Path(name))

    def _ask_for_figure(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export figure"), "overview.png", self.tr("PNG (*.png);;SVG (*.svg)")
        )
        if not name:
            return
        if self.save_figure(Path(name)):
            self._model.said.emit(self.tr("Figure written to %1").replace("%1", Path(name).name))
        else:
            self._model.failed.emit(
                self.tr("%1 cannot be written. Choose another name or folder.").replace("%1", name)
            )

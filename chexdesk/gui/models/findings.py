"""The rows at the right: one finding each, with what is decided and how sure the model was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from chexdesk.labels import Certainty, Finding, LabelSet

ROW_ROLE: Final = int(Qt.ItemDataRole.UserRole)

_NOWHERE: Final = QModelIndex()


@dataclass(frozen=True)
class FindingRow:
    """What one row shows.

    Attributes:
        certainty: as decided, or None before there is a label.
        predicted: what the model said, or None.
        probability: of what the model said; None where the engine knows none.
        reading: what the report's words say by rule, where that is not the certainty shown;
            else None.
        words_read: the words that say so, or "".
    """

    finding: Finding
    certainty: Certainty | None = None
    predicted: Certainty | None = None
    probability: float | None = None
    reading: Certainty | None = None
    words_read: str = ""

    @property
    def disagrees(self) -> bool:
        """Whether the report's words speak against the certainty shown."""
        return self.reading is not None

    @property
    def changed(self) -> bool:
        """Whether a person decided otherwise than the model."""
        return self.predicted is not None and self.certainty is not self.predicted

    @property
    def sureness(self) -> str:
        """The probability in words, "" where unknown; a model is never said to be wholly sure."""
        if self.probability is None:
            return ""
        return "> 99%" if self.probability >= 0.995 else f"{self.probability:.0%}"

    def words(self) -> str:
        """The row for a screen reader."""
        if self.certainty is None:
            return f"{self.finding.name}: no label yet"
        parts = [f"{self.finding.name}: {self.certainty.title}"]
        if self.changed and self.predicted is not None:
            parts.append(f"changed from {self.predicted.title}")
        elif self.probability is not None:
            parts.append(f"{self.sureness} sure")
        if self.disagrees:
            parts.append(self.warning())
        return ", ".join(parts)

    def warning(self) -> str:
        """Both readings where the words of the report and the label disagree, else ""."""
        if self.reading is None or self.certainty is None:
            return ""
        shown = f"label: {self.certainty.title}"
        if self.words_read:
            return f"{shown}, but “{self.words_read}” reads as {self.reading.title}"
        if self.reading is Certainty.NOT_MENTIONED:
            return f"{shown}, but no words in the report say so"
        return f"{shown}, but the words read as {self.reading.title}"


class FindingsModel(QAbstractListModel):
    """The findings of a label set, in its order."""

    def __init__(self, label_set: LabelSet, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._blank = tuple(FindingRow(finding) for finding in label_set.findings)
        self._rows = self._blank

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        """The number of findings."""
        return 0 if parent.isValid() else len(self._rows)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """The row itself (`ROW_ROLE`), the finding's name, or words."""
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.finding.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.words()
        return None

    def row(self, place: int) -> FindingRow:
        """What a row shows."""
        return self._rows[place]

    def use_letters(self, label_set: LabelSet) -> None:
        """Show the same findings with other letters; what is decided follows with the next page."""
        self._blank = tuple(FindingRow(finding) for finding in label_set.findings)
        rows = zip(self._rows, label_set.findings, strict=True)
        self.show(tuple(replace(row, finding=finding) for row, finding in rows))

    def show(self, rows: tuple[FindingRow, ...]) -> None:
        """Show other rows; empty shows the findings without labels."""
        self._rows = rows or self._blank
        self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

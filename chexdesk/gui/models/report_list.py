"""The list of reports, as a Qt model that stays quick with 100,000 of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from chexdesk.gui import theme
from chexdesk.services.library import Entry, ReviewStatus

ENTRY_ROLE: Final = int(Qt.ItemDataRole.UserRole)

_NOWHERE: Final = QModelIndex()


class ReportListModel(QAbstractListModel):
    """One row for each entry, in the order in which reports were added."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._rows: dict[int, int] = {}

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        """The number of reports."""
        return 0 if parent.isValid() else len(self._entries)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """The entry itself (`ENTRY_ROLE`), its id, or words for a reader or screen reader."""
        if not 0 <= index.row() < len(self._entries):
            return None
        entry = self._entries[index.row()]
        if role == ENTRY_ROLE:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.id
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return "\n".join(p for p in (entry.id, state_words(entry), entry.source) if p)
        return None

    def entry(self, row: int) -> Entry | None:
        """The entry in a row, or None outside the list."""
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def row(self, key: int) -> int | None:
        """The row of an entry, or None where it is not in the list."""
        return self._rows.get(key)

    def keys(self) -> list[int]:
        """The entries' keys in row order."""
        return list(self._rows)

    def reset(self, entries: Sequence[Entry]) -> None:
        """Show other entries instead."""
        self.beginResetModel()
        self._entries = list(entries)
        self._rows = {entry.key: row for row, entry in enumerate(self._entries)}
        self.endResetModel()

    def merge(self, entries: Iterable[Entry]) -> None:
        """Show known entries anew and put unknown ones at the end."""
        new: list[Entry] = []
        for entry in entries:
            row = self._rows.get(entry.key)
            if row is None:
                new.append(entry)
            elif self._entries[row] != entry:
                self._entries[row] = entry
                index = self.index(row)
                self.dataChanged.emit(index, index)
        if new:
            first = len(self._entries)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._entries += new
            self._rows.update((entry.key, first + n) for n, entry in enumerate(new))
            self.endInsertRows()


def state_words(entry: Entry) -> str:
    """An entry's state in a few words."""
    if entry.error:
        return entry.error
    if not entry.labelled:
        return "waiting for labels"
    parts = [] if entry.status is ReviewStatus.UNREVIEWED else [entry.status.value]
    if entry.doubt is not None and entry.doubt >= theme.DOUBTFUL / 2:
        parts.append(f"doubt {entry.doubt:.0%}")
    return ", ".join(parts) or "to review"

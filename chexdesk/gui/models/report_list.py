"""The list of reports, as a Qt model that stays quick with 100,000 of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from chexdesk.gui import theme
from chexdesk.services.library import Entry, ReviewStatus

ENTRY_ROLE: Final = int(Qt.ItemDataRole.UserRole)
#: Entries are fetched in runs of so many rows.
PAGE: Final = 200

_NOWHERE: Final = QModelIndex()


class ReportListModel(QAbstractListModel):
    """One row for each report of a queue. Rows are keys; entries come as they are looked at.

    Signals:
        wanted: a list of keys whose entries are about to be shown and are not there yet.
    """

    wanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: list[int] = []
        self._rows: dict[int, int] = {}
        self._entries: dict[int, Entry] = {}
        self._asked: set[int] = set()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        """The number of reports."""
        return 0 if parent.isValid() else len(self._keys)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """The entry itself (`ENTRY_ROLE`), its id, or words for a reader or screen reader.

        None for an entry that is still to come.
        """
        entry = self.entry(index.row())
        if entry is None or role == ENTRY_ROLE:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.id
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return "\n".join(p for p in (entry.id, state_words(entry), entry.source) if p)
        return None

    def entry(self, row: int) -> Entry | None:
        """The entry in a row; None outside the list, and while it is still to come."""
        if not 0 <= row < len(self._keys):
            return None
        entry = self._entries.get(self._keys[row])
        if entry is None:
            self._ask(row // PAGE)
        return entry

    def key(self, row: int) -> int | None:
        """The key of the report in a row, or None outside the list."""
        return self._keys[row] if 0 <= row < len(self._keys) else None

    def row(self, key: int) -> int | None:
        """The row of a report, or None where it is not in the list."""
        return self._rows.get(key)

    def known(self, keys: Iterable[int]) -> tuple[list[int], list[int]]:
        """Those of some keys that are in the list with their entry, and those not in the list."""
        some = list(keys)
        return (
            [key for key in some if key in self._entries],
            [key for key in some if key not in self._rows],
        )

    def show(
        self, keys: list[int], rows: dict[int, int], entries: Mapping[int, Entry] | None = None
    ) -> None:
        """Show other reports instead.

        Args:
            rows: the row of each key (made by whoever has the time for it).
            entries: of some of them; the others are asked for when they come into view.
        """
        self.beginResetModel()
        self._keys, self._rows = keys, rows
        self._entries = dict(entries or {})
        self._asked.clear()
        self.endResetModel()

    def fill(self, entries: Mapping[int, Entry]) -> None:
        """Take in entries of rows that are there; others are passed over."""
        changed = []
        for key, entry in entries.items():
            row = self._rows.get(key)
            if row is not None and self._entries.get(key) != entry:
                self._entries[key] = entry
                changed.append(row)
        if changed:
            self.dataChanged.emit(self.index(min(changed)), self.index(max(changed)))

    def append(self, keys: Sequence[int], entries: Mapping[int, Entry]) -> None:
        """Put reports at the end; those that are there already stay where they are."""
        new = [key for key in keys if key not in self._rows]
        if new:
            first = len(self._keys)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._keys += new
            self._rows.update((key, first + n) for n, key in enumerate(new))
            self._entries.update((key, entries[key]) for key in new if key in entries)
            # The last run of rows may have grown.
            self._asked.discard(first // PAGE)
            self.endInsertRows()

    def _ask(self, page: int) -> None:
        if page not in self._asked:
            self._asked.add(page)
            self.wanted.emit(self._keys[page * PAGE : (page + 1) * PAGE])


def state_words(entry: Entry) -> str:
    """An entry's state in a few words."""
    if entry.error:
        return entry.error
    if not entry.labelled:
        return "waiting for labels"
    parts = [] if entry.status is ReviewStatus.UNREVIEWED else [entry.status.value]
    if entry.flagged:
        parts.append("flagged")
    if entry.doubt is not None and entry.doubt >= theme.DOUBTFUL / 2:
        parts.append(f"doubt {entry.doubt:.0%}")
    return ", ".join(parts) or "to review"

"""Cells that a spreadsheet would take for a formula, made into text and back again.

An id such as `=HYPERLINK(…)` comes from outside; a spreadsheet that opens the file would work it
out (OWASP, "CSV Injection"). An apostrophe before it makes text of it there. One more is put before
apostrophes that stand there already, so that the way back is never in doubt.
"""

from __future__ import annotations

from typing import Final

_APOSTROPHE: Final = "'"
#: Also in full width, which spreadsheets take for the same.
_BEGINS: Final = tuple("=+-@\t\r\n＝＋－＠")


def guarded(cell: str) -> str:
    """The cell with an apostrophe more, where it could be a formula."""
    return _APOSTROPHE + cell if _is_risky(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    if cell.startswith(_APOSTROPHE) and _is_risky(cell):
        return cell[len(_APOSTROPHE) :]
    return cell


def _is_risky(cell: str) -> bool:
    return cell.lstrip(_APOSTROPHE).lstrip(" ").startswith(_BEGINS)

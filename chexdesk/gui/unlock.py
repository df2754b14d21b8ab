"""The library as the window opens it: with a question where it is encrypted."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtWidgets import QInputDialog, QLineEdit, QMessageBox

from chexdesk.services.library import Library, NeedsPassphrase, StoreError

#: After each wrong passphrase, in seconds; a program that tries many gets nowhere.
_WAITS_S: Final = (1.0, 2.0, 4.0)


def open_library() -> Library | None:
    """The user's library; None where it cannot be opened, which the user has been told by then."""
    try:
        return Library.open()
    except NeedsPassphrase as error:
        return _ask(str(error))
    except StoreError as error:
        QMessageBox.critical(None, "ChexDesk", str(error))
        return None


def _ask(words: str) -> Library | None:
    for wait_s in _WAITS_S:
        given, confirmed = QInputDialog.getText(
            None, "ChexDesk", f"{words}\n\nPassphrase:", QLineEdit.EchoMode.Password
        )
        if not confirmed:
            return None
        try:
            return Library.open(passphrase=given)
        except NeedsPassphrase as error:
            words = str(error)
            time.sleep(wait_s)
        except StoreError as error:
            words = str(error)
            break
    QMessageBox.critical(None, "ChexDesk", words)
    return None

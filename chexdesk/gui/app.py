"""The program with the window."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from chexdesk import logs
from chexdesk import paths as places
from chexdesk.gui import theme
from chexdesk.gui.main_window import MainWindow
from chexdesk.gui.models.engine import open_engine
from chexdesk.gui.models.session import Session
from chexdesk.gui.unlock import open_library
from chexdesk.services import packs


def run(paths: Sequence[Path], *, pack: Path | None = None) -> int:
    """Open the user's library in a window, add the reports of `paths`, label them, and stay.

    Args:
        pack: the model pack's folder; where None the one chosen in the window, else the default.

    Returns:
        The exit status; 1 where there is no display or the library cannot be opened.
    """
    if not _has_display():
        print("There is no display here; `chexdesk label` works without one.", file=sys.stderr)
        return 1
    logs.configure(window=True)
    app = make_application()
    library = open_library()
    if library is None:
        return 1
    settings = QSettings(str(places.home() / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(Session(library, lambda: open_engine(pack or packs.chosen())), settings)
    # Not every window manager brings back what reaches beyond the screen.
    window.resize(window.size().boundedTo(window.screen().availableSize()))
    window.show()
    window.session.start(paths)
    return app.exec()


def make_application() -> QApplication:
    """The Qt application, dressed and following the system's colours."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("ChexDesk")
    app.setStyle("Fusion")
    icon = places.resources() / "icons" / "chexdesk.svg"
    if icon.is_file():
        app.setWindowIcon(QIcon(str(icon)))
    theme.wear(theme.Appearance.SYSTEM)
    QGuiApplication.styleHints().colorSchemeChanged.connect(_follow_system)
    return app


def _has_display() -> bool:
    """Whether a window can be shown; Qt itself ends the process where it cannot."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _follow_system() -> None:
    if theme.appearance() is theme.Appearance.SYSTEM:
        theme.wear(theme.Appearance.SYSTEM)

"""What ChexDesk writes down about its own running: never a report's text.

The command line logs to standard error and leaves no file; the window logs to
`logs/chexdesk.log` in the user's folder.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

from chexdesk import paths

#: The environment variable with the level.
VARIABLE: Final = "CHEXDESK_LOG"
LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
DEFAULT_LEVEL: Final = "warning"

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

_ROOT: Final = "chexdesk"
_FILE_BYTES: Final = 1 << 20
_OLD_FILES: Final = 3
_OURS: Final = Path(__file__).resolve().parent


def log_file() -> Path:
    """The window's log."""
    return paths.home() / "logs" / "chexdesk.log"


def configure(*, window: bool = False) -> None:
    """Log as `CHEXDESK_LOG` says: debug, info or warning; warning where it says nothing.

    Configuring again replaces what was there. Other libraries' loggers are left alone.

    Args:
        window: log to `log_file()`, where it can be written, rather than to standard error.
    """
    given = os.environ.get(VARIABLE, "").strip().lower()
    logger = logging.getLogger(_ROOT)
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.propagate = False
    logger.setLevel(LEVELS.get(given, LEVELS[DEFAULT_LEVEL]))
    refusal = ""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if window:
        try:
            handler = _PrivateFile(log_file())
        except OSError as error:
            refusal = error.strerror or type(error).__name__
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    if refusal:
        logger.warning("%s cannot be written (%s); logging here instead", log_file(), refusal)
    if given and given not in LEVELS:
        logger.warning(
            "%s=%s is none of %s; %s is taken", VARIABLE, given, ", ".join(LEVELS), DEFAULT_LEVEL
        )


def describe(error: BaseException) -> str:
    """An exception's kind and the place of ours where it was raised.

    Its message is left out: it may quote the text that it stumbled over.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_OURS)]
    if not frames:
        return type(error).__name__
    frame = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


class _PrivateFile(RotatingFileHandler):
    """A log of bounded size that only its owner can read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding="utf-8")


class _Formatter(logging.Formatter):
    """Exceptions by kind and place alone."""

    def formatException(self, ei: _ExceptionInfo) -> str:
        return "" if ei[1] is None else f"  {describe(ei[1])}"

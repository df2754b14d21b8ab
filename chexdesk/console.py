"""What the modules of the command line share: how they end, count and open the library."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

if TYPE_CHECKING:
    from chexdesk.services.library import Library

WRONG_USE: Final = 2
NOTHING_DONE: Final = 1
#: After each wrong passphrase, in seconds.
_WAITS_S: Final = (1.0, 2.0, 4.0)


def fail(words: str) -> NoReturn:
    """End: nothing could be done."""
    typer.echo(f"chexdesk: {words}", err=True)
    raise typer.Exit(NOTHING_DONE)


def wrong_use(words: str) -> NoReturn:
    """End: the command was used wrongly."""
    typer.echo(f"chexdesk: {words}", err=True)
    raise typer.Exit(WRONG_USE)


def number(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it must be."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def writable(output: Path) -> None:
    """End where a file of that name cannot be written for the folder's sake."""
    if output.is_dir() or not output.resolve().parent.is_dir():
        fail(f"{output}: is a folder, or its folder does not exist. Give a file's name.")


@contextmanager
def open_library(*, must_exist: bool = False) -> Iterator[Library]:
    """The user's library, open for a while; ends the program where it cannot be used.

    Args:
        must_exist: do not make one where there is none.
    """
    from chexdesk import paths
    from chexdesk.services.library import FILE_NAME, StoreError

    path = paths.home() / FILE_NAME
    if must_exist and not path.exists():
        fail(f"{path}: there is no library yet (`chexdesk label … --store` makes one)")
    try:
        library = _open()
        try:
            yield library
        finally:
            library.close()
    except StoreError as error:
        fail(str(error))


def ask_passphrase(path: Path, words: str, *, twice: bool = False) -> str:
    """Ask at the terminal, unseen. Ends the program where there is none.

    Args:
        path: the file that it is for.
        twice: ask a second time, for a passphrase that is set now.
    """
    from chexdesk.services.passphrase import VARIABLE

    if not sys.stdin.isatty():
        fail(
            f"{path}: it takes a passphrase (or is no ChexDesk library), and there is no terminal "
            f"to ask at; name a file with the passphrase in {VARIABLE}"
        )
    asked: str = typer.prompt(words, hide_input=True, confirmation_prompt=twice, err=True)
    return asked


def _open() -> Library:
    """Open the library, asking for its passphrase where it needs one; slower at each wrong one."""
    from chexdesk import paths
    from chexdesk.services.library import FILE_NAME, Library, NeedsPassphrase

    try:
        return Library.open()
    except NeedsPassphrase as error:
        if not sys.stdin.isatty():
            raise
        typer.echo(f"chexdesk: {error}", err=True)
    for wait_s in _WAITS_S:
        try:
            return Library.open(passphrase=ask_passphrase(paths.home() / FILE_NAME, "Passphrase"))
        except NeedsPassphrase as error:
            typer.echo(f"chexdesk: {error}", err=True)
            time.sleep(wait_s)
    fail("no right passphrase was given")

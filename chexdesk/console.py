"""What the modules of the command line share: how they end, count and open the library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

if TYPE_CHECKING:
    from chexdesk.services.library import Library

WRONG_USE: Final = 2
NOTHING_DONE: Final = 1


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
    from chexdesk.services.library import FILE_NAME, Library, StoreError

    path = paths.home() / FILE_NAME
    if must_exist and not path.exists():
        fail(f"{path}: there is no library yet (`chexdesk label … --store` makes one)")
    try:
        library = Library.open()
        try:
            yield library
        finally:
            library.close()
    except StoreError as error:
        fail(str(error))

"""`chexdesk store …` and `chexdesk audit …`: looking after the library's file and its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chexdesk.console import ask_passphrase, fail, number, open_library, writable, wrong_use

if TYPE_CHECKING:
    from chexdesk.services.upkeep import Selection

store_app = typer.Typer(help="The library's file: back up, restore, encrypt, purge.")
audit_app = typer.Typer(help="The log of who changed what: check it, write it out.")


@audit_app.command("verify")
def audit_verify(
    against: Annotated[
        Path | None,
        typer.Option(metavar="EXPORT", help="An earlier export of the log: are its rows there?"),
    ] = None,
) -> None:
    """Check that no row of the log was changed, moved, put in or taken out.

    Rows cut off at the end show against the anchor beside the store, which every change moves on.
    Somebody who may write both can change both: an export kept on another machine shows that, too.
    """
    from chexdesk.services.audit_log import verify_log

    with open_library(must_exist=True) as library:
        verdict = verify_log(library, against)
        path = library.path
    for fault in verdict.faults:
        typer.echo(f"chexdesk: {path}: {fault}", err=True)
    if verdict.faults:
        fail(
            f"{path}: the audit log is not whole. Keep this file as it is and tell whoever answers "
            "for it. (Where the file was put back from a copy by hand, that may be all: "
            "`chexdesk store restore` does that without a break.)"
        )
    last = "" if verdict.last is None else f"; the last has the hash {verdict.last.hash}"
    typer.echo(f"{path}: the audit log is whole: {number(verdict.rows, 'row')}{last}")


@audit_app.command("export")
def audit_export(
    output: Annotated[Path, typer.Option(help="The JSONL to write.")] = Path("audit.jsonl"),
) -> None:
    """Write the log as JSONL, with its hashes. It holds names of reviewers, no report text."""
    from chexdesk.services.audit_log import export_log

    writable(output)
    with open_library(must_exist=True) as library:
        try:
            rows = export_log(library, output)
        except OSError as error:
            fail(f"{output}: cannot be written ({error.strerror or type(error).__name__})")
    typer.echo(f"{output}: {number(rows, 'row')}", err=True)


@store_app.command("backup")
def store_backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.")],
) -> None:
    """Copy the library to a new file, checked before it gets its name. The app may stay open.

    The copy holds report text, and is encrypted if the library is: keep it as you keep the reports.
    """
    from chexdesk.services.upkeep import back_up

    writable(target)
    with open_library(must_exist=True) as library:
        contents = back_up(library, target)
    typer.echo(f"{target}: {number(contents.reports, 'report')}, whole", err=True)


@store_app.command("restore")
def store_restore(
    backup: Annotated[Path, typer.Argument(metavar="FILE", help="What `store backup` made.")],
) -> None:
    """Bring the library back to a backup. What it held before is kept beside it and named."""
    from chexdesk.services.library import StoreError
    from chexdesk.services.passphrase import from_environment
    from chexdesk.services.upkeep import is_encrypted, restore, store_path

    if not backup.is_file():
        fail(f"{backup}: there is no such file")
    try:
        words = from_environment()
        path = store_path()
        if words is None and path.exists() and is_encrypted(path):
            words = ask_passphrase(path, "Passphrase of the library")
        of_backup = words if is_encrypted(backup) else None
        if of_backup is None and is_encrypted(backup):
            of_backup = ask_passphrase(backup, "Passphrase of the backup")
        contents, before = restore(backup, words, of_backup)
    except StoreError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or backup}: {error.strerror or type(error).__name__}")
    kept = "" if before is None else f"; what it held before is in {before}"
    typer.echo(f"{path}: {number(contents.reports, 'report')} brought back{kept}", err=True)


@store_app.command("encrypt")
def store_encrypt() -> None:
    """Encrypt the library under a passphrase, or give it another one. Close the app first.

    Nobody can open it without the passphrase, and there is no way to bring a forgotten one back.
    Copies made before stay as they were.
    """
    from chexdesk.services.library import StoreError
    from chexdesk.services.passphrase import from_environment
    from chexdesk.services.upkeep import change_passphrase, is_encrypted, store_path

    path = store_path()
    if not path.exists():
        fail(f"{path}: there is no library yet (`chexdesk label … --store` makes one)")
    try:
        new = from_environment()
        old = ask_passphrase(path, "Passphrase it has now") if is_encrypted(path) else None
        if new is None or old is not None:
            new = ask_passphrase(path, "New passphrase", twice=True)
        if not new:
            wrong_use("an empty passphrase encrypts nothing")
        change_passphrase(old, new)
    except StoreError as error:
        fail(str(error))
    typer.echo(f"{path}: encrypted", err=True)


@store_app.command("purge")
def store_purge(
    reports: Annotated[
        list[str] | None, typer.Option("--report", metavar="ID", help="A report's id; repeatable.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="FILE", help="All that came from a file of that name.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="All added before a day: 2026-01-31 (UTC).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every report.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Remove reports for good: text, labels, reviews, notes and search index are overwritten.

    Options together narrow the choice. The audit log stays; it holds no text and no ids. Backups
    beside the library that still hold a report are named; those elsewhere are yours to remember.
    """
    from chexdesk.services.upkeep import purge, select

    wanted = _selection(reports or [], source, before, everything)
    with open_library(must_exist=True) as library:
        keys = select(library, wanted)
        if not yes and keys:
            typer.confirm(f"Remove {number(len(keys), 'report')} for good?", abort=True, err=True)
        done = purge(library, keys)
        path = library.path
    typer.echo(f"{path}: {number(done.reports, 'report')} removed for good", err=True)
    for copy in done.copies:
        typer.echo(f"{copy}: may hold them still; delete it where it is not needed", err=True)


def _selection(
    reports: Sequence[str], source: str | None, before: str | None, everything: bool
) -> Selection:
    from chexdesk.services.upkeep import Selection

    given = bool(reports) or source is not None or before is not None
    if given == everything:
        wrong_use("say which reports: --report, --source, --before, or --all alone")
    day = None
    if before is not None:
        try:
            day = datetime.strptime(before, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            wrong_use(f"--before takes a day such as 2026-01-31, not {before!r}")
    return Selection(frozenset(reports) if reports else None, source, day)

"""`chexdesk audit …`: the log of who did what, checked and written out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chexdesk.console import fail, number, open_library, writable

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

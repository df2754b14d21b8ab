"""Writing what the window shows to a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chexdesk.evidence.find import find_evidence
from chexdesk.outputs.write import OutputError, format_names, format_of, open_output
from chexdesk.services.library import Change, Library, ReviewStatus


def export(library: Library, path: Path) -> Change:
    """Write every report's decisions as they stand, corrections included.

    A report that a person decided is written even where the model failed on it.

    Raises:
        OutputError: the name's ending is none of the known ones, or the file cannot be written.
    """
    name = format_of(path)
    if name is None:
        known = ", ".join(f".{n}" for n in format_names())
        raise OutputError(path, f"has no known ending. Give it one of {known}.")
    written = 0
    with open_output(path, name, library.label_set) as writer:
        for report, prediction, decisions, status in library.export_rows():
            shown = replace(prediction, certainties=decisions)
            if status is not ReviewStatus.UNREVIEWED:
                shown = replace(shown, error="")
            spans = (
                ()
                if shown.error
                else find_evidence(report.text, decisions, library.label_set).spans
            )
            writer.write(report, shown, spans)
            written += 1
    return Change(frozenset(), f"Exported {written} reports to {path.name}")

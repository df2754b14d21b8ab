"""Plain text: one file, one report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chexdesk.reports.readers import base, decoding
from chexdesk.reports.report import Report


def open_source(source: base.Source) -> base.Opened:
    """The file as one report, its id the file's name.

    Raises:
        ReadError: it is not text.
    """
    lines = decoding.open_text(source)

    def reports() -> Iterator[Report]:
        with decoding.failures(source):
            text = lines.read()
        if "\0" in text:
            raise base.ReadError(source.name, "holds binary data. Save it as plain text.")
        yield base.report(source.report_id, text, source.name)

    return base.Opened(base.DEFAULT_ID_HEADER, reports())


READER: Final = base.Reader("text", (".txt", ".text"), open_source)

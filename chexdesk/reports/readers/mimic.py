"""MIMIC-CXR's folders, `files/p10/p10000032/s50414267.txt`: one text file, one study's report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from chexdesk.reports.readers import base, text
from chexdesk.reports.report import Origin, Report

#: What MIMIC-CXR calls the id of a report.
ID_HEADER: Final = "study_id"
_STUDY: Final = re.compile(r"s(\d{8})\.txt\Z", re.IGNORECASE)
_PATH: Final = re.compile(r"(?:\A|[/\\])p\d{2}[/\\]p(\d{8})[/\\]s(\d{8})\.txt\Z", re.IGNORECASE)


def open_source(source: base.Source) -> base.Opened:
    """The file as one report; its id is the study's number, its patient the subject's.

    Raises:
        ReadError: it is not text.
    """
    whole, study = _PATH.search(source.name), _STUDY.search(source.name)
    subject = whole.group(1) if whole else ""
    number = study.group(1) if study else ""
    opened = text.open_source(source)

    def reports() -> Iterator[Report]:
        for report in opened.reports:
            yield replace(
                report, id=number or report.id, origin=Origin(patient=subject, study=number)
            )

    return base.Opened(ID_HEADER, reports())


READER: Final = base.Reader(
    "mimic", (".txt",), open_source, lambda source: _PATH.search(source.name) is not None
)

"""Reviews as training data: reports with the labels that a person stands behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

from chexdesk.services.library import Library
from chexdesk.services.wholefile import whole_file


def export_reviews(library: Library, out: Path | IO[str]) -> int:
    """Write every accepted or corrected report as a line of JSON, as `training/` reads them.

    Each has `id`, `text`, `labels` (1, 0, -1 or null for each finding in label order), `reviewer`
    and `status`. All but ASCII is escaped: a report may hold characters at which line-by-line
    readers would break.

    Returns:
        How many lines were written.

    Raises:
        OSError: the file cannot be written.
        StoreError: the library cannot be read.
    """
    count = 0
    with whole_file(out) as stream:
        for report, review in library.reviewed():
            if review.decisions is None:
                continue
            row = {
                "id": report.id,
                "text": report.text,
                "labels": [certainty.value_number for certainty in review.decisions],
                "reviewer": review.reviewer,
                "status": review.status.value,
            }
            stream.write(json.dumps(row) + "\n")
            count += 1
    return count

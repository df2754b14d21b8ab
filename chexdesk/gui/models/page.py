"""One report as it is shown: its text, how parts of it are set, its evidence and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from chexdesk.evidence.find import Evidence, find_evidence
from chexdesk.evidence.span import Span
from chexdesk.gui.models.findings import FindingRow
from chexdesk.labels import LabelSet
from chexdesk.reports.sections import KEPT, parse_sections
from chexdesk.services.consistency import Suggestion, suggestion
from chexdesk.services.library import Detail, Entry

# A page of more is cut for display only, with a word about it; labels are of the whole.
DISPLAY_LIMIT: Final = 60_000


class Style(Enum):
    """How a stretch of the text is set."""

    HEADING = "heading"
    LEFT_OUT = "left_out"
    LEFT_OUT_HEADING = "left_out_heading"


@dataclass(frozen=True)
class Stretch:
    """A part of the text that is set in its own way; offsets are code points."""

    start: int
    end: int
    style: Style


@dataclass(frozen=True)
class Page:
    """A report with all that the middle and the right of the window show of it.

    Attributes:
        spans: the evidence within `text`.
        model: the name of the model whose labels these are, or "".
        suggestion: what would make the labels agree with one another, or None.
        cut: how many code points at the end are not shown.
    """

    entry: Entry
    text: str
    stretches: tuple[Stretch, ...]
    spans: tuple[Span, ...]
    rows: tuple[FindingRow, ...]
    model: str
    note: str
    suggestion: Suggestion | None = None
    cut: int = 0


def make_page(detail: Detail, label_set: LabelSet) -> Page:
    """Find sections and evidence of a report. Takes milliseconds; not for the GUI thread."""
    text = detail.text[:DISPLAY_LIMIT]
    evidence = Evidence((), (), ())
    if detail.decisions is not None and not detail.entry.error:
        evidence = find_evidence(text, detail.decisions, label_set)
    prediction = detail.prediction
    return Page(
        entry=detail.entry,
        text=text,
        stretches=stretches(text),
        spans=evidence.spans,
        rows=_rows(detail, label_set, evidence),
        model="" if prediction is None or prediction.error else prediction.model.name,
        note=detail.note,
        suggestion=(None if detail.decisions is None else suggestion(label_set, detail.decisions)),
        cut=len(detail.text) - len(text),
    )


def stretches(text: str) -> tuple[Stretch, ...]:
    """Headings, and the sections that no model reads, in text order."""
    found: list[Stretch] = []
    for section in parse_sections(text):
        kept = section.kind in KEPT
        if not kept:
            found.append(Stretch(section.start, section.end, Style.LEFT_OUT))
        if section.heading:
            start = text.rfind(section.heading, 0, section.start)
            if start >= 0:
                style = Style.HEADING if kept else Style.LEFT_OUT_HEADING
                end = start + len(section.heading)
                end += text[end : end + 1] == ":"
                found.append(Stretch(start, end, style))
    return tuple(sorted(found, key=lambda stretch: (stretch.start, stretch.end)))


def _rows(detail: Detail, label_set: LabelSet, evidence: Evidence) -> tuple[FindingRow, ...]:
    if detail.decisions is None:
        return ()
    prediction = detail.prediction
    if prediction is not None and prediction.error:
        prediction = None
    rows: list[FindingRow] = []
    for place, finding in enumerate(label_set.findings):
        reading = evidence.reading[place] if place in evidence.disagreements else None
        words = (
            detail.text[span.start : span.end]
            for span in evidence.spans
            if span.finding == finding.name and span.certainty is reading
        )
        rows.append(
            FindingRow(
                finding=finding,
                certainty=detail.decisions[place],
                predicted=None if prediction is None else prediction.certainties[place],
                probability=None if prediction is None else prediction.probability(place),
                reading=reading,
                words_read=" ".join(next(words, "").split()),
            )
        )
    return tuple(rows)

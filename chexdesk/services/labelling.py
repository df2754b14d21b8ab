"""Label files: reports in, an output file out, in a stream of bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from chexdesk.evidence.find import find_evidence
from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import WINDOW, Labeler, Prediction
from chexdesk.outputs.write import completed_rows, open_output, partial_path
from chexdesk.reports.read import ReadOptions, ReportStream, read_reports
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice
from chexdesk.services.library import Library

#: Formats that have no place for evidence, so that none is looked for.
_WITHOUT_EVIDENCE: Final = frozenset({"csv", "fhir"})

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """One run of `chexdesk label`.

    Attributes:
        resume: go on from `FILE.partial` of a run that broke off.
        library: where reports and predictions are kept too; None keeps no report text anywhere.
    """

    inputs: Sequence[Path | str]
    options: ReadOptions
    output: Path
    format: str
    sections: SectionChoice = SectionChoice.DEFAULT
    resume: bool = False
    library: Library | None = None


@dataclass(frozen=True)
class Summary:
    """What became of a run.

    Attributes:
        rows: in the output. resumed: of those, kept from the run that broke off.
        failed: rows of this run with an error.
        first_error: the first of those errors, for a message.
    """

    rows: int
    resumed: int
    failed: int
    first_error: str


def label_reports(
    labeler: Labeler,
    reports: Iterable[Report],
    sections: SectionChoice = SectionChoice.DEFAULT,
    *,
    evidence: bool = True,
) -> Iterator[tuple[Report, Prediction, Sequence[Span]]]:
    """Each report with its prediction and evidence, in order, as they become ready."""
    ahead: deque[Report] = deque()

    def remembered() -> Iterator[Report]:
        for report in reports:
            ahead.append(report)
            yield report

    for prediction in labeler.label(remembered(), sections):
        report = ahead.popleft()
        spans: Sequence[Span] = ()
        if evidence and not prediction.error:
            spans = find_evidence(
                report.text, prediction.certainties, labeler.label_set, sections
            ).spans
        yield report, prediction, spans


def label_files(job: Job, labeler: Labeler, progress: Progress = lambda rows: None) -> Summary:
    """Label a job's inputs into its output file.

    While it runs the file is `FILE.partial`; a run that breaks off leaves it, whole records only
    counting, for `resume`.

    Args:
        progress: called with the number of rows written so far.

    Raises:
        ReadError: the input cannot be read. OutputError: the output cannot be written.
        LabelerError: the engine failed for good. StoreError: the library cannot be written.
    """
    stream = read_reports(job.inputs, job.options)
    try:
        # Opening the input before the output: a wrong input leaves no trace of an output.
        first = list(islice(stream, 1))
        return _label(job, labeler, stream, first, progress)
    finally:
        stream.close()


def _label(
    job: Job, labeler: Labeler, stream: ReportStream, first: list[Report], progress: Progress
) -> Summary:
    header = stream.id_header
    done = 0
    if job.resume:
        done = completed_rows(job.output, job.format, labeler.label_set, header)
        done -= done % WINDOW
    failed, first_error = 0, ""
    reports = islice(chain(first, stream), done, None)
    with open_output(
        job.output,
        job.format,
        labeler.label_set,
        header,
        resume_after=done,
        keep_partial=True,
    ) as writer:
        progress(done)
        labelled = label_reports(
            labeler, reports, job.sections, evidence=job.format not in _WITHOUT_EVIDENCE
        )
        for report, prediction, spans in labelled:
            writer.write(report, prediction, spans)
            if prediction.error:
                failed += 1
                first_error = first_error or f"{report.source or report.id}: {prediction.error}"
            if job.library is not None and report.text:
                (key,) = job.library.add_reports([report]).keys
                job.library.save_predictions([(key, prediction)])
            progress(writer.rows)
        rows = writer.rows
    return Summary(rows, done, failed, first_error)


def has_partial(output: Path) -> bool:
    """Whether a run into this file broke off and could be taken up."""
    return partial_path(output.resolve()).is_file()

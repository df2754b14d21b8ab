"""Label files: reports in, an output file out, in a stream of bounded memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chexdesk.evidence.find import find_evidence
from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import WINDOW, Labeler, Prediction
from chexdesk.outputs.write import (
    OutputError,
    check_output,
    completed_rows,
    kept_rows,
    open_output,
    partial_path,
)
from chexdesk.reports.read import Input, ReadOptions, ReportStream, expand
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice

if TYPE_CHECKING:
    from chexdesk.services.library import Library

#: Formats that have a place for evidence; for the others none is looked for.
_WITH_EVIDENCE: Final = frozenset({"json", "jsonl"})

Progress = Callable[[int], None]

_log = logging.getLogger(__name__)


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
        failed: rows without labels, those kept included.
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


def check(job: Job) -> list[Input]:
    """What can be seen before any work: the inputs exist, and the output can take its name.

    Returns:
        The files to read, folders looked through.

    Raises:
        ReadError: an input does not exist, or a folder holds nothing to read.
        OutputError: the output is a folder, has none, or would replace an input.
    """
    inputs = expand(job.inputs, job.options)
    check_output(job.output)
    target = job.output.resolve()
    for taken in (target, partial_path(target)):
        if taken.exists() and any(e.path is not None and e.path.samefile(taken) for e in inputs):
            raise OutputError(job.output, "would replace one of the inputs. Give another name.")
    return inputs


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
    stream = ReportStream(check(job), job.options)
    try:
        # Opening the input before the output: a wrong input leaves no trace of an output.
        first = list(islice(stream, 1))
        summary = _label(job, labeler, chain(first, stream), stream.id_header, progress)
    finally:
        stream.close()
    _log.info(
        "%d reports labelled, %d of them by a run before, %d without labels",
        summary.rows,
        summary.resumed,
        summary.failed,
    )
    return summary


def has_partial(output: Path) -> bool:
    """Whether a run into this file broke off and could be taken up."""
    return partial_path(output.resolve()).is_file()


@dataclass
class _Failures:
    count: int = 0
    first: str = ""

    def add(self, report: Report, error: str) -> None:
        self.count += 1
        self.first = self.first or f"{report.source or report.id}: {error}"


def _label(
    job: Job, labeler: Labeler, reports: Iterator[Report], header: str, progress: Progress
) -> Summary:
    failures = _Failures()
    done = _pass_over(job, labeler, reports, header, failures) if job.resume else 0
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
            labeler, reports, job.sections, evidence=job.format in _WITH_EVIDENCE
        )
        for report, prediction, spans in labelled:
            # Before its row: a run that is taken up again never goes back to a row.
            if job.library is not None and report.text:
                (key,) = job.library.add_reports([report]).keys
                job.library.save_predictions([(key, prediction)])
            writer.write(report, prediction, spans)
            if prediction.error:
                failures.add(report, prediction.error)
            progress(writer.rows)
        rows = writer.rows
    return Summary(rows, done, failures.count, failures.first)


def _pass_over(
    job: Job, labeler: Labeler, reports: Iterator[Report], header: str, failures: _Failures
) -> int:
    """Take the reports that a broken-off run has done, whole windows of them.

    Returns:
        How many they are.

    Raises:
        OutputError: the broken-off run was one over other reports.
    """
    whole = completed_rows(job.output, job.format, labeler.label_set, header)
    done = whole - whole % WINDOW
    kept = kept_rows(job.output, job.format, labeler.label_set, header, done)
    for identifier, error in kept:
        report = next(reports, None)
        if report is None or identifier not in ("", report.id):
            raise OutputError(
                job.output,
                f"{partial_path(job.output).name} was begun with other reports. Give the same "
                "input, or run without --resume to start anew.",
            )
        if error:
            failures.add(report, error)
    return done

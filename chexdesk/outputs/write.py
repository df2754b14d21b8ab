"""Write an output file row by row, whole or not at all.

While it is written it is `FILE.partial`, readable by its owner only; when whole it takes the file's
name. The bytes of a run that was taken up again are those of one that never broke off.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import LabelSet
from chexdesk.outputs import dicom_sr, excel, hl7, mimic_csv, parquet, sheet_csv
from chexdesk.outputs.converted import ConvertedLayout
from chexdesk.outputs.csv_rows import CsvLayout
from chexdesk.outputs.fhir import FhirLayout
from chexdesk.outputs.json_records import JsonLayout, JsonLinesLayout
from chexdesk.outputs.layout import Frame, Layout
from chexdesk.reports.readers.base import DEFAULT_ID_HEADER
from chexdesk.reports.report import Report

#: Where two endings fit a file's name the first layout counts.
LAYOUTS: Final[tuple[Layout, ...]] = (
    mimic_csv.LAYOUT,
    sheet_csv.LAYOUT,
    CsvLayout(),
    FhirLayout(),
    JsonLayout(),
    JsonLinesLayout(),
    excel.LAYOUT,
    parquet.LAYOUT,
    hl7.LAYOUT,
    dicom_sr.LAYOUT,
)


class OutputError(Exception):
    """An output that cannot be written; the message names the file and what to do."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def format_names() -> tuple[str, ...]:
    """The formats that can be written."""
    return tuple(sorted(layout.name for layout in LAYOUTS))


def format_of(path: Path) -> str | None:
    """The format that a file's name asks for, or None."""
    name = path.name.lower()
    for layout in LAYOUTS:
        if name.endswith(layout.extensions):
            return layout.name
    return None


def partial_path(path: Path) -> Path:
    """Where a file is while it is not whole."""
    return path.with_name(f"{path.name}.partial")


class Writer:
    """Takes one report after another; made by `open_output`."""

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        layout: Layout,
        frame: Frame,
        label_set: LabelSet,
        rows: int,
    ) -> None:
        self._path = path
        self._file = file
        self._layout = layout
        self._frame = frame
        self._label_set = label_set
        self._rows = rows

    @property
    def rows(self) -> int:
        """How many records the file has by now, those of the broken-off run included."""
        return self._rows

    def write(self, report: Report, prediction: Prediction, spans: Sequence[Span] = ()) -> None:
        """Add one report.

        Raises:
            OutputError: it cannot be written, for example since the disk is full.
        """
        before = self._frame.separator if self._rows else self._frame.head
        record = self._layout.record(self._label_set, self._rows, report, prediction, spans)
        with _failures(self._path):
            self._file.write((before + record).encode())
        self._rows += 1

    def finish(self) -> None:
        """Write what follows the last record and see it onto the disk.

        Raises:
            OutputError: it cannot be written.
        """
        with _failures(self._path):
            self._file.write((self._frame.tail if self._rows else self._frame.empty).encode())
            self._file.flush()
            os.fsync(self._file.fileno())


def check_output(path: Path) -> None:
    """Refuse a file that could not be made, as far as can be seen without making it.

    Raises:
        OutputError: it is a folder or no ordinary file, or its folder does not exist.
    """
    target = path.resolve()
    if target.is_dir():
        raise OutputError(path, "is a folder. Give a file's name.")
    if target.exists() and not target.is_file():
        raise OutputError(path, "is not an ordinary file. Give another name.")
    if not target.parent.is_dir():
        raise OutputError(path, "its folder does not exist. Make the folder first.")


@contextmanager
def open_output(
    path: Path,
    format_name: str,
    label_set: LabelSet,
    id_header: str = DEFAULT_ID_HEADER,
    *,
    resume_after: int = 0,
    keep_partial: bool = False,
) -> Iterator[Writer]:
    """Write a file; it appears under its name when the block ends without an exception.

    Args:
        format_name: one of `format_names()`.
        id_header: the id column's name in a CSV.
        resume_after: keep so many records of `FILE.partial` and write on after them.
        keep_partial: leave `FILE.partial` behind when the block fails, to be taken up again.

    Raises:
        OutputError: there is no such format, the file cannot be written, the disk is full, or
            there is no partial file of this shape with that many records.
    """
    layout = layout_named(path, format_name)
    frame = layout.frame(label_set, id_header)
    check_output(path)
    target = path.resolve()
    partial = partial_path(target)
    file = _open_partial(path, partial, layout, frame, resume_after)
    whole = False
    try:
        writer = Writer(path, file, layout, frame, label_set, resume_after)
        yield writer
        writer.finish()
        with _failures(path):
            file.close()
            if isinstance(layout, ConvertedLayout):
                layout.convert_file(label_set, id_header, partial)
            partial.replace(target)
        whole = True
        _sync_folder(target.parent)
    finally:
        # What a full disk did not take is still in the buffer; closing tries once more, in vain.
        with contextlib.suppress(OSError):
            file.close()
        if not whole and not keep_partial:
            partial.unlink(missing_ok=True)


def completed_rows(path: Path, format_name: str, label_set: LabelSet, id_header: str) -> int:
    """How many whole records `FILE.partial` has; 0 where there is none.

    A record that the run broke off in does not count, nor does one whose end cannot be told.

    Raises:
        OutputError: it was begun with another format, label set or id column, or cannot be read.
    """
    layout = layout_named(path, format_name)
    frame = layout.frame(label_set, id_header)
    partial = partial_path(path.resolve())
    try:
        with _failures(path), partial.open("rb") as file:
            if not _skip_head(path, file, frame):
                return 0
            return sum(1 for _ in layout.record_ends(file))
    except FileNotFoundError:
        return 0


def kept_rows(
    path: Path, format_name: str, label_set: LabelSet, id_header: str, rows: int
) -> Iterator[tuple[str, str]]:
    """The id and the error of each of the first rows of `FILE.partial`; see `Layout.read_back`.

    Args:
        rows: how many; at most `completed_rows`.

    Raises:
        OutputError: it cannot be read, or is damaged.
    """
    if rows == 0:
        return
    layout = layout_named(path, format_name)
    frame = layout.frame(label_set, id_header)
    partial = partial_path(path.resolve())
    separator = frame.separator.encode()
    with _failures(path), partial.open("rb") as file, partial.open("rb") as records:
        _skip_head(path, file, frame)
        records.seek(file.tell())
        for end in islice(layout.record_ends(file), rows):
            record = records.read(end - records.tell()).removeprefix(separator)
            try:
                yield layout.read_back(record.decode())
            except (ValueError, LookupError, TypeError) as error:
                raise OutputError(
                    path, f"{partial.name} is damaged. Run without --resume to start anew."
                ) from error


def layout_named(path: Path, format_name: str) -> Layout:
    """The layout of that name; `path` is for the message.

    Raises:
        OutputError: there is none, or a package that it needs is not installed.
    """
    for layout in LAYOUTS:
        if layout.name == format_name:
            if isinstance(layout, ConvertedLayout) and (package := layout.missing()):
                raise OutputError(
                    path,
                    f"{format_name} needs {package}: pip install 'chexdesk[formats]'. Or give "
                    "another format.",
                )
            return layout
    known = ", ".join(format_names())
    raise OutputError(path, f"{format_name!r} is not a format that can be written ({known}).")


def _open_partial(
    path: Path, partial: Path, layout: Layout, frame: Frame, resume_after: int
) -> BinaryIO:
    """The partial file, open at its end; cut to `resume_after` records, or new."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with _failures(path):
        file = os.fdopen(os.open(partial, flags, 0o600), "r+b")
    try:
        with _failures(path):
            # A file that lay there before keeps its mode on opening.
            partial.chmod(0o600)
            end = 0
            if resume_after:
                _skip_head(path, file, frame)
                found = list(islice(layout.record_ends(file), resume_after - 1, resume_after))
                if not found:
                    raise OutputError(
                        path,
                        f"{partial.name} has fewer than {resume_after} whole rows; start anew.",
                    )
                end = found[0]
            file.truncate(end)
            file.seek(end)
    except BaseException:
        file.close()
        raise
    return file


def _skip_head(path: Path, file: BinaryIO, frame: Frame) -> bool:
    """Go to the first record; False where the file ends before it."""
    head = frame.head.encode()
    found = file.read(len(head))
    if found != head[: len(found)]:
        raise OutputError(
            path,
            f"{partial_path(path).name} was begun with another format, column or label set. "
            "Give the same options, or delete it and start anew.",
        )
    return len(found) == len(head)


def _sync_folder(folder: Path) -> None:
    """See the new name onto the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Turn the system's refusals into `OutputError`; a missing file stays what it is."""
    try:
        yield
    except FileNotFoundError as error:
        if path.parent.is_dir():
            raise
        raise OutputError(path, "its folder does not exist. Make the folder first.") from error
    except OSError as error:
        raise OutputError(path, _advice(error)) from error


def _advice(error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return "the disk is full. Free some space and run again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "may not be written. Give a file in a folder of your own."
    return f"cannot be written ({error.strerror or error}). Mend that and run again."


_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})

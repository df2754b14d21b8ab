"""Reports from files, folders and standard input, one after another."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from chexdesk.reports.readers import base, registry
from chexdesk.reports.readers.base import DEFAULT_ID_HEADER, EMPTY_REPORT, ReadError
from chexdesk.reports.readers.decoding import HEAD_BYTES
from chexdesk.reports.report import Report

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "EMPTY_REPORT",
    "STDIN",
    "ReadError",
    "ReadOptions",
    "ReportStream",
    "expand",
    "format_names",
    "read_reports",
]

#: The input that stands for standard input, and the name its one report has.
STDIN: Final = "-"
_STDIN_NAME: Final = "stdin"


@dataclass(frozen=True)
class ReadOptions:
    """How to read.

    Attributes:
        format: one of `format_names()`, or None to go by extension and content.
        column: the column or key that holds the report, or None to find it by name.
    """

    format: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class Input:
    """One file to read.

    Attributes:
        path: the file, or None for standard input.
        name: for messages.
        report_id: the id where the file holds one report: its name, within a folder its path there.
    """

    path: Path | None
    name: str
    report_id: str


def format_names() -> tuple[str, ...]:
    """The formats that can be read."""
    return registry.names()


def expand(inputs: Sequence[Path | str], options: ReadOptions = ReadOptions()) -> list[Input]:
    """The files that inputs stand for: a folder gives its readable files, sorted, all levels.

    Raises:
        ReadError: an input does not exist, or a folder holds nothing readable.
    """
    found: list[Input] = []
    for entry in inputs:
        if str(entry) == STDIN:
            found.append(Input(None, _STDIN_NAME, _STDIN_NAME))
            continue
        path = Path(entry)
        if path.is_dir():
            files = _files_in(path, options)
            if not files:
                known = ", ".join(sorted(registry.extensions()))
                raise ReadError(str(path), f"holds no file that can be read ({known}).")
            found += [Input(f, str(f), f.relative_to(path).as_posix()) for f in files]
        elif path.exists():
            found.append(Input(path, str(path), path.name))
        else:
            raise ReadError(str(path), "does not exist. Check the name.")
    return found


class ReportStream(Iterator[Report]):
    """The reports of some inputs, read as they are asked for.

    One bad row gives a report with its `error`, and so does a file that cannot be read where it is
    one of several or has given reports already; only an input that gives nothing at all raises.
    """

    def __init__(self, inputs: Sequence[Input], options: ReadOptions) -> None:
        self._inputs = inputs
        self._reader = _chosen_reader(options)
        self._column = options.column
        self._first: tuple[BinaryIO, base.Opened] | ReadError | None = None
        self._reports: Generator[Report, None, None] = self._all()

    @property
    def id_header(self) -> str:
        """What the first input calls its ids; `id` where it has no name for them.

        Asking for it opens that input but reads nothing past its header.
        """
        try:
            return self._open_once(0)[1].id_header if self._inputs else DEFAULT_ID_HEADER
        except ReadError:
            return DEFAULT_ID_HEADER

    def __iter__(self) -> ReportStream:
        return self

    def __next__(self) -> Report:
        return next(self._reports)

    def close(self) -> None:
        """Close the file that is open."""
        self._reports.close()
        if isinstance(self._first, tuple):
            self._first[0].close()

    def _open_once(self, place: int) -> tuple[BinaryIO, base.Opened]:
        """The opened input; the first one may have been opened before, for its header."""
        if place > 0:
            return self._open(self._inputs[place])
        if self._first is None:
            try:
                self._first = self._open(self._inputs[0])
            except ReadError as error:
                self._first = error
        if isinstance(self._first, ReadError):
            raise self._first
        return self._first

    def _all(self) -> Generator[Report, None, None]:
        given = 0
        for place, entry in enumerate(self._inputs):
            try:
                stream, opened = self._open_once(place)
                with stream:
                    for report in opened.reports:
                        yield report
                        given += 1
            except ReadError as error:
                if len(self._inputs) == 1 and not given:
                    raise
                yield base.report(entry.report_id, "", entry.name, error.message)
                given += 1

    def _open(self, entry: Input) -> tuple[BinaryIO, base.Opened]:
        try:
            stream, head = _bytes_of(entry)
        except OSError as error:
            raise ReadError(entry.name, f"cannot be opened ({error.strerror}).") from error
        source = base.Source(entry.name, entry.report_id, stream, head, self._column)
        try:
            reader = self._reader or registry.for_source(source)
            return stream, reader.open(source)
        except BaseException:
            stream.close()
            raise


def read_reports(
    inputs: Sequence[Path | str], options: ReadOptions = ReadOptions()
) -> ReportStream:
    """One report for each row or text file of the inputs, in order.

    Args:
        inputs: files, folders, `-` for standard input.

    Raises:
        ReadError: an input does not exist or there is no such format; later, while reports are
            taken: the only input cannot be read.
    """
    return ReportStream(expand(inputs, options), options)


def _chosen_reader(options: ReadOptions) -> base.Reader | None:
    if options.format is None:
        return None
    try:
        return registry.by_name(options.format)
    except KeyError:
        known = ", ".join(registry.names())
        raise ReadError(options.format, f"is not a format that can be read ({known}).") from None


def _files_in(folder: Path, options: ReadOptions) -> list[Path]:
    chosen = _chosen_reader(options)
    wanted = registry.extensions() if chosen is None else frozenset(chosen.extensions)
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            Path(place, name)
            for name in names
            if not name.startswith(".")
            and Path(name).suffix.lower() in wanted
            and registry.sought(name, partial(_head_of, Path(place, name)))
        ]
    return sorted(files, key=lambda file: file.relative_to(folder).parts)


def _head_of(path: Path) -> bytes:
    """A file's first bytes; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _bytes_of(entry: Input) -> tuple[BinaryIO, bytes]:
    """The open input and its first bytes, which the stream still gives."""
    if entry.path is None:
        head = sys.stdin.buffer.read(HEAD_BYTES)
        return io.BufferedReader(_Replay(head, sys.stdin.buffer)), head
    stream = entry.path.open("rb")
    head = stream.read(HEAD_BYTES)
    if stream.seekable():
        stream.seek(0)
        return stream, head
    return io.BufferedReader(_Replay(head, stream)), head


class _Replay(io.RawIOBase):
    """A stream that cannot go back, with the bytes already taken from it put in front again."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer) -> int:
        into = memoryview(target).cast("B")
        piece = self._head[: len(into)] or memoryview(self._rest.read(len(into)))
        self._head = self._head[len(piece) :]
        into[: len(piece)] = piece
        return len(piece)

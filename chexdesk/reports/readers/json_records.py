"""JSON and JSON Lines: one object, one report. Read object by object, so a file may be large."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TextIO

from chexdesk.reports.readers import base, decoding
from chexdesk.reports.report import Report

_CHUNK: Final = 1 << 18
#: The largest object, in characters.
LARGEST_OBJECT: Final = 1 << 26
_SPACE: Final = " \t\r\n"
#: Longer than any JSON word or escape that the end of a piece can cut in two.
_LONGEST_WORD: Final = 16
#: Line breaks inside a string are wrong JSON, but what is meant is clear.
_DECODER: Final = json.JSONDecoder(strict=False)
#: So many rows without a report at the beginning mean that the file is something else.
_BAD_AT_MOST: Final = 100


@dataclass(frozen=True)
class Record:
    """One JSON value of a file.

    Attributes:
        place: where it stands, for messages ("line 7").
        value: what it is, or None where `error` is set.
        error: why it could not be read, or "".
    """

    place: str
    value: Any
    error: str = ""


def lines(source: base.Source) -> Iterator[Record]:
    """The values of a JSON Lines file; a line that is not JSON gives a record with its error.

    Raises:
        ReadError: not text.
    """
    text = decoding.open_text(source)
    number = 0
    while True:
        with decoding.failures(source):
            line = text.readline()
        if not line:
            return
        number += 1
        # U+FEFF may open any line where files were put together.
        stripped = line.strip().removeprefix("\ufeff")
        if not stripped:
            continue
        try:
            value = _DECODER.decode(stripped)
        except (ValueError, RecursionError) as error:
            yield Record(f"line {number}", None, f"not JSON ({_why(error)})")
        else:
            yield Record(f"line {number}", value)


def values(source: base.Source) -> Iterator[Record]:
    """The values of a JSON file: an array's elements, or objects one after another.

    Raises:
        ReadError: not text or not JSON; the message names the line.
    """
    scanner = _Scanner(source, decoding.open_text(source))
    first = scanner.peek()
    if first == "[":
        scanner.skip(1)
        if scanner.peek() == "]":
            scanner.skip(1)
        else:
            while True:
                yield scanner.value()
                mark = scanner.peek()
                if mark not in {",", "]"}:
                    raise scanner.error("expected a comma or the end of the list")
                scanner.skip(1)
                if mark == "]":
                    break
        if scanner.peek():
            raise scanner.error("something follows the end of the list")
        return
    while scanner.peek():
        yield scanner.value()


class _Scanner:
    """Takes one JSON value after another off a text that is read in pieces."""

    def __init__(self, source: base.Source, text: TextIO) -> None:
        self._source = source
        self._text = text
        self._buffer = ""
        self._at = 0
        self._line = 1

    def peek(self) -> str:
        """The next character that is not white space, or "" at the end."""
        while True:
            rest = len(self._buffer)
            while self._at < rest and self._buffer[self._at] in _SPACE:
                if self._buffer[self._at] == "\n":
                    self._line += 1
                self._at += 1
            if self._at < rest:
                return self._buffer[self._at]
            if not self._more():
                return ""

    def skip(self, count: int) -> None:
        self._at += count

    def value(self) -> Record:
        """The value that starts here."""
        if not self.peek():
            raise self.error("the file breaks off")
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if not (self._may_be_cut(error) and self._more()):
                    self._line += self._buffer.count("\n", self._at, error.pos)
                    raise self.error(error.msg) from None
            except (ValueError, RecursionError) as error:
                raise self.error(_why(error)) from None
            else:
                # A number or a word could go on in the next piece.
                if end < len(self._buffer) or not self._more():
                    place = f"line {self._line}"
                    self._line += self._buffer.count("\n", self._at, end)
                    self._at = end
                    return Record(place, value)

    def error(self, why: str) -> base.ReadError:
        """The error for what stands here."""
        return base.ReadError(
            self._source.name, f"line {self._line}: not JSON ({why}). Mend the file."
        )

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the piece may just have ended too early, rather than hold something wrong."""
        at_end = error.pos >= len(self._buffer) - _LONGEST_WORD
        return (at_end or error.msg.startswith("Unterminated")) and (
            len(self._buffer) - self._at <= LARGEST_OBJECT
        )

    def _more(self) -> bool:
        """Read on; pieces grow with the value, so that a long one is not tried too often."""
        self._buffer, self._at = self._buffer[self._at :], 0
        with decoding.failures(self._source):
            piece = self._text.read(max(_CHUNK, len(self._buffer)))
        self._buffer += piece
        return bool(piece)


def open_lines(source: base.Source) -> base.Opened:
    """A JSON Lines file as reports.

    Raises:
        ReadError: not text, empty, or its first object has no report.
    """
    return _open(source, lines(source))


def open_values(source: base.Source) -> base.Opened:
    """A JSON file as reports.

    Raises:
        ReadError: not text, not JSON, empty, or its first object has no report.
    """
    return _open(source, values(source))


def _open(source: base.Source, records: Iterator[Record]) -> base.Opened:
    seen: list[Record] = []
    columns: base.Columns | None = None
    for record in records:
        seen.append(record)
        if isinstance(record.value, dict):
            columns = base.find_columns(list(record.value), source.column)
        if columns is not None or len(seen) == _BAD_AT_MOST:
            break
    if columns is not None:
        header = columns.id or base.DEFAULT_ID_HEADER
        return base.Opened(header, _reports(source, chain(seen, records)))
    if not seen:
        raise base.ReadError(source.name, "is empty. Give objects with an id and a text.")
    for record in seen:
        if isinstance(record.value, dict):
            raise base.no_report_column(source.name, list(record.value), source.column)
    why = seen[0].error or "not an object with an id and a text"
    raise base.ReadError(source.name, f"{seen[0].place}: {why}. Mend the file.")


def _reports(source: base.Source, records: Iterator[Record]) -> Iterator[Report]:
    for number, record in enumerate(records, start=1):
        identifier, text, error = str(number), "", record.error
        if not error and not isinstance(record.value, dict):
            error = "not an object with an id and a text"
        elif not error:
            row: dict[str, Any] = record.value
            columns = base.find_columns(list(row), source.column)
            id_key = base.find_id(list(row)) if columns is None else columns.id
            if id_key is not None:
                identifier = _as_text(row[id_key]) or identifier
            if columns is None:
                error = "has no report"
            else:
                cells = {name: _cell(row[name]) for name in columns.needed}
                if any(cell is None for cell in cells.values()):
                    error = "its report is not text"
                else:
                    text = columns.text({name: cell or "" for name, cell in cells.items()})
                    error = "holds binary data" if "\0" in text else ""
        error = f"{record.place}: {error}" if error else ""
        yield base.report(identifier, text, f"{source.name}, {record.place}", error)


def _cell(value: Any) -> str | None:
    """A report's text; null is an empty report, None here means that it is no text at all."""
    if value is None:
        return ""
    return value if isinstance(value, str) else None


def _as_text(value: Any) -> str:
    """An id as text, as JSON writes it; "" for null."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _why(error: Exception) -> str:
    """What is wrong, without the text it is wrong in."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"


JSON: Final = base.Reader("json", (".json",), open_values)
JSONL: Final = base.Reader("jsonl", (".jsonl", ".ndjson"), open_lines)

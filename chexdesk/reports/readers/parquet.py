"""Parquet: one row, one report. Read in batches of rows, and only the columns that matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chexdesk.reports.readers import base, parsing, tables
from chexdesk.reports.report import Report

_WHAT: Final = "a Parquet file"
_ADVICE: Final = "Write it again, or save it as CSV or JSONL."
_MAGIC: Final = b"PAR1"
_TEXTS: Final = frozenset(("string", "large_string", "binary", "large_binary"))
_ROWS_AT_ONCE: Final = 256
#: One row group, unpacked, in bytes. A page of it, which is held in memory, has 2 GB at most.
LARGEST_GROUP: Final = 4 << 30


def open_source(source: base.Source) -> base.Opened:
    """Read the schema and find the columns.

    Raises:
        ReadError: it is no Parquet file or is damaged, goes beyond the limit above, has no report
            column, or pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise base.ReadError(
            source.name,
            f"is {_WHAT}, which needs pyarrow: pip install 'chexdesk[formats]'. Or save it as CSV.",
        ) from error
    stream = parsing.seekable(source, _WHAT)
    with parsing.parsing(source.name, _WHAT, _ADVICE):
        schema = parquet.read_schema(stream)
        names = list(schema.names)
    columns = base.find_columns(names, source.column)
    if columns is None:
        raise base.no_report_column(source.name, names, source.column)
    wanted = [*columns.needed, *([columns.id] if columns.id is not None else [])]
    with parsing.parsing(source.name, _WHAT, _ADVICE):
        stream.seek(0)
        # Values that repeat stay references: a small file cannot become a large batch.
        texts = [name for name in columns.needed if str(schema.field(name).type) in _TEXTS]
        file = parquet.ParquetFile(stream, read_dictionary=texts)
        _check(file, source.name)
        batches = file.iter_batches(_ROWS_AT_ONCE, columns=wanted, use_threads=False)
    return base.Opened(columns.id or base.DEFAULT_ID_HEADER, _reports(source, columns, batches))


def _check(file: Any, name: str) -> None:
    # Not column by column: what pyarrow raises of a damaged column there ends the process.
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > LARGEST_GROUP:
            size = parsing.megabytes(LARGEST_GROUP)
            raise base.ReadError(
                name, f"is {_WHAT} with more than {size} in one row group. Write smaller groups."
            )


def _reports(source: base.Source, columns: base.Columns, batches: Any) -> Iterator[Report]:
    yield from tables.reports(source.name, columns, _rows(source, batches))


def _rows(source: base.Source, batches: Any) -> Iterator[tables.Row]:
    number = 0
    while True:
        with parsing.parsing(source.name, _WHAT, _ADVICE):
            batch = next(batches, None)
        if batch is None:
            return
        for place in range(batch.num_rows):
            number += 1
            with parsing.parsing(source.name, _WHAT, _ADVICE):
                cells = {
                    name: column[place].as_py()
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }
            yield tables.Row(number, f"row {number}", cells)


READER: Final = base.Reader(
    "parquet", (".parquet", ".pq"), open_source, lambda source: source.head.startswith(_MAGIC)
)

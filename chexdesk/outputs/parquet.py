"""Parquet: one row a report; a finding's number, and its probability in a column of its own."""

from __future__ import annotations

from itertools import islice
from typing import Any, BinaryIO, Final

from chexdesk.outputs.converted import ConvertedLayout, Rows
from chexdesk.outputs.csv_rows import ERROR_HEADER

_ROWS_AT_ONCE: Final = 10_000
#: Behind a finding's name.
PROBABILITY: Final = " probability"


def _convert(given: Rows, target: BinaryIO) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    names = given.label_set.names
    fields = [(given.id_header, pa.string()), *((name, pa.int8()) for name in names)]
    fields += [(name + PROBABILITY, pa.float64()) for name in names]
    schema = pa.schema([*fields, (ERROR_HEADER, pa.string())])
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while some := list(islice(given.rows, _ROWS_AT_ONCE)):
            columns: list[list[Any]] = [[row.id for row in some]]
            for place in range(len(names)):
                columns.append([row.certainties[place].value_number for row in some])
            for place in range(len(names)):
                columns.append([row.probabilities[place] for row in some])
            columns.append([row.error or None for row in some])
            arrays = [
                pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


LAYOUT: Final = ConvertedLayout("parquet", (".parquet",), _convert, needs=("pyarrow",))

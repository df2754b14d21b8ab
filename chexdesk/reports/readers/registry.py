"""All readers, by name and by extension, and a guess for inputs that have neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from chexdesk.reports.readers import (
    base,
    decoding,
    delimited,
    dicom,
    excel,
    fhir,
    hl7,
    json_records,
    mimic,
    openi,
    parquet,
    pdf,
    rtf,
    text,
    word,
)

READERS: Final[tuple[base.Reader, ...]] = (
    text.READER,
    delimited.CSV,
    delimited.TSV,
    json_records.JSON,
    json_records.JSONL,
    excel.READER,
    parquet.READER,
    word.READER,
    pdf.READER,
    rtf.READER,
    hl7.READER,
    fhir.READER,
    dicom.READER,
    openi.READER,
    mimic.READER,
)


def names() -> tuple[str, ...]:
    """The values `--from` takes."""
    return tuple(reader.name for reader in READERS)


def extensions() -> frozenset[str]:
    """The extensions by which files in folders are found."""
    return frozenset(extension for reader in READERS for extension in reader.extensions)


def sought(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a folder's file is one to read; its extension is known to be some reader's.

    Args:
        head: gives its first bytes, where the name alone does not decide.
    """
    extension = PurePath(name).suffix.lower()
    reader = next((each for each in READERS if extension in each.extensions), None)
    return reader is None or reader.sought is None or reader.sought(head())


def by_name(name: str) -> base.Reader:
    """The reader of that name.

    Raises:
        KeyError: there is none.
    """
    for reader in READERS:
        if reader.name == name.lower():
            return reader
    raise KeyError(name)


def for_source(source: base.Source) -> base.Reader:
    """The reader for an input: one that claims it, else by its extension, else by a guess.

    Raises:
        ReadError: it is neither text nor of a format that is known.
    """
    for reader in READERS:
        if reader.claims(source):
            return reader
    extension = PurePath(source.name).suffix.lower()
    for reader in READERS:
        if extension in reader.extensions:
            return reader
    return _guess(source)


def _guess(source: base.Source) -> base.Reader:
    encoding = decoding.encoding_of(source)
    head = source.head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    header, _, _ = head.partition("\n")
    if header.startswith("{") and header.rstrip().endswith("}"):
        return json_records.JSONL
    if head.startswith("{") or (head.startswith("[") and head[1:].lstrip().startswith("{")):
        return json_records.JSON
    delimiter = delimited.delimiter_of(header, ",")
    cells = [cell.strip().strip('"') for cell in header.split(delimiter)]
    if len(cells) > 1 and base.find_columns(cells, source.column):
        return delimited.CSV
    return text.READER

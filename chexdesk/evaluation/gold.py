"""Read labels, gold or predicted, from the files in which people and ChexDesk keep them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from chexdesk.evaluation.metrics import Decisions
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.outputs.formulas import unguarded
from chexdesk.reports.readers import base, decoding, delimited, json_records

Labels = tuple[Certainty, ...]

#: How many ids a message names before it stops.
_SHOWN: Final = 5


class LabelsError(ValueError):
    """A file does not hold labels, or two files do not fit; the message names file and line."""


def read_labels(path: Path, label_set: LabelSet, split: str | None = None) -> dict[str, Labels]:
    """The labels of each report, by id, in the file's order.

    JSON and JSON Lines: `labels` is a list of numbers in label order, or an object from a
    finding's name to a number, to `[number, quote]`, or to a word; a finding that is missing is
    not mentioned. CSV and TSV: one column a finding, as CheXpert has them, in any order. Ids are
    text; where there are none, rows are counted from 1.

    Args:
        split: read only the rows whose `split` is this.

    Raises:
        LabelsError: not such a file, a label that is none, an id that comes twice, an empty split.
    """
    labels: dict[str, Labels] = {}
    splits: set[str] = set()
    try:
        with decoding.open_file(path) as source:
            for place, identifier, row_split, row in _rows(path, source, label_set):
                splits.add(row_split)
                if split is not None and row_split != split:
                    continue
                if identifier in labels:
                    raise LabelsError(f"{path}, {place}: the id {identifier!r} comes twice.")
                labels[identifier] = row
    except base.ReadError as error:
        raise LabelsError(str(error)) from error
    if not labels:
        if split is not None and splits:
            known = ", ".join(sorted(splits - {""})) or "none"
            raise LabelsError(f"{path}: no row is of the split {split!r} (splits: {known}).")
        raise LabelsError(f"{path}: holds no labels.")
    return labels


def align(
    gold: Mapping[str, Labels], predicted: Mapping[str, Labels]
) -> tuple[Decisions, Decisions]:
    """Both as decisions of shape (reports, findings), in the gold's order.

    Predictions for other reports are left aside.

    Raises:
        LabelsError: a gold report has no prediction.
    """
    missing = [identifier for identifier in gold if identifier not in predicted]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        raise LabelsError(
            f"The predictions have no labels for {len(missing)} of {len(gold)} gold reports "
            f"(ids {shown}). Label the same reports."
        )
    return _decisions(gold.values()), _decisions(predicted[identifier] for identifier in gold)


def _decisions(rows: Any) -> Decisions:
    return np.array([[CERTAINTIES.index(c) for c in row] for row in rows], dtype=np.int8)


def _rows(
    path: Path, source: base.Source, label_set: LabelSet
) -> Iterator[tuple[str, str, str, Labels]]:
    """Place, id, split and labels of each row."""
    extension = path.suffix.lower()
    if extension in json_records.JSONL.extensions:
        return _json_rows(path, json_records.lines(source), label_set)
    if extension in json_records.JSON.extensions:
        return _json_rows(path, json_records.values(source), label_set)
    if extension in delimited.TSV.extensions:
        return _table_rows(path, source, label_set, "\t")
    if extension in delimited.CSV.extensions:
        return _table_rows(path, source, label_set, ",")
    raise LabelsError(f"{path}: labels are read from .csv, .tsv, .json and .jsonl files.")


def _json_rows(
    path: Path, records: Iterator[json_records.Record], label_set: LabelSet
) -> Iterator[tuple[str, str, str, Labels]]:
    for number, record in enumerate(records, start=1):
        where = f"{path}, {record.place}"
        if record.error:
            raise LabelsError(f"{where}: {record.error}.")
        row = record.value
        if not isinstance(row, dict) or "labels" not in row:
            raise LabelsError(f"{where}: not an object with `labels`.")
        id_key = base.find_id(list(row))
        identifier = str(number) if id_key is None else _as_text(row[id_key])
        try:
            labels = _from_json(row["labels"], label_set)
        except ValueError as error:
            raise LabelsError(f"{where}: {error}.") from error
        yield record.place, identifier, str(row.get("split", "")), labels


def _from_json(value: Any, label_set: LabelSet) -> Labels:
    if isinstance(value, list):
        if len(value) != len(label_set):
            raise ValueError(f"has {len(value)} labels where {label_set.name} has {len(label_set)}")
        return tuple(_certainty(entry) for entry in value)
    if not isinstance(value, dict):
        raise ValueError("`labels` is neither a list nor an object")
    labels = [Certainty.NOT_MENTIONED] * len(label_set)
    for name, entry in value.items():
        try:
            place = label_set.index(name)
        except KeyError:
            raise ValueError(f"{name!r} is not a finding of {label_set.name}") from None
        labels[place] = _certainty(entry[0] if isinstance(entry, list) and entry else entry)
    return tuple(labels)


def _certainty(value: Any) -> Certainty:
    if isinstance(value, str):
        return Certainty.from_json_name(value)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return Certainty.from_number(value)
    raise ValueError(f"{json.dumps(value)[:40]} is not a label")


def _table_rows(
    path: Path, source: base.Source, label_set: LabelSet, delimiter: str
) -> Iterator[tuple[str, str, str, Labels]]:
    header, rows = delimited.open_rows(source, delimiter)
    plain = [base.plain_name(name) for name in header]
    missing = [name for name in label_set.names if base.plain_name(name) not in plain]
    if missing:
        raise LabelsError(f"{path}: has no column {', '.join(missing)}.")
    places = [plain.index(base.plain_name(name)) for name in label_set.names]
    id_name = base.find_id(header)
    split_place = plain.index("split") if "split" in plain else None
    number = 0
    for row, error in rows:
        if not row and not error:
            continue
        number += 1
        where = f"{path}, row {number}"
        if error or len(row) != len(header):
            raise LabelsError(f"{where}: {error or 'has not as many cells as the header'}.")
        try:
            labels = tuple(_from_cell(row[place]) for place in places)
        except ValueError as problem:
            raise LabelsError(f"{where}: {problem}.") from problem
        # As `sheet-csv` writes ids that could be formulas.
        identifier = str(number) if id_name is None else unguarded(row[header.index(id_name)])
        yield (
            f"row {number}",
            identifier,
            row[split_place] if split_place is not None else "",
            labels,
        )


def _from_cell(cell: str) -> Certainty:
    bare = cell.strip()
    if not bare:
        return Certainty.NOT_MENTIONED
    try:
        number = float(bare)
    except ValueError:
        raise ValueError(f"{bare[:20]!r} is not a label; expected 1, 0, -1 or blank") from None
    return Certainty.from_number(number)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

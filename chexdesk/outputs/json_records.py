"""JSON: labels, probabilities, evidence and the model, for each report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import Prediction
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.outputs.layout import Frame, answer_or_error, line_ends
from chexdesk.reports.report import Report

#: Places of a probability after the point.
PROBABILITY_PLACES: Final = 4


def as_object(
    label_set: LabelSet, report: Report, prediction: Prediction, spans: Sequence[Span]
) -> dict[str, Any]:
    """One report's labels in the form that is handed out everywhere.

    `error` is there only where there is one; then no finding has a label.
    """
    error = answer_or_error(prediction, report)
    certainties = prediction.certainties
    if error:
        certainties = (Certainty.NOT_MENTIONED,) * len(label_set)
    labels = {
        name: certainty.json_name
        for name, certainty in zip(label_set.names, certainties, strict=True)
    }
    probabilities = {
        name: {
            certainty.value: round(p, PROBABILITY_PLACES)
            for certainty, p in zip(CERTAINTIES, row, strict=True)
        }
        for name, row in zip(label_set.names, prediction.probabilities, strict=False)
    }
    evidence = [
        {
            "finding": span.finding,
            "certainty": span.certainty.value,
            "start": span.start,
            "end": span.end,
            "text": report.text[span.start : span.end],
            "cue": span.cue,
        }
        for span in spans
    ]
    model = prediction.model
    record: dict[str, Any] = {
        "id": report.id,
        "labels": labels,
        "probabilities": {} if error else probabilities,
        "evidence": [] if error else evidence,
        "model": {"name": model.name, "sha256": model.sha256, "version": model.version},
    }
    if error:
        record["error"] = error
    return record


class JsonLinesLayout:
    """One object a line."""

    name = "jsonl"
    extensions: tuple[str, ...] = (".jsonl", ".ndjson")

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """Nothing stands around the lines."""
        return Frame(head="", separator="", tail="", empty="")

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One line."""
        return _dump(as_object(label_set, report, prediction, spans)) + "\n"

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """Line ends."""
        return line_ends(file, "")

    def read_back(self, record: str) -> tuple[str, str]:
        """The object's id and error."""
        return _read_back(record)


class JsonLayout:
    """One array, with one object a line."""

    name = "json"
    extensions: tuple[str, ...] = (".json",)

    def frame(self, label_set: LabelSet, id_header: str) -> Frame:
        """The brackets of the array."""
        return Frame(head="[\n", separator=",\n", tail="\n]\n", empty="[]\n")

    def record(
        self,
        label_set: LabelSet,
        number: int,
        report: Report,
        prediction: Prediction,
        spans: Sequence[Span],
    ) -> str:
        """One element."""
        return _dump(as_object(label_set, report, prediction, spans))

    def record_ends(self, file: BinaryIO) -> Iterator[int]:
        """Where a comma and a line's end follow."""
        return line_ends(file, ",\n")

    def read_back(self, record: str) -> tuple[str, str]:
        """The object's id and error."""
        return _read_back(record)


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read_back(record: str) -> tuple[str, str]:
    value = json.loads(record)
    return value["id"], value.get("error", "")

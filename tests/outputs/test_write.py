"""Output files: what stands in them, byte for byte, and what is left when writing breaks off."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chexdesk.evidence.span import Span
from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.outputs.converted import ConvertedLayout
from chexdesk.outputs.write import (
    LAYOUTS,
    OutputError,
    completed_rows,
    format_of,
    open_output,
    partial_path,
)
from chexdesk.reports.report import Report

LABELS = chexpert14()
MODEL = ModelId("tiny", "ab" * 32, "1.0")
TEXT = "Größe normal. No edema; may represent pneumonia."
#: Those whose records are the file itself; test_converted.py has the others.
FORMATS = tuple(layout.name for layout in LAYOUTS if not isinstance(layout, ConvertedLayout))


def predicted(identifier: str, *numbers: int | None, known: bool = True) -> Prediction:
    wanted = [Certainty.from_number(number) for number in numbers]
    certainties = tuple(wanted + [Certainty.NOT_MENTIONED] * (len(LABELS) - len(wanted)))
    row = (0.123456, 0.7, 0.1, 0.076544)
    return Prediction(identifier, certainties, (row,) * len(LABELS) if known else (), MODEL)


def rows(count: int) -> list[tuple[Report, Prediction]]:
    return [
        (Report(f"r{n}", TEXT), predicted(f"r{n}", 1, 0, -1, None, n % 2)) for n in range(count)
    ]


def write(path: Path, kind: str, given: list[tuple[Report, Prediction]], after: int = 0) -> bytes:
    with open_output(path, kind, LABELS, "study", resume_after=after, keep_partial=True) as writer:
        for report, prediction in given:
            writer.write(report, prediction)
    return path.read_bytes()


def test_csv(tmp_path: Path) -> None:
    failed = Prediction.failed("=cmd", LABELS, MODEL, "no model")
    content = write(
        tmp_path / "out.csv",
        "csv",
        [
            (Report("007", TEXT), predicted("007", 1, 0, -1)),
            (Report("=cmd", TEXT), failed),
            (Report('a "b",\nc', "", error="empty report"), predicted("x", 1)),
        ],
    ).decode()
    header = ",".join(["study", *LABELS.names, "error"])
    assert content == (
        f"{header}\n"
        "007,1.0,0.0,-1.0,,,,,,,,,,,,\n"
        "=cmd,,,,,,,,,,,,,,,no model\n"
        '"a ""b"",\nc",,,,,,,,,,,,,,,empty report\n'
    )
    assert header.startswith(
        "study,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,Lung Opacity,Edema,"
        "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
        "Support Devices"
    )


def spans() -> list[Span]:
    start = TEXT.index("No edema")
    return [Span(LABELS.names[5], Certainty.NEGATIVE, start, start + len("No edema"), "No")]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    with open_output(path, kind, LABELS) as writer:
        writer.write(Report("a", TEXT), predicted("a", 1, 0, -1), spans())
        writer.write(Report("b", TEXT), predicted("b", 1, known=False), spans())
        writer.write(Report("c", TEXT), Prediction.failed("c", LABELS, MODEL, "no model"), spans())
    text = path.read_text(encoding="utf-8")
    found = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
    first, second, third = found
    assert list(first) == ["id", "labels", "probabilities", "evidence", "model"]
    assert list(first["labels"].items())[:4] == [
        (LABELS.names[0], "positive"),
        (LABELS.names[1], "negative"),
        (LABELS.names[2], "uncertain"),
        (LABELS.names[3], None),
    ]
    assert first["probabilities"][LABELS.names[13]] == {
        "positive": 0.1235,
        "negative": 0.7,
        "uncertain": 0.1,
        "not_mentioned": 0.0765,
    }
    (evidence,) = first["evidence"]
    assert evidence == {
        "finding": LABELS.names[5],
        "certainty": "negative",
        "start": 14,
        "end": 22,
        "text": "No edema",
        "cue": "No",
    }
    assert first["model"] == {"name": "tiny", "sha256": "ab" * 32, "version": "1.0"}
    assert second["probabilities"] == {}
    assert third["error"] == "no model"
    assert third["probabilities"] == {}
    assert third["evidence"] == []
    assert set(third["labels"].values()) == {None}


def test_fhir(tmp_path: Path) -> None:
    path = tmp_path / "out.fhir.json"
    same = Report("a", TEXT)
    with open_output(path, "fhir", LABELS) as writer:
        writer.write(same, predicted("a", None, 0, -1), spans())
        writer.write(same, predicted("a", 1, known=False), spans())
        writer.write(Report("", TEXT), Prediction.failed("", LABELS, MODEL, "no model"))
    text = path.read_text(encoding="utf-8")
    bundle = json.loads(text)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    resources = [entry["resource"] for entry in bundle["entry"]]
    kinds = [resource["resourceType"] for resource in resources]
    assert kinds == [
        "DiagnosticReport", "Observation", "Observation",
        "DiagnosticReport", "Observation",
        "DiagnosticReport",
    ]  # fmt: skip
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    for entry in bundle["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
        assert uuid.UUID(entry["resource"]["id"]).version == 5
        assert entry["resource"]["status"] == "preliminary"
    assert [r["reference"] for r in resources[0]["result"]] == urls[1:3]
    assert resources[0]["identifier"] == [{"value": "a"}]
    assert resources[1]["code"] == {"text": LABELS.names[1]}
    for place, word, code in ((1, "negative", "272519000"), (2, "uncertain", "373068000")):
        value = resources[place]["valueCodeableConcept"]
        assert value["text"] == word
        assert (value["coding"][0]["system"], value["coding"][0]["code"]) == (
            "http://snomed.info/sct",
            code,
        )
    assert resources[1]["component"][0]["valueQuantity"] == {"value": 0.7}
    assert "component" not in resources[4]
    assert "identifier" not in resources[5]
    assert "result" not in resources[5]
    assert resources[5]["conclusion"] == "Not labelled: no model"
    assert "edema;" not in text


@pytest.mark.parametrize("kind", FORMATS)
def test_no_rows_are_a_valid_file(tmp_path: Path, kind: str) -> None:
    content = write(tmp_path / "out", kind, []).decode()
    if kind.endswith("csv"):
        assert content.count("\n") == 1
    elif kind == "jsonl":
        assert content == ""
    else:
        assert not json.loads(content) or "entry" not in json.loads(content)


@pytest.mark.parametrize("kind", FORMATS)
def test_file_appears_only_when_whole_and_is_private(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    partial_path(path).write_text("left over", encoding="utf-8")
    partial_path(path).chmod(0o644)
    with open_output(path, kind, LABELS) as writer:
        writer.write(*rows(1)[0])
        assert not path.exists()
        assert partial_path(path).stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert b"left over" not in path.read_bytes()


def break_off(path: Path, keep: bool) -> None:
    with open_output(path, "csv", LABELS, keep_partial=keep) as writer:
        writer.write(*rows(1)[0])
        raise ZeroDivisionError


def test_failure_keeps_the_old_file_and_the_partial_only_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    for keep in (False, True):
        with pytest.raises(ZeroDivisionError):
            break_off(path, keep)
        assert path.read_text(encoding="utf-8") == "old"
        assert partial_path(path).exists() == keep
    assert completed_rows(path, "csv", LABELS, "id") == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_resumed_run_equals_unbroken_run_wherever_it_broke(tmp_path: Path, kind: str) -> None:
    given = rows(4)
    given[1] = (Report('two\nlines "quoted",', TEXT), given[1][1])
    unbroken = write(tmp_path / "whole", kind, given)
    path = tmp_path / "out"
    near_lines = [m.start() + d for m in re.finditer(b"\n", unbroken) for d in range(-2, 3)]
    cuts = {0, len(unbroken), *range(0, len(unbroken), len(unbroken) // 20), *near_lines}
    for cut in sorted(cut for cut in cuts if cut <= len(unbroken)):
        partial_path(path).write_bytes(unbroken[:cut])
        done = completed_rows(path, kind, LABELS, "study")
        assert done <= len(given)
        assert write(path, kind, given[done:], after=done) == unbroken
    assert done >= len(given) - 1


def test_partial_of_other_options_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    partial_path(path).write_bytes(b"name,No Finding\n1,\n")
    with pytest.raises(OutputError, match="partial was begun with another format"):
        completed_rows(path, "csv", LABELS, "study")
    with (
        pytest.raises(OutputError, match="was begun with another format"),
        open_output(path, "csv", LABELS, "study", resume_after=1, keep_partial=True),
    ):
        pass
    assert partial_path(path).read_bytes() == b"name,No Finding\n1,\n"
    with (
        pytest.raises(OutputError, match="fewer than 3 whole rows"),
        open_output(path, "jsonl", LABELS, resume_after=3, keep_partial=True),
    ):
        pass


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, message in (
        (tmp_path / "folder", "is a folder"),
        (tmp_path / "none" / "out.csv", "its folder does not exist"),
        (Path(os.devnull), "not an ordinary file"),
    ):
        with pytest.raises(OutputError, match=message), open_output(path, "csv", LABELS):
            pass
    with (
        pytest.raises(OutputError, match=r"'xml' is not a format .*\(csv, dicom-sr, fhir, "),
        open_output(tmp_path / "out", "xml", LABELS),
    ):
        pass


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "out.csv"
    link.symlink_to(tmp_path / "real" / "target.csv")
    write(link, "csv", rows(1))
    assert link.is_symlink()
    assert link.read_bytes() == (tmp_path / "real" / "target.csv").read_bytes()


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_write import LABELS, rows
from chexdesk.outputs.write import OutputError, completed_rows, open_output
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
path = Path(sys.argv[1])
try:
    with open_output(path, "csv", LABELS, "study", keep_partial=True) as writer:
        for report, prediction in rows(2000):
            writer.write(report, prediction)
except OutputError as error:
    print(error)
print(completed_rows(path, "csv", LABELS, "study"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a file's size by setrlimit")
def test_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    message, count = done.stdout.splitlines()
    assert message == f"{path}: the disk is full. Free some space and run again."
    assert not path.exists()
    assert int(count) > 100
    given = rows(2000)
    resumed = write(path, "csv", given[int(count) :], after=int(count))
    assert resumed == write(tmp_path / "whole.csv", "csv", given)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.JSON", "json"),
        ("a.jsonl", "jsonl"),
        ("a.fhir.json", "fhir"),
        ("a.x", None),
    ],
)
def test_format_by_name(name: str, kind: str | None) -> None:
    assert format_of(Path(name)) == kind


@example(ids=["a\rb", "\r"], numbers=[None] * 14)
@given(
    ids=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5),
    numbers=st.lists(st.sampled_from([1, 0, -1, None]), min_size=14, max_size=14),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_can_be_read_back(
    tmp_path: Path, ids: list[str], numbers: list[int | None]
) -> None:
    given = [(Report(i, TEXT), predicted(i, *numbers)) for i in ids]
    content = write(tmp_path / "out.csv", "csv", given).decode()
    table = list(csv.reader(io.StringIO(content, newline="")))
    assert [row[0] for row in table[1:]] == ids
    for row in table[1:]:
        assert [float(cell) if cell else None for cell in row[1:15]] == numbers
    lines = write(tmp_path / "out.jsonl", "jsonl", given).decode().split("\n")[:-1]
    for line, identifier in zip(lines, ids, strict=True):
        record = json.loads(line)
        assert record["id"] == identifier
        names = record["labels"].values()
        assert [Certainty.from_json_name(name).value_number for name in names] == numbers
        assert list(record["probabilities"][LABELS.names[0]]) == [c.value for c in CERTAINTIES]

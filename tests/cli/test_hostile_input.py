"""Files that are not what they should be: said by name, with what to do, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import EFFUSION, NORMAL, invoke, labels_of, read_csv, spawn, write_csv
from click.testing import Result

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
ELF = b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 40
NOISE = bytes((7 * number * number + 3) % 256 for number in range(5000))


def refused(result: Result, *words: str) -> None:
    """It ended with 1, in one plain message with these words."""
    assert result.exit_code == 1, (result.exit_code, result.stderr)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def no_report_column(path: Path) -> None:
    write_csv(path, [("1", "x")], ("number", "colour"))


UNREADABLE: list[tuple[str, bytes | Callable[[Path], None], tuple[str, ...]]] = [
    ("empty.csv", b"", ("is empty", "Give")),
    ("empty.json", b"", ("is empty", "Give")),
    ("empty.jsonl", b"\n\n", ("is empty", "Give")),
    ("scan.txt", PNG, ("PNG", "Save it as")),
    ("scan.csv", PNG, ("PNG", "Save it as")),
    ("program", ELF, ("program", "Save it as")),
    ("noise.dat", NOISE, ("binary", "Give")),
    ("colours.csv", no_report_column, ("number, colour", "--column")),
    ("broken.json", b'[{"id": "1", "text": "No effus', ("line 1", "Mend")),
    ("cut.txt", "No effusion.".encode("utf-16")[:-1], ("damaged", "UTF-8")),
]


@pytest.mark.parametrize(("name", "content", "words"), UNREADABLE, ids=[u[0] for u in UNREADABLE])
def test_an_input_that_gives_nothing_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes | Callable[[Path], None], words: tuple[str, ...]
) -> None:
    source, output = tmp_path / name, tmp_path / "labels.csv"
    if callable(content):
        content(source)
    else:
        source.write_bytes(content)
    output.write_text("older labels")
    result = invoke("label", source, "--output", output, "--engine", "rules")
    refused(result, name, *words)
    assert output.read_text() == "older labels"
    assert not output.with_name("labels.csv.partial").exists()


def test_among_others_a_bad_file_costs_its_own_row(tmp_path: Path) -> None:
    folder, output = tmp_path / "ward", tmp_path / "labels.csv"
    folder.mkdir()
    (folder / "1.txt").write_text(EFFUSION[1])
    (folder / "2.txt").write_bytes(PNG)
    (folder / "3.txt").write_bytes(b"")
    (folder / "4.txt").write_text(NORMAL[1])
    result = invoke("label", folder, "--output", output, "--engine", "rules")
    assert result.exit_code == 0
    assert "2.txt" in result.stderr
    rows = read_csv(output)
    assert [row["id"] for row in rows] == ["1.txt", "2.txt", "3.txt", "4.txt"]
    assert [bool(labels_of(row)) for row in rows] == [True, False, False, True]
    assert "PNG" in rows[1]["error"]
    assert rows[2]["error"] == "empty report"


def test_an_empty_text_file_is_an_empty_report(tmp_path: Path) -> None:
    source, output = tmp_path / "empty.txt", tmp_path / "labels.csv"
    source.write_bytes(b"")
    result = invoke("label", source, "--output", output, "--engine", "rules")
    assert result.exit_code == 0
    assert "empty.txt: empty report" in result.stderr
    assert [row["error"] for row in read_csv(output)] == ["empty report"]


def test_five_megabytes_are_no_report(tmp_path: Path) -> None:
    source, output = tmp_path / "huge.txt", tmp_path / "labels.csv"
    source.write_text((EFFUSION[1] + " ") * (5_000_000 // len(EFFUSION[1])))
    result = invoke("label", source, "--output", output, "--engine", "rules")
    assert result.exit_code == 0
    assert "huge.txt" in result.stderr
    assert "split" in result.stderr
    (row,) = read_csv(output)
    assert labels_of(row) == {}
    assert "split" in row["error"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str, ending: str) -> None:
    text = "Patientin Müller. Small left pleural effusion. No pneumothorax, 37 °C."
    source, output = tmp_path / f"in.{ending}", tmp_path / "labels.json"
    whole = text if ending == "txt" else f'id,report\nMüller,"{text}"\n'
    source.write_bytes(whole.encode(encoding))
    assert invoke("label", source, "--output", output, "--engine", "rules").exit_code == 0
    (record,) = json.loads(output.read_text("utf-8"))
    said = {name: word for name, word in record["labels"].items() if word}
    assert said == {"Pleural Effusion": "positive", "Pneumothorax": "negative"}
    assert record["id"] == ("in.txt" if ending == "txt" else "Müller")
    for span in record["evidence"]:
        assert text[span["start"] : span["end"]] == span["text"]


def test_a_bad_row_costs_itself(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "labels.csv"
    source.write_text(
        "id,report\n1,No pneumothorax.\n2,Cells,too,many\n3\n4,Small pleural effusion.\n"
    )
    result = invoke("label", source, "--output", output, "--engine", "rules")
    assert result.exit_code == 0
    rows = read_csv(output)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    assert [bool(row["error"]) for row in rows] == [False, True, True, False]
    assert labels_of(rows[3])["Pleural Effusion"] == "1.0"


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    output = tmp_path / "labels.csv"
    result = invoke("label", tmp_path / "gone.csv", "--output", output, "--engine", "rules")
    refused(result, "gone.csv", "does not exist", "Check")
    (tmp_path / "nothing").mkdir()
    result = invoke("label", tmp_path / "nothing", "--output", output, "--engine", "rules")
    refused(result, "nothing", ".csv")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "in.csv", [EFFUSION, NORMAL])


def test_an_output_in_no_folder_is_refused(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "gone" / "labels.csv"
    result = invoke("label", source, "--output", output, "--engine", "rules")
    refused(result, str(output), "folder does not exist", "Make the folder")
    assert not output.parent.exists()


def test_an_output_that_is_a_folder_is_refused(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "labels.csv"
    folder.mkdir()
    result = invoke("label", source, "--output", folder, "--engine", "rules")
    refused(result, str(folder), "is a folder", "Give a file's name")


def test_an_output_that_is_no_file_is_refused(source: Path) -> None:
    result = invoke("label", source, "--output", "/dev/null", "--format", "csv")
    refused(result, "/dev/null", "Give another name")


def test_a_folder_that_takes_no_file_is_said_so(tmp_path: Path, source: Path) -> None:
    """Even root cannot make a file in /proc."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        folder = Path("/proc")
        if not folder.is_dir():
            pytest.skip("every folder can be written here")
    result = invoke("label", source, "--output", folder / "labels.csv", "--engine", "rules")
    refused(result, str(folder / "labels.csv"))


def test_a_name_that_is_too_long_is_said_so(tmp_path: Path, source: Path) -> None:
    output = tmp_path / f"{'x' * 250}.csv"
    result = invoke("label", source, "--output", output, "--engine", "rules")
    refused(result, "x.csv", os.strerror(errno.ENAMETOOLONG))


@pytest.fixture
def pack(tmp_path: Path, default_pack: Path) -> Path:
    """A pack of our own, whose model is cut short to a few megabytes."""
    folder = tmp_path / "pack"
    folder.mkdir()
    shutil.copy(default_pack / "manifest.json", folder)
    with (default_pack / "model.gguf").open("rb") as model:
        (folder / "model.gguf").write_bytes(model.read(5_000_000))
    return folder


def swear_to(pack: Path) -> None:
    """Let the manifest give the very sha256 of the model that lies there."""
    import hashlib

    manifest = json.loads((pack / "manifest.json").read_text("utf-8"))
    manifest["sha256"] = hashlib.sha256((pack / "model.gguf").read_bytes()).hexdigest()
    (pack / "manifest.json").write_text(json.dumps(manifest))


def spoil(pack: Path, how: str) -> str:
    """Damage a pack; returns the file that a message must name."""
    model, manifest = pack / "model.gguf", pack / "manifest.json"
    if how == "truncated and sworn to":
        swear_to(pack)
    elif how == "no GGUF":
        model.write_bytes(b"PK\x03\x04 not a model")
    elif how == "no GGUF and sworn to":
        model.write_bytes(b"GGUF" + NOISE)
        swear_to(pack)
    elif how == "manifest not JSON":
        manifest.write_text("{format: 1")
        return str(manifest)
    elif how == "manifest a list":
        manifest.write_text("[]")
        return str(manifest)
    elif how == "no manifest":
        manifest.unlink()
        return str(pack)
    elif how == "no pack":
        shutil.rmtree(pack)
        return str(pack)
    return str(model)


HOW = [
    "truncated",
    "truncated and sworn to",
    "no GGUF",
    "no GGUF and sworn to",
    "manifest not JSON",
    "manifest a list",
    "no manifest",
    "no pack",
]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_pack_is_refused_by_name(
    tmp_path: Path, source: Path, pack: Path, how: str
) -> None:
    named = spoil(pack, how)
    output = tmp_path / "labels.csv"
    output.write_text("older labels")
    result = invoke("label", source, "--output", output, "--model", pack)
    refused(result, named, "make")
    assert output.read_text() == "older labels"
    result = invoke("model", "verify", pack)
    refused(result, named, "make")


def test_a_damaged_pack_leaves_a_real_process_with_one_line(source: Path, pack: Path) -> None:
    """Whatever llama.cpp says of the file stays out of the terminal."""
    swear_to(pack)
    done = spawn("label", source, "--output", source.with_name("labels.csv"), "--model", pack)
    assert done.returncode == 1
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert str(pack / "model.gguf") in lines[0]

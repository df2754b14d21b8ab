"""Nothing leaves the machine, and a report's text goes nowhere that nobody asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

CANARY = "xylocanary"
REPORT = f"Small left pleural effusion beside the {CANARY} shunt. No pneumothorax."

#: Put first on the path of a process: whoever asks for the network gets an exception.
NO_NETWORK = """
import socket

_FAMILIES = {socket.AF_INET, getattr(socket, "AF_INET6", None)}


def _forbidden(*arguments, **options):
    raise RuntimeError("NETWORK was asked for")


class _Local(socket.socket):
    def __init__(self, family=socket.AF_INET, *arguments, **options):
        if family == -1:
            family = socket.AF_INET
        if family in _FAMILIES and options.get("fileno") is None:
            _forbidden()
        super().__init__(family, *arguments, **options)


socket.socket = _Local
for _name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname"):
    setattr(socket, _name, _forbidden)
"""


class Machine:
    """A user's machine without network: a home, a temporary folder and a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.temporary = folder / "home", folder / "tmp"
        self.said = b""
        for each in (self.temporary, folder / "site"):
            each.mkdir()
        (folder / "site" / "sitecustomize.py").write_text(NO_NETWORK)

    def run(
        self,
        *arguments: str | Path,
        code: Iterable[str] = ("-m", "chexdesk.cli"),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, *code, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self.folder / "site"),
                "CHEXDESK_HOME": str(self.home),
                "CHEXDESK_LOG": "debug",
                "HOME": str(self.folder),
                "TMPDIR": str(self.temporary),
                "QT_QPA_PLATFORM": "offscreen",
                **(env or {}),
            },
            timeout=300,
            check=False,
        )
        self.said += done.stdout + done.stderr
        return done

    def leaks(self) -> list[str]:
        """Where the canary's word can be read, of all the places that nobody asked to keep it."""
        found = ["terminal"] if CANARY.encode() in self.said else []
        for folder in (self.home, self.temporary):
            for path in folder.rglob("*"):
                # The library itself, and the copy of it that a restore keeps.
                asked_for = ".sqlite3" in path.suffixes or path.name.startswith("chexdesk.sqlite3")
                if path.is_file() and not asked_for and CANARY.encode() in path.read_bytes():
                    found.append(str(path))
                if CANARY in path.name:
                    found.append(str(path))
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.csv"
    path.write_text(f'id,report\n1,"{REPORT}"\n2,\n3,"{CANARY}",too,many\n4,"HISTORY: {CANARY}."\n')
    return path


def test_the_lock_on_the_network_holds(machine: Machine) -> None:
    tries = (
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
    )
    for attempt in tries:
        done = machine.run(code=("-c", attempt))
        assert done.returncode != 0
        assert b"NETWORK was asked for" in done.stderr
    # Local pipes of processes are none of it.
    pair = "import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))"
    assert machine.run(code=("-c", pair)).stdout.strip() == b"b'x'"


def every_command(engine: str, reports: Path) -> list[tuple[str, ...]]:
    gold = reports.with_name("gold.jsonl")
    gold.write_text(json.dumps({"id": "1", "text": "", "labels": [None] * 14}) + "\n")
    model = [("model", "info"), ("model", "verify")] if engine == "llama" else []
    return [
        ("--version",),
        ("--help",),
        ("label", str(reports), "--output", "labels.csv", "--engine", engine, "--store"),
        ("label", str(reports), "--output", "labels.fhir.json", "--engine", engine),
        ("evaluate", str(gold), "labels.csv", "--rounds", "100"),
        *model,
        ("preferences", "export"),
        ("reviews", "export"),
        ("audit", "verify"),
        ("audit", "export"),
        ("audit", "verify", "--against", "audit.jsonl"),
        ("store", "backup", f"{engine}.sqlite3"),
        ("store", "restore", f"{engine}.sqlite3"),
        ("store", "purge", "--all", "--yes"),
    ]


def test_every_command_works_without_a_network(machine: Machine, reports: Path) -> None:
    for command in every_command("rules", reports):
        done = machine.run(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert b"NETWORK" not in machine.said
    assert machine.leaks() == []


#: Opens the window on some reports, waits until they are labelled, and closes it.
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from chexdesk.gui import app
from chexdesk.gui.main_window import MainWindow

def look():
    for window in QApplication.topLevelWidgets():
        if isinstance(window, MainWindow) and window.isVisible():
            if window.session.idle and window.session.findings.row(0).certainty is not None:
                print("labelled")
                window.close()
                return
    QTimer.singleShot(50, look)

app.make_application()
QTimer.singleShot(0, look)
sys.exit(app.run([Path(sys.argv[1])], pack=Path("no-pack")))
"""


def test_the_window_works_without_a_network_and_leaves_no_trace(
    machine: Machine, reports: Path
) -> None:
    done = machine.run(reports, code=("-c", WINDOW))
    assert done.returncode == 0, done.stderr
    assert b"labelled" in done.stdout
    assert b"NETWORK" not in machine.said
    assert machine.leaks() == []


def test_labelling_works_where_the_system_has_no_network_at_all(
    machine: Machine, reports: Path
) -> None:
    """In a network namespace with nothing in it, where this system lets a user make one."""
    apart = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*apart, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    label = ["-m", "chexdesk.cli", "label", str(reports), "--engine", "rules", "--store"]
    command = [*(apart if allowed else []), sys.executable, *label, "--output", "labels.csv"]
    env = {**os.environ, "CHEXDESK_HOME": str(machine.home)}
    done = subprocess.run(command, cwd=machine.folder, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (machine.folder / "labels.csv").stat().st_size > 0


def test_training_and_export_neither_fetch_nor_tell() -> None:
    """Their first import sets what Hugging Face's libraries read once."""
    told = {"HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_DATASETS_OFFLINE"}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    for package in ("training", "export"):
        code = f"import {package}, os; print(*[n for n in os.environ if n.startswith('HF_')])"
        done = subprocess.run(
            [sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True
        )
        assert told <= set(done.stdout.split()), package


@pytest.mark.usefixtures("default_pack")
def test_the_model_works_without_a_network_and_in_silence(machine: Machine, reports: Path) -> None:
    for command in every_command("llama", reports):
        done = machine.run(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert b"NETWORK" not in machine.said
    for word in (b"llama_", b"ggml", b"load_tensors", b"gguf_"):
        assert word not in machine.said
    assert machine.leaks() == []


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "fhir"])
def test_an_output_holds_text_only_as_evidence(machine: Machine, reports: Path, form: str) -> None:
    output = machine.folder / f"labels.{form}"
    done = machine.run("label", reports, "--output", output, "--format", form, "--engine", "rules")
    assert done.returncode == 0
    assert machine.leaks() == []
    text = output.read_text("utf-8")
    if form in ("csv", "fhir"):
        assert CANARY not in text
        return
    records = json.loads(text) if form == "json" else list(map(json.loads, text.splitlines()))
    for record in records:
        del record["evidence"]
    assert CANARY not in json.dumps(records)


def test_without_store_nothing_is_written_at_home(machine: Machine, reports: Path) -> None:
    machine.run("label", reports, "--output", "labels.csv", "--engine", "rules")
    assert not machine.home.exists()


def test_a_library_and_its_exports_keep_text_where_it_was_asked_for(
    machine: Machine, reports: Path
) -> None:
    machine.run("label", reports, "--output", "labels.csv", "--engine", "rules", "--store")
    correct = (
        "from chexdesk.services.library import Library;"
        "from chexdesk.labels import Certainty;"
        "library = Library.open();"
        "library.correct(library.entries()[0].key, 0, Certainty.UNCERTAIN);"
        "library.close()"
    )
    assert machine.run(code=("-c", correct)).returncode == 0
    for what in ("preferences", "reviews"):
        output = machine.folder / f"{what}.jsonl"
        assert machine.run(what, "export", "--output", output).returncode == 0
        assert CANARY in output.read_text("utf-8")
    assert machine.leaks() == []


BROKEN = {
    "cut.json": f'[{{"id": "1", "report": "{CANARY}',
    "wrong.jsonl": f'{{"id": "1", "report": "No effusion."}}\n{{"id": "2", "report": {CANARY}}}\n',
    "odd.csv": f'id,report\n1,"{CANARY} never closed\n2,No effusion.\n',
    "list.jsonl": f'["{CANARY}"]\n',
    "numbers.json": f'[{{"id": "1", "report": ["{CANARY}"]}}]',
    "half.txt": f"{CANARY}".encode("utf-16")[:-1].decode("latin-1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_inputs_are_reported_without_their_text(machine: Machine, name: str) -> None:
    source = machine.folder / name
    source.write_text(BROKEN[name], encoding="latin-1")
    done = machine.run("label", source, "--output", "labels.csv", "--engine", "rules")
    assert name.encode() in done.stderr
    assert b"Traceback" not in done.stderr
    assert machine.leaks() == []
    output = machine.folder / "labels.csv"
    assert not output.exists() or CANARY not in output.read_text("utf-8")


#: A fault of the engine itself, of which there is none to be had on purpose.
FAULT = """
import sys
from chexdesk.labeling import rules

def fail(reading, *arguments):
    raise RuntimeError(f"cannot weigh {reports.pop()!r}")

reports = [sys.stdin.read()]
rules.aggregate = fail
from chexdesk.cli import main
main()
"""


def test_a_fault_of_our_own_is_told_by_kind_and_place_alone(
    machine: Machine, reports: Path
) -> None:
    done = machine.run(
        "label",
        reports,
        "--output",
        "labels.csv",
        "--engine",
        "rules",
        code=("-c", FAULT),
        stdin=REPORT.encode(),
    )
    assert done.returncode == 1
    assert b"RuntimeError" in done.stderr
    assert b"Traceback" not in done.stderr
    assert machine.leaks() == []

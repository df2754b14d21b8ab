"""Which house may know which: rules of the design that a reader of imports can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chexdesk.labels import chexpert14

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "chexdesk"
LONGEST_MODULE = 450


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports anywhere in it, in full."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: a relative import"
            yield node.module or ""


def importers(roots: set[str], *folders: str) -> set[str]:
    """The files below some folders that import one of these top-level packages."""
    return {
        name_of(path)
        for path in modules(*folders)
        if roots & {name.partition(".")[0] for name in imports(path)}
    }


def test_the_app_knows_neither_torch_nor_the_workshops() -> None:
    wanted = {"torch", "transformers", "trl", "peft", "datasets", "training", "export"}
    assert importers(wanted, "chexdesk") == set()


def test_qt_stays_in_the_window() -> None:
    used = importers({"PySide6", "shiboken6"}, "chexdesk")
    assert used
    assert [name for name in used if not name.startswith("chexdesk/gui/")] == []


def test_sql_stays_in_the_store() -> None:
    used = importers({"sqlalchemy", "sqlite3", "alembic"}, "chexdesk")
    assert used
    assert [name for name in used if not name.startswith("chexdesk/store/")] == []


def test_llama_cpp_stays_in_its_engine() -> None:
    used = importers({"llama_cpp"}, "chexdesk")
    assert used == {"chexdesk/labeling/llama/runtime.py"}


#: Which houses a house may import; nothing imports upward.
BELOW = {
    "reports": set(),
    "evidence": {"reports", "labeling"},
    "labeling": {"reports", "evidence"},
    "store": {"reports", "labeling", "evidence"},
    "outputs": {"reports", "labeling", "evidence"},
    "evaluation": {"reports", "labeling", "outputs"},
    "services": {"reports", "labeling", "evidence", "store", "outputs", "evaluation"},
    "gui": {"reports", "labeling", "evidence", "outputs", "services"},
}


@pytest.mark.parametrize("house", BELOW)
def test_nothing_imports_upward(house: str) -> None:
    for path in modules(f"chexdesk/{house}"):
        for name in imports(path):
            first, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if first == "chexdesk" and other in BELOW and other != house:
                assert other in BELOW[house], f"{name_of(path)} imports {name}"


def test_the_command_line_and_the_window_reach_the_store_through_services() -> None:
    for path in [*APP.glob("cli*.py"), APP / "console.py", *modules("chexdesk/gui")]:
        assert not [name for name in imports(path) if name.startswith("chexdesk.store")], path


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """The string constants of a file, those in f-strings too, without docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.lineno, node.value


def test_findings_are_named_in_the_label_set_alone() -> None:
    names = {name: name.casefold() for name in chexpert14().names}
    for path in modules("chexdesk", "training", "export"):
        for line, value in strings(path):
            for name, folded in names.items():
                whole = value.strip().casefold() == folded
                assert not whole, f"{name_of(path)}:{line}: {name!r}"
                assert name not in value, f"{name_of(path)}:{line}: {name!r}"


def test_modules_stay_small() -> None:
    long = {
        name_of(path): lines
        for path in modules("chexdesk", "training", "export")
        if (lines := path.read_text("utf-8").count("\n")) > LONGEST_MODULE
    }
    assert long == {}


HEAVY = "PySide6 llama_cpp sqlalchemy alembic numpy rich.progress yaml torch multiprocessing.pool"


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    )
    return set(done.stdout.split())


def test_the_command_line_starts_light() -> None:
    assert loaded_after("import chexdesk.cli") & set(HEAVY.split()) == set()


def test_labelling_files_needs_neither_window_nor_store() -> None:
    loaded = loaded_after("import chexdesk.services.labelling, chexdesk.services.engines")
    assert loaded & {"PySide6", "llama_cpp", "sqlalchemy", "alembic"} == set()

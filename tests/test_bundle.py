"""The bundle: its recipe against the tree it is made from, and, where it was made, the bundle."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "build.spec"
FOLDER = ROOT / "dist" / "chexdesk"
SUFFIX = ".exe" if sys.platform == "win32" else ""
CONSOLE = FOLDER / f"chexdesk{SUFFIX}"
WINDOWED = FOLDER / f"chexdesk-gui{SUFFIX}"


def recipe(name: str) -> Any:
    """The value of a constant of the recipe."""
    for statement in ast.parse(SPEC.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign):
            (target,) = statement.targets
            if isinstance(target, ast.Name) and target.id == name:
                return ast.literal_eval(statement.value)
    raise AssertionError(f"{SPEC.name} has no {name}")


def imported(source: Path) -> Iterator[str]:
    """Every module that a file may import, at its top or later."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_file(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def test_the_recipe_compiles() -> None:
    compile(SPEC.read_text(encoding="utf-8"), SPEC.name, "exec")


def test_both_programs_are_made_of_modules_that_are_there() -> None:
    programs = recipe("PROGRAMS")
    assert list(programs) == ["chexdesk", "chexdesk-gui"]
    assert recipe("CONSOLE_PROGRAM") == "chexdesk"
    for module in programs.values():
        assert module_file(module).is_file()


@pytest.mark.parametrize("module", ["chexdesk.__main__", "chexdesk.gui.__main__"])
def test_a_worker_process_ends_before_anything_else_is_loaded(module: str) -> None:
    tree = ast.parse(module_file(module).read_text(encoding="utf-8"))
    outside = [
        name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else _names(node))
    ]
    assert outside == ["__future__", "multiprocessing"]
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert main.name == "main"
    first = main.body[1]  # after the docstring
    assert ast.unparse(first) == "multiprocessing.freeze_support()"


def _names(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


def test_nothing_the_app_imports_is_left_out() -> None:
    excluded = recipe("EXCLUDED")
    sources = sorted((ROOT / "chexdesk").rglob("*.py"))
    assert sources
    missing = {
        f"{source.relative_to(ROOT)}: {module}"
        for source in sources
        for module in imported(source)
        for name in excluded
        if module == name or module.startswith(f"{name}.")
    }
    assert not missing


def test_training_and_other_windows_stay_out() -> None:
    excluded = set(recipe("EXCLUDED"))
    assert excluded >= {"torch", "transformers", "trl", "peft", "datasets", "pandas"}
    assert excluded >= {"scipy", "tkinter", "pytest", "training", "export"}


def test_all_resources_go_in_but_the_adapter_which_the_pack_holds() -> None:
    folders = {path.name for path in (ROOT / "resources").iterdir() if path.is_dir()}
    assert folders - {"adapter"} <= set(recipe("RESOURCES"))
    assert set(recipe("RESOURCES")) - {"model"} <= folders


def test_llama_cpp_is_taken_by_the_names_it_opens() -> None:
    spec = pytest.importorskip("llama_cpp").__spec__
    folder = Path(spec.origin).parent / "lib"
    for name in recipe("LLAMA_LIBRARIES"):
        assert list(folder.glob(f"*{name}.*")), name


@pytest.mark.parametrize("module", ["chexdesk", "chexdesk.gui"])
def test_the_programs_start_from_the_tree(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


def outdated() -> str:
    """Why the bundle in dist/ is not this tree's; empty where it is."""
    if not CONSOLE.is_file():
        return "no bundle: run `make bundle`"
    made = CONSOLE.stat().st_mtime
    sources = [SPEC, *(ROOT / "chexdesk").rglob("*.py")]
    sources += (path for path in (ROOT / "resources").rglob("*") if path.is_file())
    newer = [path for path in sources if path.stat().st_mtime > made]
    if newer:
        return f"the bundle is older than {newer[0].relative_to(ROOT)}: run `make bundle`"
    return ""


OUTDATED = outdated()
bundled = [pytest.mark.slow, pytest.mark.skipif(bool(OUTDATED), reason=OUTDATED)]


def alone(home: Path) -> dict[str, str]:
    """An environment with nothing of this one's in it."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return kept | {"HOME": str(home), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen"}


def label(program: list[str], out: Path, engine: str) -> bytes:
    done = subprocess.run(
        [
            *program,
            "label",
            str(ROOT / "resources" / "samples"),
            "--output",
            str(out),
            "--engine",
            engine,
        ],
        cwd=out.parent,
        env=alone(out.parent),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


class TestBundle:
    pytestmark = bundled

    def test_it_says_its_version(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [CONSOLE, "--version"],
            cwd=tmp_path,
            env=alone(tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
        )
        from chexdesk import __version__

        assert done.stdout == f"chexdesk {__version__}\n"

    @pytest.mark.parametrize("engine", ["rules", "llama"])
    @pytest.mark.parametrize("ending", ["csv", "json"])
    def test_it_labels_as_the_tree_does(
        self, tmp_path: Path, engine: str, ending: str, request: pytest.FixtureRequest
    ) -> None:
        if engine == "llama":
            request.getfixturevalue("default_pack")
        ours = label([sys.executable, "-m", "chexdesk"], tmp_path / f"tree.{ending}", engine)
        bundles = label([str(CONSOLE)], tmp_path / f"bundle.{ending}", engine)
        assert bundles.count(b"\n") > 10
        assert bundles == ours

    def test_it_makes_a_library(self, tmp_path: Path) -> None:
        """So the migrations are in it: the library is made by them."""
        samples = str(ROOT / "resources" / "samples")
        arguments = ["label", samples, "--output", "x.csv", "--engine", "rules", "--store"]
        done = subprocess.run(
            [CONSOLE, *arguments],
            cwd=tmp_path,
            env=alone(tmp_path) | {"CHEXDESK_HOME": str(tmp_path / "library")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "library" / "chexdesk.sqlite3").stat().st_size

    def test_its_window_opens_and_stays(self, tmp_path: Path) -> None:
        sample = ROOT / "resources" / "samples" / "01-normal.txt"
        library = tmp_path / "library" / "chexdesk.sqlite3"
        window = subprocess.Popen(
            [WINDOWED, str(sample)],
            cwd=tmp_path,
            env=alone(tmp_path) | {"CHEXDESK_HOME": str(tmp_path / "library")},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # It is up once it has made its library, and a failure would end it soon after.
            deadline = time.monotonic() + 60
            while window.poll() is None and time.monotonic() < deadline:
                if library.is_file():
                    break
                time.sleep(0.2)
            with pytest.raises(subprocess.TimeoutExpired):
                window.wait(timeout=5)
            assert library.is_file()
        finally:
            window.kill()
            _, errors = window.communicate()
        assert "Traceback" not in errors

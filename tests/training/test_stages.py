"""All stages by one command: which are due, and what a failure does."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from training import __main__ as stages


def _stage(folder: Path, name: str, code: str = "") -> stages.Stage:
    module = folder / f"stage_{name}.py"
    module.write_text(code or f"open({str(folder / name)!r}, 'w').close()\n")
    return stages.Stage(name, module.stem, "", folder / name)


def test_what_is_due_begins_at_the_first_stage_that_left_nothing(tmp_path: Path) -> None:
    three = [_stage(tmp_path, name) for name in ("one", "two", "three")]
    three[0].makes.touch()
    three[2].makes.touch()
    assert [s.name for s in stages.due(three)] == ["two", "three"]
    three[1].makes.touch()
    assert stages.due(three) == []
    assert [s.name for s in stages.due(three, "three")] == ["three"]
    with pytest.raises(ValueError, match="no stage 'four'"):
        stages.due(three, "four")


def test_a_stage_is_a_process_and_its_failure_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    good = _stage(tmp_path, "good")
    stages.run(good)
    assert good.makes.exists()
    with pytest.raises(SystemExit) as stopped:
        stages.run(_stage(tmp_path, "bad", "raise SystemExit(7)\n"))
    assert stopped.value.code == 7
    assert "run again" in capfd.readouterr().err


def test_a_configuration_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("stages: [{name: a}]\n")
    with pytest.raises(ValueError, match=r"x\.yaml: not a list of stages"):
        stages.load(path)


@pytest.mark.parametrize("name", ["all", "rlhf"])
def test_the_given_stages_can_all_be_run(name: str) -> None:
    found = stages.load(Path(f"training/configs/{name}.yaml"))
    assert len({stage.name for stage in found}) == len(found)
    for stage in found:
        assert importlib.util.find_spec(stage.module), stage.name
        for argument in shlex.split(stage.arguments):
            if re.search(r"\.ya?ml$", argument):
                assert Path(argument).is_file(), stage.name

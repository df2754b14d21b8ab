"""What is logged, how much of it, and where to."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from chexdesk import logs

SECRET = "Mrs Canary has a small effusion"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    logger = logging.getLogger("chexdesk")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def say() -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger("chexdesk.some.part").log(level, "said at %s", level)


@pytest.mark.parametrize(
    ("given", "levels"),
    [
        (None, [30]),
        ("", [30]),
        ("warning", [30]),
        ("info", [20, 30]),
        ("DEBUG", [10, 20, 30]),
    ],
)
def test_the_variable_says_how_much(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str | None,
    levels: list[int],
) -> None:
    if given is None:
        monkeypatch.delenv(logs.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(logs.VARIABLE, given)
    logs.configure()
    say()
    written = capsys.readouterr()
    assert written.out == ""
    assert [int(line.split()[-1]) for line in written.err.splitlines()] == levels
    assert not logs.log_file().parent.exists()


def test_an_unknown_level_is_said_and_is_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.VARIABLE, "loud")
    logs.configure()
    say()
    first, second = capsys.readouterr().err.splitlines()
    assert "loud" in first
    assert "debug, info, warning" in first
    assert second.endswith("said at 30")


def test_configuring_twice_logs_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.VARIABLE, "info")
    logs.configure()
    logs.configure()
    logging.getLogger("chexdesk").info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_the_window_logs_to_a_file_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.VARIABLE, "info")
    logs.configure(window=True)
    say()
    assert capsys.readouterr().err == ""
    file = logs.log_file()
    assert [line.split()[-1] for line in file.read_text("utf-8").splitlines()] == ["20", "30"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_file_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.VARIABLE, "info")
    logs.configure(window=True)
    logger = logging.getLogger("chexdesk.some.part")
    for number in range(60):
        logger.info("%d %s", number, "." * 100_000)
    files = sorted(logs.log_file().parent.iterdir())
    assert len(files) == 4
    assert all(file.stat().st_size <= 1 << 20 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_where_no_file_can_be_it_logs_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.write_text("a file, not a folder")
    monkeypatch.setenv("CHEXDESK_HOME", str(home))
    logs.configure(window=True)
    say()
    first, second = capsys.readouterr().err.splitlines()
    assert str(home) in first
    assert second.endswith("said at 30")


def fail() -> None:
    raise ValueError(SECRET)


def test_an_exception_is_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.VARIABLE, "debug")
    logs.configure()
    with pytest.raises(ValueError, match="Canary") as caught:
        fail()
    logging.getLogger("chexdesk").error("a fault", exc_info=caught.value)
    assert logs.describe(caught.value).startswith("ValueError in test_logs.py, line ")
    written = capsys.readouterr().err
    assert "a fault" in written
    assert "ValueError" in written
    assert "Canary" not in written

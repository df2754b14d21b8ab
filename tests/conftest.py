"""What tests of several houses share."""

from __future__ import annotations

from pathlib import Path

import pytest

from chexdesk import paths


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the library of whoever runs it."""
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def default_pack() -> Path:
    """The model pack that `make model` leaves; `make test` makes it first."""
    folder = paths.default_pack()
    if not (folder / "manifest.json").is_file():
        pytest.skip("no model pack: run `make model`")
    return folder


@pytest.fixture(scope="session")
def eval_folder() -> Path:
    """The real reports, where this machine has them."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "eval"
    if not folder.is_dir():
        pytest.skip("../shared/eval is not on this machine")
    return folder

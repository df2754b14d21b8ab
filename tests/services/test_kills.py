"""Twenty programs killed at random moments; `make soak` kills hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import kills


def test_nothing_is_lost_doubled_or_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEXDESK_HOME", str(tmp_path / "home"))
    tally = kills.soak(20, seed=7, folder=tmp_path)
    assert tally.kills.total() >= 20
    assert set(tally.kills) == set(kills.ACTIVITIES)
    assert tally.corrections > 0

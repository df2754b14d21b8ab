"""No reader crashes, hangs or half-answers, whatever its file holds."""

from __future__ import annotations

from random import Random

import pytest
import reader_fuzz
from hypothesis import given, settings
from hypothesis import strategies as st

CHANCE = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize("kind", reader_fuzz.SEEDS)
def test_samples_that_were_damaged(kind: str) -> None:
    samples = reader_fuzz.seeds(kind)

    @given(st.randoms(use_true_random=False), st.sampled_from(samples))
    @CHANCE
    def check(chance: Random, sample: bytes) -> None:
        reader_fuzz.check(kind, reader_fuzz.damaged_inside(sample, chance))

    check()


@pytest.mark.parametrize("kind", reader_fuzz.SEEDS)
def test_bytes_of_no_format(kind: str) -> None:
    front = reader_fuzz.seeds(kind)[0]

    @given(st.binary(max_size=300), st.integers(0, 200))
    @CHANCE
    def check(content: bytes, kept: int) -> None:
        reader_fuzz.check(kind, front[:kept] + content)

    check()


@pytest.mark.parametrize("kind", reader_fuzz.SEEDS)
def test_undamaged_samples_are_read(kind: str) -> None:
    for sample in reader_fuzz.seeds(kind):
        assert reader_fuzz.check(kind, sample) > 0

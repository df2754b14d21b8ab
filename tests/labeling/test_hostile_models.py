"""A model file is somebody else's: checked before llama.cpp sees it, and never trusted after."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from benchmarks import hostile_models
from chexdesk.labeling.labeler import LabelerError
from chexdesk.labeling.llama.labeler import LlamaLabeler
from chexdesk.labels import chexpert14
from chexdesk.reports.report import Report

LABELS = chexpert14()
#: Stands in the model where its chat template goes.
PLACE = "x" * 400


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "small.gguf"
    return hostile_models.small_model(path, PLACE).read_bytes()


@pytest.mark.parametrize("kind", hostile_models.KINDS)
def test_a_changed_model_is_refused_in_words_or_works(
    model: bytes, tmp_path: Path, kind: str
) -> None:
    chance = random.Random(f"hostile {kind}")
    for number in range(2):
        data = hostile_models.mutation(model, kind, chance)
        pack = hostile_models.write_pack(tmp_path / str(number), data)
        assert hostile_models.attempt(pack) in ("works", "refused", "row failed")


def test_a_cut_model_is_named_and_the_next_one_works(model: bytes, tmp_path: Path) -> None:
    cut = hostile_models.write_pack(tmp_path / "cut", model[: len(model) // 3])
    with pytest.raises(LabelerError, match=r"cut/model\.gguf"):
        LlamaLabeler(cut, LABELS, threads=1)
    whole = hostile_models.write_pack(tmp_path / "whole", model)
    assert hostile_models.attempt(whole) == "works"


def test_a_file_that_the_manifest_does_not_describe_never_reaches_llama(
    model: bytes, tmp_path: Path
) -> None:
    other = hashlib.sha256(b"another").hexdigest()
    pack = hostile_models.write_pack(tmp_path, model, sha256=other)
    with pytest.raises(LabelerError, match="damaged or replaced"):
        LlamaLabeler(pack, LABELS, threads=1)


def test_a_chat_template_is_never_rendered(model: bytes, tmp_path: Path) -> None:
    """Neither compiled nor run: one that no Jinja takes and one that would write a file."""
    mark = tmp_path / "rendered"
    reports = [Report("1", "Small left effusion. No pneumothorax.")]
    code = f"open({str(mark)!r}, 'w')"
    hostile = "{{ self.__init__.__globals__.__builtins__.eval(" + repr(code) + ") }}"
    answers = []
    for number, template in enumerate((PLACE, "{% for broken", hostile)):
        data = model.replace(PLACE.encode(), template.ljust(len(PLACE)).encode())
        assert template.encode() in data
        pack = hostile_models.write_pack(tmp_path / str(number), data)
        labeler = LlamaLabeler(pack, LABELS, threads=1)
        answers.append([each.probabilities for each in labeler.label(reports)])
        labeler.close()
    assert not mark.exists()
    assert all(answer == answers[0] for answer in answers)


def test_a_crash_of_llama_writes_no_core_and_starts_no_debugger(
    model: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A norm of half precision is loaded, and ends llama.cpp at the first decode."""
    name = b"output_norm.weight"
    place = model.index(name) + len(name) + 4 + 8
    assert model[place : place + 4] == (0).to_bytes(4, "little")
    data = model[:place] + (1).to_bytes(4, "little") + model[place + 4 :]
    assert hostile_models.attempt(hostile_models.write_pack(tmp_path, data)) != "works"
    said = capfd.readouterr()
    assert "gdb" not in said.out + said.err
    assert "#0 " not in said.out + said.err

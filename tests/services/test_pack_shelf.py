"""Packs on this machine: listed, checked, brought in, chosen, removed, held against each other."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from chexdesk import paths
from chexdesk.labels import chexpert14
from chexdesk.reports.report import Report
from chexdesk.services import packs
from chexdesk.services.library import Library
from chexdesk.services.packs import PackError

LABELS = chexpert14()


def make_pack(folder: Path, name: str = "site", **extra: object) -> Path:
    """A folder that is a pack in all but that its model holds nothing."""
    folder.mkdir(parents=True)
    model = b"GGUF" + name.encode() * 50
    (folder / "model.gguf").write_bytes(model)
    manifest = {
        "format": 1,
        "wire": "slots",
        "prompt_version": 1,
        "name": name,
        "version": "1.0",
        "sha256": hashlib.sha256(model).hexdigest(),
        "quantization": "Q8_0",
        "base": {"name": "tiny"},
        "label_set": {"findings": list(LABELS.names)},
        "metrics": {"cross_validated": {"reports": 240, "macro_f1": 0.9144}},
        "verification": {"decisions": 700, "agreement": 1.0},
        **extra,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def zipped(folder: Path, target: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, inside + file.name)
    return target


def own() -> list[str]:
    return sorted(place.name for place in packs.folder().iterdir())


def test_a_folder_is_brought_in_with_all_that_its_card_tells(tmp_path: Path) -> None:
    card = packs.bring_in(make_pack(tmp_path / "p", trained_on="Our own reviews."), LABELS)
    assert card.folder.parent == packs.folder()
    assert (card.folder / "model.gguf").read_bytes() == (tmp_path / "p/model.gguf").read_bytes()
    assert (card.model.name, card.base, card.quantization) == ("site", "tiny", "Q8_0")
    assert card.trained_on == "Our own reviews."
    assert card.figures == (("cross validated", (("reports", "240"), ("macro F1", "0.914"))),)
    assert "100.0 % of 700" in card.checked
    assert card in packs.installed(LABELS)
    assert not card.shipped


def test_a_pack_that_says_nothing_of_its_reports_is_told_so(tmp_path: Path) -> None:
    card = packs.bring_in(make_pack(tmp_path / "p"), LABELS)
    assert "does not say" in card.trained_on


@pytest.mark.parametrize("inside", ["", "site/", "../../"])
def test_a_zip_file_is_brought_in_wherever_its_members_claim_to_lie(
    tmp_path: Path, inside: str
) -> None:
    source = zipped(make_pack(tmp_path / "p"), tmp_path / "p.zip", inside)
    before = set(paths.home().parent.rglob("*.gguf"))
    card = packs.bring_in(source, LABELS)
    made = set(paths.home().parent.rglob("*.gguf")) - before
    assert made == {card.folder / "model.gguf"}
    packs.verify(card, LABELS)


def test_bringing_in_twice_changes_nothing(tmp_path: Path) -> None:
    source = make_pack(tmp_path / "p")
    assert packs.bring_in(source, LABELS) == packs.bring_in(source / "manifest.json", LABELS)
    assert len(own()) == 1


def test_what_is_no_pack_leaves_no_trace(tmp_path: Path) -> None:
    damaged = make_pack(tmp_path / "damaged")
    (damaged / "model.gguf").write_bytes(b"GGUF and other bytes")
    foreign = make_pack(tmp_path / "foreign", label_set={"findings": ["Other"]})
    half = make_pack(tmp_path / "half")
    (half / "model.gguf").unlink()
    text = tmp_path / "notes.zip"
    text.write_text("no archive")
    cut = zipped(make_pack(tmp_path / "p"), tmp_path / "cut.zip")
    cut.write_bytes(cut.read_bytes()[:-40])
    for source in (damaged, foreign, half, text, cut, tmp_path / "nowhere"):
        with pytest.raises(PackError) as caught:
            packs.bring_in(source, LABELS)
        assert str(source) in str(caught.value)
        assert ".partial" not in str(caught.value)
    assert own() == []


def test_a_pack_damaged_later_is_found_and_still_listed(tmp_path: Path) -> None:
    card = packs.bring_in(make_pack(tmp_path / "p"), LABELS)
    (card.folder / "model.gguf").write_bytes(b"GGUF changed")
    with pytest.raises(PackError, match="damaged or replaced"):
        packs.verify(card, LABELS)
    (card.folder / "manifest.json").write_text("{")
    (broken,) = [each for each in packs.installed(LABELS) if not each.shipped]
    assert "not a pack's manifest" in broken.problem


def test_the_choice_outlives_the_program_and_the_pack_s_removal_undoes_it(tmp_path: Path) -> None:
    assert packs.chosen() is None
    card = packs.bring_in(make_pack(tmp_path / "p"), LABELS)
    packs.choose(card)
    assert packs.chosen() == card.folder
    packs.remove(card)
    assert packs.chosen() is None
    assert own() == []
    (paths.home() / "pack.json").write_text("[]")
    assert packs.chosen() is None


def test_the_shipped_pack_cannot_be_removed(default_pack: Path) -> None:
    card = packs.card(default_pack, LABELS)
    assert card.shipped
    assert "radiologists" in card.trained_on
    with pytest.raises(PackError, match="stays"):
        packs.remove(card)
    assert default_pack.is_dir()


def test_two_packs_are_held_against_each_other(library: Library, default_pack: Path) -> None:
    library.add_reports(
        [Report("a", "No pneumothorax."), Report("b", "Mild edema."), Report("c", "", "", "empty")]
    )
    card = packs.card(default_pack, LABELS)
    counted: list[int] = []
    found = packs.compare(library, card, card, [1, 2, 3], lambda done: counted.append(done) is None)
    assert counted == [0, 0, 1, 2, 3, 4]
    assert (found.reports, found.decisions, found.alike) == (2, 28, 28)
    assert found.keys == frozenset()
    assert library.counts().labelled == 0
    assert packs.compare(library, card, card, [1, 2], lambda done: False).reports == 0

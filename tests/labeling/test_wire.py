"""The wire format: fixed text, single tokens, nothing of what must not be seen."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chexdesk.labeling import wire
from chexdesk.labels import CERTAINTIES, chexpert14
from chexdesk.reports.sections import choose_sections

LABELS = chexpert14()


def words_as_tokens(text: str) -> list[int]:
    """A toy tokenizer: one token a word, spaces kept apart from words."""
    return [hash(word) % 100_003 for word in text.split()] or [0]


def test_the_legend_names_every_finding_and_every_answer() -> None:
    text = wire.instruction(LABELS)
    for finding, word in zip(LABELS.findings, LABELS.words * 4, strict=False):
        assert f"{finding.marker.strip()} {finding.name.lower()}" in text
        assert word.strip() in text


def test_a_wire_has_one_marker_a_finding_and_one_answer_a_certainty() -> None:
    built = wire.build(LABELS, words_as_tokens, bos=7)
    assert built.prefix[0] == 7
    assert len(built.markers) == len(LABELS)
    assert len(built.answers) == len(CERTAINTIES)
    assert len({*built.markers, *built.answers}) == len(LABELS) + len(CERTAINTIES)


def test_a_marker_of_two_tokens_is_refused() -> None:
    with pytest.raises(wire.WireError, match="must be one"):
        wire.build(LABELS, lambda text: [1, 2])


def test_two_markers_with_one_token_are_refused() -> None:
    with pytest.raises(wire.WireError, match="share a token"):
        wire.build(LABELS, lambda text: [1])


def test_the_model_never_sees_the_history() -> None:
    text = "HISTORY: Known pneumothorax.\nFINDINGS: Lungs clear.\nIMPRESSION: No edema."
    shown = wire.report_text(text, choose_sections(text))
    assert shown == "findings: lungs clear. impression: no edema."


@given(st.text())
@example("no \u200b edema")
def test_normalizing_twice_is_normalizing_once(text: str) -> None:
    once = wire.normalize(text)
    assert wire.normalize(once) == once
    assert "\n" not in once
    assert "  " not in once


def test_what_cannot_be_seen_is_not_shown_to_the_model() -> None:
    hidden = "No\x00 effu\u200bsion\u202e.\u2028 Small\x1b\ue000\U000e0041 nodule\ufeff \x07"
    assert wire.normalize(hidden) == "no effusion. small nodule"
    assert wire.normalize("\u200b \x00") == ""
    assert wire.normalize("Ödem · 3 µm – καρδιά 心臓") == "ödem · 3 µm – καρδιά 心臓"


def test_a_terminals_control_sequence_goes_as_a_whole() -> None:
    assert wire.normalize("No edema.\x1b[2J\x1b[31m Effusion\x1b[0m.") == "no edema. effusion."

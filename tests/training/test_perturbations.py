from __future__ import annotations

import re

import pytest

from chexdesk.labeling.rules import RuleLabeler
from chexdesk.labels import Certainty
from chexdesk.reports.report import Report
from training.perturbations import KINDS, perturb

NUMBERED = (
    "1. Feeding tube tip in the stomach. Right jugular line in the low SVC.\n"
    "2. Hazy left base, which may represent atelectasis, without any pleural effusion on the long "
    "lateral view of the chest.\n"
    "3. No pneumothorax."
)
PLAIN = (
    "The heart is enlarged. No focal consolidation is seen on either side. There is possible mild "
    "edema. Sternotomy wires are intact."
)
HEADED = (
    "FINDINGS: Heart size is normal. Small right effusion.\n\n"
    "IMPRESSION: No evidence of pneumonia. Healed rib fracture."
)
MARKED = (
    "Film of [date]: tip of the XXXX tube has been removed. No consolidation, seen with dr. ___."
)
TEXTS = (NUMBERED, PLAIN, HEADED, MARKED)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def certainties(text: str) -> tuple[Certainty, ...]:
    return next(RuleLabeler().label([Report("r", text)])).certainties


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_the_same_text(kind: str) -> None:
    assert [perturb(kind, text) for text in TEXTS] == [perturb(kind, text) for text in TEXTS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_hold_on_some_text(kind: str) -> None:
    assert any(perturb(kind, text) != text for text in TEXTS)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("typos", "ragged lines")])
@pytest.mark.parametrize("text", TEXTS)
def test_what_the_report_says_stays(kind: str, text: str) -> None:
    said = certainties(text)
    assert any(certainty is not Certainty.NOT_MENTIONED for certainty in said)
    assert certainties(perturb(kind, text)) == said


@pytest.mark.parametrize("kind", ["upper case", "lower case", "white space", "ragged lines"])
@pytest.mark.parametrize("text", TEXTS)
def test_letters_stay_in_their_order(kind: str, text: str) -> None:
    assert words(perturb(kind, text)) == words(text)


def test_white_space_keeps_items_on_lines_of_their_own() -> None:
    lines = perturb("white space", NUMBERED).splitlines()
    starts = [line[:2] for line in lines if line[0].isdigit()]
    assert starts == ["1.", "2.", "3."]


def test_order_moves_whole_items_and_counts_anew() -> None:
    other = perturb("order", NUMBERED)
    assert other != NUMBERED
    assert sorted(re.sub(r"\d\. ", "", line) for line in other.splitlines()) == sorted(
        re.sub(r"\d\. ", "", line) for line in NUMBERED.splitlines()
    )
    assert [line[:3] for line in other.splitlines()] == ["1. ", "2. ", "3. "]


@pytest.mark.parametrize(
    "second", ["These are likely atelectasis.", "No definite effusion.", "Otherwise clear lungs."]
)
def test_items_that_lean_on_others_keep_their_order(second: str) -> None:
    text = f"1. Opacities at both bases.\n2. {second}"
    assert perturb("order", text) == text


def test_items_without_a_space_after_the_number_are_items() -> None:
    assert perturb("order", "1.no edema.\n \n2.clear lungs.") == "1. clear lungs.\n2. no edema."


def test_measures_are_no_items() -> None:
    text = "Nodule of 1. Another of 2.5 cm, and the first film showed 3. No more."
    assert perturb("order", text) == text


@pytest.mark.parametrize("text", TEXTS)
def test_typos_leave_deciding_words_marks_and_headings_alone(text: str) -> None:
    before, after = text.split(), perturb("typos", text).split()
    assert len(before) == len(after)
    mistyped = [a for a, b in zip(before, after, strict=True) if a != b]
    assert 1 <= len(mistyped) <= max(1, round(len(words(text)) / 12))
    decide = {"no", "without", "may", "represent", "possible", "enlarged.", "normal.", "removed."}
    assert not decide & {word.lower() for word in mistyped}
    assert not [word for word in mistyped if "[" in word or "X" in word or ":" in word]


def test_findings_and_impression_change_places() -> None:
    other = perturb("headings", HEADED)
    assert other.index("IMPRESSION") < other.index("FINDINGS")
    assert sorted(words(other)) == sorted(words(HEADED))


def test_indications_name_diseases_before_the_report() -> None:
    for text in (NUMBERED, PLAIN, HEADED):
        noisy = perturb("indication", text)
        assert noisy.endswith(text)
        assert re.match(r"INDICATION|HISTORY|CLINICAL HISTORY|REASON FOR EXAM", noisy)


def test_marks_change_their_style() -> None:
    other = perturb("marks", MARKED)
    assert sum(mark in other for mark in ("[date]", "XXXX", "___")) <= 1


def test_there_are_no_other_kinds() -> None:
    with pytest.raises(KeyError):
        perturb("sideways", PLAIN)

"""Sections: whatever way headings are written, history stays out and findings stay in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexdesk.reports.sections import (
    KEPT,
    Section,
    SectionChoice,
    SectionKind,
    choose_sections,
    parse_sections,
)

HISTORY = "65 year old with cough, rule out pneumonia and effusion"
COMPARISON = "CT of [date] showed a nodule"
FINDINGS = "Heart size is normal. There is no pneumothorax. Streaky opacity at the left base."
IMPRESSION = "Left basal opacity, may represent atelectasis."


def kept(text: str, choice: SectionChoice = SectionChoice.DEFAULT) -> str:
    return " | ".join(text[s.start : s.end] for s in choose_sections(text, choice))


def shape(text: str) -> list[tuple[str, str, str]]:
    return [(s.kind.value, s.heading, text[s.start : s.end]) for s in parse_sections(text)]


STYLES = {
    "upper, a line each": "HISTORY: {h}.\nCOMPARISON: {c}.\nFINDINGS: {f}\nIMPRESSION: {i}",
    "paragraphs": "Past History:\n{h}.\n\nComparison:\n{c}\n\nFindings:\n{f}\n\nImpression:\n{i}",
    "run in": "Indication: {h}. Comparison: {c}. Findings: {f} Impression: {i}",
    "run in, no stops": "INDICATION: {h} COMPARISON: {c} FINDINGS: {f} IMPRESSION: {i}",
    "alone on a line": "CLINICAL INFORMATION\n{h}\nCOMPARISON\n{c}\nFINDINGS\n{f}\nIMPRESSION\n{i}",
    "alone, lower case": "hx\n\n{h}\n\ncomparison\n\n{c}\n\nfindings\n\n{f}\n\nimpression\n\n{i}",
    "no mark, upper": "HISTORY {h}.\nCOMPARISON {c}.\nFINDINGS {f}\nIMPRESSION {i}",
    "no mark, lower": "history {h}\ncomparison {c}\nfindings {f}\nimpression {i}",
    "dashes": "HISTORY - {h}.\nCOMPARISON - {c}.\nFINDINGS - {f}\nIMPRESSION - {i}",
    "equals signs": "history = {h}\ncomparison = {c}\nfindings = {f}\nimpression = {i}",
    "stars": "**HISTORY:** {h}.\n**COMPARISON:** {c}.\n**FINDINGS:** {f}\n**IMPRESSION:** {i}",
    "short forms": "Hx: {h}.\nComp: {c}.\nFindings: {f}\nImp: {i}",
    "other words": "Clin. info: {h}.\nPrior studies: {c}.\nReport: {f}\nOpinion: {i}",
    "joined": "History/Indication: {h}.\nComparison/technique: {c}.\nFindings: {f}\nImpr: {i}",
    "question last": "REASON FOR EXAM: {h}?\nCOMPARED WITH: {c}.\nFINDINGS: {f}\nSUMMARY: {i}",
    "MIMIC": " FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n \n INDICATION:  ___ year old with "
    "{h}  // ? edema\n \n TECHNIQUE:  PA and lateral\n \n COMPARISON:  {c}\n \n FINDINGS: \n \n {f}"
    "\n \n IMPRESSION: \n \n {i}",
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@pytest.mark.parametrize("style", STYLES)
def test_history_is_out_and_findings_are_in(style: str, change: type[str], line_end: str) -> None:
    text = change(STYLES[style].format(h=HISTORY, c=COMPARISON, f=FINDINGS, i=IMPRESSION))
    shown = kept(text.replace("\n", line_end))
    assert change(FINDINGS) in shown
    assert change(IMPRESSION) in shown
    assert change("rule out") not in shown
    assert change("showed a nodule") not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (FINDINGS, FINDINGS),
        ("Comparison: [date]. No effusion. Heart normal.", "No effusion. Heart normal."),
        ("Exam: CHEST PORTABLE. Tubes unchanged. No edema.", "Tubes unchanged. No edema."),
        ("chest, one view. comparison: none. no edema. no effusion.", "no edema. no effusion."),
        ("cxr ap: clear lungs. no opacities.", "clear lungs. no opacities."),
        ("Chest: WNL. Mediastinum: WNL. Heart: WNL.", "WNL. Mediastinum: WNL. Heart: WNL."),
        (f"HISTORY: cough.\n{FINDINGS}", FINDINGS),
        (f"Indication: cough\nComparison: none\n{FINDINGS}", FINDINGS),
        (f"HISTORY: cough and\nfever, rule out pneumonia.\n\n{FINDINGS}", FINDINGS),
        (f"Indication: fall. Rule out fracture. {FINDINGS}", FINDINGS),
        (f"CHEST [date]\nClinical: fall. ? fracture\n{FINDINGS}\nIMP: Nil.", f"{FINDINGS} | Nil."),
        ("HISTORY: cough, fever. Rule out pneumonia.", ""),
        ("", ""),
        (" \n\t ", ""),
    ],
)  # fmt: skip
def test_findings_without_a_heading(text: str, shown: str) -> None:
    assert kept(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "1. trauma series: no fracture.\n2. chest: left apical pneumothorax.\n3. lateral spine.",
        "1. right base opacity.\n2. chest - no effusion.",
        "small effusions, better than on the prior\nexam.\n2. no edema.",
        "opacity is new in comparison to the last\nstudy\nand may be pneumonia",
        "no edema. history of lymphoma is noted, with stable nodes.",
        "the heart is enlarged: technique may contribute.",
        "Findings are consistent with edema. Comparison with the prior film shows no change.",
        "Results were called at 10:15 to the floor.",
    ],
)
def test_words_of_headings_within_sentences_hide_nothing(text: str) -> None:
    assert kept(text) == text


def test_headings_of_organs_stay_within_the_findings() -> None:
    body = "LUNGS: clear.\nHEART: normal.\nBONES: intact.\nLINES: none.\nCHEST: no deformity."
    text = f"INDICATION: cough\nFINDINGS:\n{body}\nIMPRESSION: normal"
    assert shape(text) == [
        ("indication", "INDICATION", "cough"),
        ("findings", "FINDINGS", body),
        ("impression", "IMPRESSION", "normal"),
    ]


def test_history_between_findings() -> None:
    text = "FINDINGS: no edema. CLINICAL HISTORY: effusion last year. IMPRESSION: normal."
    assert kept(text) == "no edema. | normal."


def test_impression_alone_keeps_the_text_before_it() -> None:
    text = "Heart size is normal.\n\nIMPRESSION: Normal chest."
    assert shape(text) == [
        ("body", "", "Heart size is normal."),
        ("impression", "IMPRESSION", "Normal chest."),
    ]


def test_a_title_is_not_a_finding() -> None:
    text = "CHEST, PA AND LATERAL, [date]\n\nFINDINGS: clear.\nIMPRESSION: normal."
    assert next((s.kind, s.heading) for s in parse_sections(text)) == (SectionKind.EXAM, "")


def test_choices() -> None:
    text = f"HISTORY: {HISTORY}.\nFINDINGS: {FINDINGS}\nIMPRESSION: {IMPRESSION}"
    assert kept(text, SectionChoice.ALL) == text
    assert kept(text, SectionChoice.FINDINGS) == FINDINGS
    assert kept(text, SectionChoice.IMPRESSION) == IMPRESSION
    assert kept(FINDINGS, SectionChoice.IMPRESSION) == FINDINGS


PIECES = st.sampled_from(
    [
        "HISTORY:", "Findings", "impression:", "COMPARISON", "exam - ", "chest:", "1. ", "\n", "\r",
        "\r\n", "\n\n", " ", "  ", ". ", "no effusion", "cough", "ö", "R/O pneumonia?", ":", "___",
        "technique and comparison:", "INDICATION (from chart):", "wet read", "\t", "*", "=", "(",
    ]
)  # fmt: skip


@given(st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=60)))
@settings(max_examples=400, deadline=None)
def test_sections_are_in_bounds_in_order_and_lose_nothing_but_headings(text: str) -> None:
    sections = parse_sections(text)
    place = 0
    for section in sections:
        assert place <= section.start < section.end <= len(text)
        body = text[section.start : section.end]
        assert body == body.strip()
        assert section.heading in text[place : section.start]
        place = section.end
    assert choose_sections(text) == [s for s in sections if s.kind in KEPT]
    for choice in (SectionChoice.FINDINGS, SectionChoice.IMPRESSION):
        assert set(choose_sections(text, choice)) <= set(sections)
    whole = choose_sections(text, SectionChoice.ALL)
    assert [text[s.start : s.end] for s in whole] == [text.strip()] * bool(text.strip())
    if not sections:
        assert not any(isinstance(s, Section) for s in choose_sections(text))


@pytest.mark.parametrize(
    "unit", [" ", "\n", "a. ", "_", "\n ", "( ", "history: a. ", "findings\n", "A", "chest: ", ": "]
)
def test_a_huge_text_ends(unit: str) -> None:
    """Were the work quadratic, this would not end."""
    sections = parse_sections("HISTORY: " + unit * (300_000 // len(unit)))
    assert all(section.end > section.start for section in sections)

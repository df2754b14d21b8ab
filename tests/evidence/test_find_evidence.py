"""Spans for labels that the words carry, contradict, or hardly mention."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexdesk.evidence.find import Evidence, find_evidence
from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from chexdesk.reports.sections import SectionChoice

POSITIVE, NEGATIVE, UNCERTAIN = Certainty.POSITIVE, Certainty.NEGATIVE, Certainty.UNCERTAIN
LABELS = chexpert14()


def evidence(
    text: str, choice: SectionChoice = SectionChoice.DEFAULT, **labels: Certainty
) -> Evidence:
    wanted = {name.replace("_", " "): certainty for name, certainty in labels.items()}
    certainties = [wanted.get(name, Certainty.NOT_MENTIONED) for name in LABELS.names]
    return find_evidence(text, certainties, LABELS, choice)


def quotes(text: str, found: Evidence) -> list[tuple[str, Certainty, str]]:
    return [(s.finding, s.certainty, text[s.start : s.end]) for s in found.spans]


def test_a_label_gets_every_span_that_says_it_and_no_other() -> None:
    text = "No left effusion. Small right effusion. The effusion is unchanged."
    found = evidence(text, Pleural_Effusion=POSITIVE)
    assert quotes(text, found) == [
        ("Pleural Effusion", POSITIVE, "effusion"),
        ("Pleural Effusion", POSITIVE, "effusion"),
    ]
    assert found.disagreements == ()
    assert found.reading[LABELS.index("Pleural Effusion")] is POSITIVE


def test_overlapping_spans_come_by_start() -> None:
    text = "There is no pneumothorax or pleural effusion."
    found = evidence(text, Pleural_Effusion=NEGATIVE, Pneumothorax=NEGATIVE)
    assert quotes(text, found) == [
        ("Pneumothorax", NEGATIVE, "no pneumothorax"),
        ("Pleural Effusion", NEGATIVE, "no pneumothorax or pleural effusion"),
    ]


def test_words_that_say_otherwise_keep_their_certainty_and_are_told() -> None:
    text = "Opacity may represent pneumonia."
    found = evidence(text, Lung_Opacity=POSITIVE, Pneumonia=POSITIVE)
    assert quotes(text, found)[1] == ("Pneumonia", UNCERTAIN, "may represent pneumonia")
    assert found.disagreements == (LABELS.index("Pneumonia"),)


def test_a_mention_that_the_labels_leave_out_is_a_disagreement_without_span() -> None:
    found = evidence("Moderate cardiomegaly.")
    assert found.spans == ()
    assert found.disagreements == (LABELS.index("Cardiomegaly"),)


def test_a_keyword_stands_in_where_no_rule_sees_a_mention() -> None:
    text = "HISTORY: rib pain.\nFINDINGS: Irregular third rib."
    found = evidence(text, Fracture=UNCERTAIN, Edema=POSITIVE)
    assert quotes(text, found) == [("Fracture", UNCERTAIN, "rib")]
    assert found.spans[0].start > text.index("FINDINGS")
    assert found.disagreements == (LABELS.index("Edema"), LABELS.index("Fracture"))


def test_the_verdict_is_the_evidence_that_nothing_was_found() -> None:
    text = "Lungs are clear. No acute cardiopulmonary disease."
    found = evidence(text, No_Finding=POSITIVE)
    assert quotes(text, found) == [("No Finding", POSITIVE, "No acute cardiopulmonary disease")]
    without = evidence("No effusion.", No_Finding=POSITIVE, Pleural_Effusion=NEGATIVE)
    assert [span.finding for span in without.spans] == ["Pleural Effusion"]
    assert without.disagreements == ()


def test_sections_are_chosen_as_asked() -> None:
    text = "FINDINGS: Small effusion.\nIMPRESSION: Cardiomegaly."
    found = evidence(text, SectionChoice.IMPRESSION, Cardiomegaly=POSITIVE)
    assert found.disagreements == ()
    assert quotes(text, found) == [("Cardiomegaly", POSITIVE, "Cardiomegaly")]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels"):
        find_evidence("Lungs clear.", [POSITIVE, NEGATIVE], LABELS)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["no", "effusion", "rib", "heart", "normal", "FINDINGS:", "\n", ".", "İ"])
    ),
    st.lists(st.sampled_from(CERTAINTIES), min_size=14, max_size=14),
)
def test_spans_lie_in_the_text_and_belong_to_labels_that_are_mentioned(
    words: list[str], certainties: list[Certainty]
) -> None:
    text = " ".join(words)
    found = find_evidence(text, certainties, LABELS)
    for span in found.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert certainties[LABELS.index(span.finding)] is not Certainty.NOT_MENTIONED
    for index in found.disagreements:
        assert found.reading[index] is not certainties[index]

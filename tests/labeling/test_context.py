"""What the context engine reads in sentences written for these tests."""

import pytest

from chexdesk.labeling.context import default_engine
from chexdesk.labels import Certainty
from chexdesk.reports.sections import SectionChoice, choose_sections

POSITIVE, NEGATIVE, UNCERTAIN = Certainty.POSITIVE, Certainty.NEGATIVE, Certainty.UNCERTAIN


def said(text: str) -> set[tuple[str, Certainty]]:
    spans = default_engine().find_mentions(text, choose_sections(text, SectionChoice.ALL))
    return {(span.finding, span.certainty) for span in spans}


def stretches(text: str, finding: str) -> list[str]:
    spans = default_engine().find_mentions(text, choose_sections(text))
    return [text[span.start : span.end] for span in spans if span.finding == finding]


@pytest.mark.parametrize(
    ("sentence", "finding", "certainty"),
    [
        ("small left pleural effusion.", "Pleural Effusion", POSITIVE),
        ("No pleural effusion.", "Pleural Effusion", NEGATIVE),
        ("a trace effusion cannot be excluded.", "Pleural Effusion", UNCERTAIN),
        ("the effusion has resolved.", "Pleural Effusion", NEGATIVE),
        ("near complete resolution of the effusion.", "Pleural Effusion", POSITIVE),
        ("no new effusion.", "Pleural Effusion", UNCERTAIN),
        ("no change in the large effusion.", "Pleural Effusion", POSITIVE),
        ("there is no doubt about the effusion.", "Pleural Effusion", POSITIVE),
        ("effusion?", "Pleural Effusion", UNCERTAIN),
        ("? effusion on the left", "Pleural Effusion", UNCERTAIN),
        ("blunted left costophrenic angle.", "Pleural Effusion", UNCERTAIN),
        ("patchy opacity, likely pneumonia.", "Pneumonia", POSITIVE),
        ("patchy opacity, concerning for pneumonia.", "Pneumonia", POSITIVE),
        ("patchy opacity, suspicious for pneumonia.", "Pneumonia", UNCERTAIN),
        ("no opacity to suggest pneumonia.", "Pneumonia", NEGATIVE),
        ("the scan was ordered to evaluate for pneumonia of the left lung.", "Pneumonia", None),
        ("infection can't be ruled out.", "Pneumonia", UNCERTAIN),
        ("possibly representing edema.", "Edema", UNCERTAIN),
        ("pulmonary vascularity is prominent.", "Edema", UNCERTAIN),
        ("pulmonary vascularity is normal.", "Edema", None),
        ("increased interstitial markings.", "Lung Opacity", POSITIVE),
        ("the interstitial markings are normal.", "Lung Opacity", None),
        ("a nodular density which may be a nipple shadow.", "Lung Lesion", UNCERTAIN),
        ("no suspicious lung nodule.", "Lung Lesion", NEGATIVE),
        ("healed rib fractures.", "Fracture", POSITIVE),
        ("fracture of the sternal wire.", "Fracture", None),
        ("biapical pleural thickening.", "Pleural Other", POSITIVE),
        ("subsegmental atelectasis or scarring.", "Atelectasis", UNCERTAIN),
        ("atelectasis versus early consolidation.", "Atelectasis", UNCERTAIN),
        ("atelectasis versus early consolidation.", "Consolidation", UNCERTAIN),
        ("right hydropneumothorax.", "Pneumothorax", POSITIVE),
    ],
)
def test_one_sentence(sentence: str, finding: str, certainty: Certainty | None) -> None:
    found = {c for name, c in said(sentence) if name == finding}
    assert found == ({certainty} if certainty else set())


@pytest.mark.parametrize(
    ("sentence", "heart", "mediastinum"),
    [
        ("Cardiomediastinal silhouette within normal limits.", None, NEGATIVE),
        ("Heart size normal.", NEGATIVE, None),
        ("The heart is not enlarged.", NEGATIVE, None),
        ("Heart size is at the upper limits of normal.", NEGATIVE, None),
        ("Borderline heart size.", UNCERTAIN, None),
        ("Borderline cardiomegaly.", POSITIVE, None),
        ("Stable cardiac silhouette.", UNCERTAIN, None),
        ("No enlargement of the cardiac silhouette.", NEGATIVE, None),
        ("The cardiac silhouette may be enlarged.", UNCERTAIN, None),
        ("Heart and mediastinum are normal.", NEGATIVE, NEGATIVE),
        ("Heart size, mediastinal contours and hila are within normal limits.", NEGATIVE, NEGATIVE),
        ("Normal heart size, widened mediastinum.", NEGATIVE, POSITIVE),
        ("The heart is enlarged but the mediastinum is unremarkable.", POSITIVE, NEGATIVE),
        ("The heart is large. The mediastinum is clear of masses.", POSITIVE, None),
        ("Widening of the upper mediastinum.", None, POSITIVE),
        ("Cardiomediastinal silhouette is\nunchanged.", None, UNCERTAIN),
    ],
)
def test_organs(sentence: str, heart: Certainty | None, mediastinum: Certainty | None) -> None:
    found = said(sentence)
    for finding, certainty in (
        ("Cardiomegaly", heart),
        ("Enlarged Cardiomediastinum", mediastinum),
    ):
        expected = {certainty} if certainty else set()
        assert {c for name, c in found if name == finding} == expected


def test_one_denial_runs_through_a_list() -> None:
    text = "There is no pneumothorax, pleural effusion or focal\nconsolidation."
    assert {c for _, c in said(text)} == {NEGATIVE}
    assert stretches(text, "Pneumothorax") == ["no pneumothorax"]
    assert stretches(text, "Pleural Effusion") == ["no pneumothorax, pleural effusion"]
    assert stretches(text, "Consolidation") == [text[len("There is ") : -1]]


@pytest.mark.parametrize(
    "text",
    [
        "no effusion but left basilar opacity.",
        "no effusion; left basilar opacity.",
        "no effusion, however there is left basilar opacity.",
        "no effusion, unchanged left basilar opacity.",
        "no effusion with left basilar opacity.",
        "no effusion. left basilar opacity.",
        "no effusion.left basilar opacity.",
        "1.no effusion\n2.left basilar opacity",
        "no effusion\nleft basilar opacity\nlungs well expanded, ribs intact",
    ],
)
def test_a_denial_ends(text: str) -> None:
    assert {("Pleural Effusion", NEGATIVE), ("Lung Opacity", POSITIVE)} <= said(text)


def test_a_soft_word_and_a_doubt_in_one_sentence_keep_to_their_own() -> None:
    text = "Opacity, most likely atelectasis, although superimposed infection is not excluded."
    assert said(text) == {
        ("Lung Opacity", POSITIVE),
        ("Atelectasis", POSITIVE),
        ("Pneumonia", UNCERTAIN),
    }


def test_doubt_runs_through_the_diseases_offered_but_not_back_to_the_shadow() -> None:
    text = "Bibasilar opacities may represent atelectasis, aspiration, or pneumonia."
    assert said(text) == {
        ("Lung Opacity", POSITIVE),
        ("Atelectasis", UNCERTAIN),
        ("Pneumonia", UNCERTAIN),
    }


def test_removed_devices_are_denied_and_those_that_stay_are_not() -> None:
    assert said("Interval removal of the endotracheal tube and nasogastric tube.") == {
        ("Support Devices", NEGATIVE)
    }
    assert said("The right chest tube has been removed.") == {("Support Devices", NEGATIVE)}
    assert ("Support Devices", POSITIVE) in said(
        "The right chest tube has been removed, but the left picc is unchanged."
    )


def test_removal_denies_no_disease() -> None:
    found = said("Removal of the chest tube with a small residual pneumothorax.")
    assert found == {("Support Devices", NEGATIVE), ("Pneumothorax", POSITIVE)}


def test_clips_in_the_abdomen_are_no_chest_device() -> None:
    assert said("Surgical clips in the right upper abdomen.") == set()


def test_the_verdict_is_a_mention_of_its_own() -> None:
    text = "Lungs clear. No acute cardiopulmonary abnormality."
    assert stretches(text, "No Finding") == ["No acute cardiopulmonary abnormality"]
    assert stretches("Acute cardiopulmonary process is present.", "No Finding") == []


def test_only_kept_sections_count() -> None:
    text = "INDICATION: rule out pneumonia.\nFINDINGS: Small effusion.\nIMPRESSION: Edema."
    engine = default_engine()
    both = engine.find_mentions(text, choose_sections(text))
    assert [span.finding for span in both] == ["Pleural Effusion", "Edema"]
    one = engine.find_mentions(text, choose_sections(text, SectionChoice.IMPRESSION))
    assert [span.finding for span in one] == ["Edema"]


def test_case_and_line_ends_change_nothing() -> None:
    text = "There is no focal consolidation, and mild pulmonary edema may be present."
    expected = said(text)
    assert expected == {("Consolidation", NEGATIVE), ("Edema", UNCERTAIN)}
    assert said(text.upper()) == expected
    wrapped = text.replace("pulmonary edema", "pulmonary\r\nedema")
    assert said(wrapped) == expected


def test_the_cue_is_given_as_written() -> None:
    text = "NO evidence of\npneumonia."
    (span,) = default_engine().find_mentions(text, choose_sections(text))
    assert span.cue == "NO evidence of"
    assert text[span.start : span.end] == "NO evidence of\npneumonia"


def test_heart_failure_in_a_denied_list_ends_nothing() -> None:
    text = "Negative for pneumonia, heart failure, effusion and pneumothorax."
    mentions = default_engine().find_mentions(text, choose_sections(text))
    assert len(mentions) == 4
    assert {mention.certainty for mention in mentions} == {Certainty.NEGATIVE}


def test_a_heart_that_is_described_ends_the_denial_before_it() -> None:
    text = "No pleural effusion, heart is enlarged."
    said = {
        m.finding: m.certainty for m in default_engine().find_mentions(text, choose_sections(text))
    }
    assert sorted(c.value for c in said.values()) == ["negative", "positive"]


def test_prose_may_be_wrapped_anywhere() -> None:
    text = "The heart is normal. There is no evidence of\nfocal\nconsolidation or\neffusion."
    assert ("Consolidation", NEGATIVE) in said(text)
    assert ("Pleural Effusion", NEGATIVE) in said(text)


def test_a_list_without_full_stops_has_an_item_a_line() -> None:
    found = said("no edema\neffusion on the left\nright picc")
    assert ("Edema", NEGATIVE) in found
    assert ("Pleural Effusion", POSITIVE) in found

"""The rule engine as a labeler, on reports written for this project."""

from chexdesk.labeling.context import default_engine
from chexdesk.labeling.labeler import Labeler
from chexdesk.labeling.rules import RuleLabeler, aggregate
from chexdesk.labels import Certainty, chexpert14
from chexdesk.reports.report import Report
from chexdesk.reports.sections import SectionChoice, choose_sections

POSITIVE, NEGATIVE, UNCERTAIN = Certainty.POSITIVE, Certainty.NEGATIVE, Certainty.UNCERTAIN
LABELS = chexpert14()


def labelled(text: str, choice: SectionChoice = SectionChoice.DEFAULT) -> dict[str, Certainty]:
    reading = default_engine().read(text, choose_sections(text, choice))
    certainties = aggregate(reading, LABELS, default_engine().lexicon.aside)
    pairs = zip(LABELS.names, certainties, strict=True)
    return {name: c for name, c in pairs if c is not Certainty.NOT_MENTIONED}


def test_positive_beats_uncertain_beats_negative() -> None:
    text = "No new opacity. Stable right base opacity. Possible effusion, no left effusion."
    assert labelled(text) == {"Lung Opacity": POSITIVE, "Pleural Effusion": UNCERTAIN}


def test_what_is_left_open_yields_to_any_word_on_it() -> None:
    assert labelled("Heart is stable. Heart size is normal.")["Cardiomegaly"] is NEGATIVE
    assert labelled("Heart is stable.")["Cardiomegaly"] is UNCERTAIN
    assert labelled("No new effusion. No effusion.")["Pleural Effusion"] is NEGATIVE
    assert labelled("Blunted costophrenic angle, no effusion.")["Pleural Effusion"] is NEGATIVE


def test_nothing_found_with_devices_and_incidental_items_under_a_verdict() -> None:
    text = "Right picc in place. Degenerative changes. No acute cardiopulmonary disease."
    assert labelled(text) == {"No Finding": POSITIVE, "Support Devices": POSITIVE}
    assert "No Finding" not in labelled("Degenerative changes of the spine. Lungs clear.")


def test_other_disease_leaves_it_blank_whatever_the_verdict() -> None:
    assert labelled("Emphysema. No acute cardiopulmonary disease.") == {}
    assert labelled("No adenopathy. Lungs clear.") == {"No Finding": POSITIVE}


def test_an_uncertain_finding_leaves_it_blank() -> None:
    assert labelled("Possible small pneumothorax.") == {"Pneumothorax": UNCERTAIN}


def test_a_report_like_any_other() -> None:
    text = (
        "HISTORY: pneumonia.\n\nIMPRESSION:\n1. et tube and right ij line unchanged.\n"
        "2. improved pulmonary edema, small\nbilateral effusions, no pneumothorax.\n"
        "3. retrocardiac opacity, atelectasis vs. pneumonia. stable cardiomediastinal silhouette.\n"
    )
    assert labelled(text) == {
        "Enlarged Cardiomediastinum": UNCERTAIN,
        "Lung Opacity": POSITIVE,
        "Edema": POSITIVE,
        "Pneumonia": UNCERTAIN,
        "Atelectasis": UNCERTAIN,
        "Pneumothorax": NEGATIVE,
        "Pleural Effusion": POSITIVE,
        "Support Devices": POSITIVE,
    }


def test_the_labeler_keeps_order_and_says_what_it_is() -> None:
    labeler: Labeler = RuleLabeler()
    reports = [
        Report("a", "Cardiomegaly."),
        Report("b", " \n"),
        Report("c", "", error="not a text file"),
        Report("d", "No effusion."),
    ]
    found = list(labeler.label(reports))
    labeler.close()
    labeler.close()
    assert [p.report_id for p in found] == ["a", "b", "c", "d"]
    assert [p.error for p in found] == ["", "empty report", "not a text file", ""]
    assert found[0].certainties[LABELS.index("Cardiomegaly")] is POSITIVE
    assert found[1].certainties == (Certainty.NOT_MENTIONED,) * len(LABELS)
    assert found[3].probabilities == ()
    assert labeler.model.name == "rules"
    assert labeler.model.sha256 == default_engine().lexicon.sha256
    assert labeler.model.version == default_engine().lexicon.version


def test_sections_are_chosen_as_asked() -> None:
    text = "FINDINGS: Small effusion.\nIMPRESSION: Cardiomegaly."
    assert set(labelled(text)) == {"Pleural Effusion", "Cardiomegaly"}
    assert set(labelled(text, SectionChoice.IMPRESSION)) == {"Cardiomegaly"}

"""Reports written by hand, and new ones made of their items."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexdesk.labels import CERTAINTIES, Certainty, chexpert14
from training import data, recombine, written
from training.written import Item

LABELS = chexpert14()

TEXT = """# two reports
1. new right picc. | SD+
2. edema versus infection. no effusion. | Ed? Pna? PE-
3. small left effusion. | PE+

no acute disease. | NF+
= LO-
"""


def certainty(report: written.WrittenReport, short: str) -> Certainty:
    return report.certainties(LABELS)[LABELS.index(written.short_names()[short])]


def test_items_merge_and_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    first, second = written.read(path, LABELS)
    assert certainty(first, "PE") is Certainty.POSITIVE
    assert certainty(first, "Ed") is Certainty.UNCERTAIN
    assert certainty(first, "NF") is Certainty.NOT_MENTIONED
    assert certainty(second, "LO") is Certainty.NEGATIVE
    assert certainty(second, "NF") is Certainty.POSITIVE
    assert first.text.splitlines()[0] == "1. new right picc."


@pytest.mark.parametrize(
    "line", ["no bar", "x | XX+", "x | LO*", "x | LO+ LO-", "x | NF-", " | LO+"]
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(f"fine. | LO+\n{line}\n")
    with pytest.raises(ValueError, match=r"bad\.txt:2"):
        written.read(path, LABELS)


def test_all_findings_have_a_short_name() -> None:
    assert set(written.short_names().values()) == set(LABELS.names)


def test_the_project_s_own_reports_are_well_formed() -> None:
    for path in written.FOLDER.glob("*.txt"):
        reports = written.read(path, LABELS)
        assert reports
        assert len({report.id for report in reports}) > 0.99 * len(reports)


SHORTS = st.sampled_from(["LO", "Ed", "At", "PE", "Px", "SD", "Fx"])
SAYS = st.dictionaries(SHORTS, st.sampled_from("+-?"), max_size=3)


@given(st.lists(st.lists(SAYS, min_size=1, max_size=4), min_size=2, max_size=6), st.integers(0, 99))
def test_recombined_reports_carry_the_labels_of_their_items(
    reports: list[list[dict[str, str]]], seed: int
) -> None:
    names = written.short_names()
    parts = []
    said = {}
    for place, report in enumerate(reports):
        items = []
        for number, says in enumerate(report):
            word = f"w{place}x{number}"
            said[word] = {names[s]: written.SIGNS[sign] for s, sign in says.items()}
            items.append(Item(f"{word} item", said[word]))
        merged = written.merge(LABELS, items)
        normal = all(c not in (Certainty.POSITIVE, Certainty.UNCERTAIN) for c in merged)
        parts.append(recombine.Parts(tuple(items), normal))
    abnormal = [
        item
        for part in parts
        if not part.normal
        for item in part.items
        if any(
            c in (Certainty.POSITIVE, Certainty.UNCERTAIN) and n not in LABELS.beside_no_finding
            for n, c in item.says.items()
        )
    ]
    if not abnormal:
        return
    made = recombine.recombine(parts, 5, seed, LABELS, "toy")
    assert made == recombine.recombine(parts, 5, seed, LABELS, "toy")
    for example in made:
        words = [word for word in example.text.replace(".", " ").split() if word in said]
        spoken = [name for word in words for name in said[word]]
        assert len(spoken) == len(set(spoken))
        for place, name in enumerate(LABELS.names):
            if name != LABELS.no_finding:
                want = next((said[w][name] for w in words if name in said[w]), None)
                assert CERTAINTIES[example.answers[place]] is (want or Certainty.NOT_MENTIONED)


def test_only_reports_whose_items_explain_the_labels_are_taken_apart() -> None:
    text = "1. small left pleural effusion. 2. no pneumothorax."
    answers = [CERTAINTIES.index(Certainty.NOT_MENTIONED)] * len(LABELS)
    answers[10] = CERTAINTIES.index(Certainty.POSITIVE)
    silent = data.Example("a", "x", text, tuple(answers))
    assert recombine.from_example(silent, LABELS) is None
    answers[9] = CERTAINTIES.index(Certainty.NEGATIVE)
    parts = recombine.from_example(data.Example("a", "x", text, tuple(answers)), LABELS)
    assert parts is not None
    assert [item.text for item in parts.items] == [
        "small left pleural effusion.",
        "no pneumothorax.",
    ]

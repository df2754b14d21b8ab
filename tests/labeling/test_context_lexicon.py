"""The lexicon file, its phrase language, and texts that nobody wrote."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexdesk.labeling.context import ContextEngine, Mention, default_engine
from chexdesk.labeling.context.lexicon import load
from chexdesk.labeling.context.phrases import Trie, expand
from chexdesk.labeling.context.sentences import lowered, sentences
from chexdesk.labels import Certainty, chexpert14
from chexdesk.reports.sections import SectionChoice, SectionKind, choose_sections

# As small as a lexicon can be, so that each damaged copy loads at once.
_SMALL = """
name: small
version: "1"
parts: {fluid: "effusions?|fluid"}
mentions:
  - {finding: [Pleural Effusion], kind: diagnosis, phrases: ["pleural {fluid}"]}
  - {finding: [Fracture], kind: diagnosis, phrases: ["fractures?"]}
organs: []
states: []
cues:
  - {certainty: negative, scope: forward, for: any, reach: clause, phrases: ["no"]}
terminators: []
skips: ["no doubt"]
verdicts: {denied: ["acute disease"], stated: ["nothing acute"]}
keywords: {Fracture: [rib]}
aside_for_no_finding: []
"""

_PIECES = st.sampled_from(
    ["no", "pneumothorax", "effusion", "may represent", "versus", "or", ",", ".", "\n", "heart",
     "enlarged", "normal", "removal of", "tube", "is possible", "?", "but", "FINDINGS:", "İ", "ß",
     "2.", "with", "opacity", "/", "History:", "not seen", "stable", "", "no new", ";", "’"]
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=40).map(" ".join))


def test_every_finding_but_the_verdict_has_mentions_and_keywords() -> None:
    lexicon = default_engine().lexicon
    named = {finding for entry in lexicon.entries for finding in entry.findings}
    assert named == set(chexpert14().names)
    assert set(lexicon.keywords) == named
    assert lexicon.version


def test_a_lexicon_is_known_by_the_sum_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_SMALL, encoding="utf-8")
    lexicon = load(path, chexpert14())
    assert lexicon.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    engine = ContextEngine(lexicon, chexpert14())
    text = "No pleural fluid."
    (span,) = engine.find_mentions(text, choose_sections(text))
    assert span == Mention(
        "Pleural Effusion", Certainty.NEGATIVE, 0, 16, "No", True, SectionKind.BODY
    )


@pytest.mark.parametrize(
    ("broken", "instead", "word"),
    [
        ("finding: [Fracture]", "finding: [Fractured]", "Fractured"),
        ("nothing acute", "nothing (acute", "parenthesis"),
        ("nothing acute", "pleural fluid", "two entries"),
        ("nothing acute", "{nowhere}", "nowhere"),
        ("certainty: negative", "certainty: sure", "sure"),
        ("Fracture: [rib]", "Rib: [rib]", "Rib"),
        ('version: "1"', "edition: 1", "version"),
        ("organs: []", "organs: [", "not a lexicon"),
    ],
)
def test_a_damaged_lexicon_is_refused_with_its_name(
    tmp_path: Path, broken: str, instead: str, word: str
) -> None:
    assert broken in _SMALL
    path = tmp_path / "mine.yaml"
    path.write_text(_SMALL.replace(broken, instead, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=word) as error:
        load(path, chexpert14())
    assert str(path) in str(error.value)


def test_phrases_are_written_out() -> None:
    parts = {"opacity": "opacit(y|ies)"}
    assert expand("(focal )?{opacity}", parts) == [
        ("focal", "opacity"), ("focal", "opacities"), ("opacity",), ("opacities",)
    ]  # fmt: skip
    assert expand(r"air-space a/b \?", {}) == [("air", "space", "a", "/", "b", "?")]


@pytest.mark.parametrize("phrase", ["", "(a)?", "a)", "(a", "?a", "{b}", "(a|b|c|d|e)" * 6])
def test_malformed_phrases_are_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        expand(phrase, {})


def test_the_longest_phrase_wins() -> None:
    trie: Trie[str] = Trie()
    trie.add(["no"], "denial")
    trie.add(["no", "new"], "open")
    trie.add(["no", "new", "or", "old"], "both")
    assert trie.longest(["no", "new", "or", "enlarging", "mass"], 0) == (2, "open")
    assert trie.longest(["mass", "no"], 1) == (2, "denial")
    assert trie.longest(["mass", "no"], 0) is None


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = (
        "1.no effusion. seen by dr. [name] at 6.8 cm vs. before;\n"
        "2. heart is\nnormal.lungs clear?\nribs intact"
    )
    found = [" ".join(s.words) for s in sentences(text, 0, len(text))]
    assert [f for f in found if len(f.split()) > 1] == [
        "no effusion",
        "seen by dr . [ name ] at 6.8 cm vs . before",
        "heart is normal",
        "lungs clear ?",
        "ribs intact",
    ]


@settings(deadline=None)
@given(_TEXTS)
def test_lower_case_keeps_every_place(text: str) -> None:
    assert len(lowered(text)) == len(text)


@settings(deadline=None)
@given(_TEXTS, st.sampled_from(SectionChoice))
def test_any_text_gives_spans_inside_the_kept_sections(text: str, choice: SectionChoice) -> None:
    sections = choose_sections(text, choice)
    spans = default_engine().find_mentions(text, sections)
    assert [(s.start, s.end) for s in spans] == sorted((s.start, s.end) for s in spans)
    for span in spans:
        assert any(s.start <= span.start < span.end <= s.end for s in sections)
        assert span.finding in chexpert14().names
        stretch = text[span.start : span.end]
        assert stretch.strip() == stretch
        assert span.cue in stretch

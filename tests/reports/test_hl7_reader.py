"""HL7 v2: what ORU and MDM messages of real interfaces look like, and what damaged ones give."""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path

import hl7
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexdesk.reports.read import EMPTY_REPORT, ReadError, ReadOptions, read_reports
from chexdesk.reports.readers import base, hl7_messages
from chexdesk.reports.readers import hl7 as hl7_reader
from chexdesk.reports.readers.hl7_messages import Delimiters, unescaped
from chexdesk.reports.report import Origin, Report
from chexdesk.reports.sections import choose_sections

MSH = (
    "MSH|^~\\&|RIS|HOSP|ARCH|HOSP|20250102030405||ORU^R01^ORU_R01|{control}|P|2.5.1||||||{charset}"
)
PID = "PID|1||P77^^^HOSP^MR||DOE^J"
OBR = "OBR|{n}|PL1|{filler}^RIS|71046^XR CHEST^C4||||||||||||||{accession}"


def obx(
    value: str, identifier: str = "71046&GDT^CHEST", kind: str = "TX", status: str = "F"
) -> str:
    return f"OBX|1|{kind}|{identifier}||{value}||||||{status}"


def message(*lines: str, control: str = "M1", charset: str = "", end: str = "\r") -> str:
    head = MSH.format(control=control, charset=charset)
    return end.join([head, *lines]) + end


def order(n: int = 1, filler: str = "F1", accession: str = "A1") -> str:
    return OBR.format(n=n, filler=filler, accession=accession)


def read(
    folder: Path, content: str | bytes, name: str = "feed.hl7", **options: str
) -> list[Report]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_reports([path], ReadOptions(**options)))


def text_of(folder: Path, *lines: str) -> str:
    (only,) = read(folder, message(PID, order(), *lines))
    assert not only.error
    return only.text


def test_an_order_is_a_report_with_its_identifiers(tmp_path: Path) -> None:
    lines = (PID, "ORC|RE|PL1|F1", order(), obx("FINDINGS: Clear."), "ZDS|1.2.840.7^X^Application")
    (only,) = read(tmp_path, message(*lines))
    assert (only.id, only.text) == ("A1", "FINDINGS: Clear.")
    assert only.origin == Origin("M1", "A1", "P77", "1.2.840.7")
    assert only.source == f"{tmp_path / 'feed.hl7'}, message M1, accession A1"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((order(accession="", filler="F9"), obx("x")), "F9"),
        (("ORC|RE|PL1|F7", order(accession="", filler=""), obx("x")), "F7"),
        (("OBR|1|PL3", obx("x")), "PL3"),
        (("OBR|1", obx("x")), "M1"),
        ((obx("x"),), "M1"),
    ],
)
def test_the_id_is_the_accession_else_the_next_best(
    tmp_path: Path, lines: tuple[str, ...], expected: str
) -> None:
    (only,) = read(tmp_path, message(*lines))
    assert (only.id, only.text) == (expected, "x")


def test_observations_and_notes_are_joined_in_order(tmp_path: Path) -> None:
    lines = (obx("Heart normal."), "NTE|1||A note.", obx("Lungs~clear."), obx(""), obx("End."))
    assert text_of(tmp_path, *lines) == "Heart normal.\nA note.\nLungs\nclear.\n\nEnd."


def test_a_report_in_notes_alone(tmp_path: Path) -> None:
    notes = ("NTE|1||IMPRESSION:", "NTE|2||No edema.")
    assert text_of(tmp_path, *notes) == "IMPRESSION:\nNo edema."


def test_notes_on_the_patient_are_no_report(tmp_path: Path) -> None:
    (only,) = read(tmp_path, message(PID, "NTE|1||Allergic.", order(), obx("Clear.")))
    assert only.text == "Clear."


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"a\T\b \S\ \F\ \R\ \E\ ", "a&b ^ | ~ \\ "),
        (r"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (r"\H\bold\N\ \.in+4\x\.fi\ ", "bold x "),
        (r"caf\XC3A9\ \X0D0A\.", "café \n."),
        (r"C:\temp\x", r"C:\temp\x"),
        (r"ends with \ ", "ends with \\ "),
        (r"\Z9\ own", r"\Z9\ own"),
        (r"\XZZ\ ", r"\XZZ\ "),
        (r"\.sp9999\ ", r"\.sp9999\ "),
    ],
)
def test_escape_sequences(escaped: str, text: str) -> None:
    assert unescaped(escaped, Delimiters()) == text


def test_other_delimiters(tmp_path: Path) -> None:
    content = "MSH#*+!%#A#B###20250101##ORU*R01#M2#P#2.5\rOBR#1##F2*R#X\rOBX#1#TX#X##a|b!F!c+d#\r"
    (only,) = read(tmp_path, content)
    assert (only.id, only.text) == ("F2", "a|b#c\nd")


WORDS = "Größe à gauche"


@pytest.mark.parametrize(
    ("charset", "encoding", "words"),
    [
        ("", "utf-8", WORDS),
        ("", "cp1252", WORDS),
        ("ASCII", "cp1252", WORDS),
        ("8859/1", "latin-1", WORDS),
        ("8859/1", "cp1252", "“edema” – 5"),
        ("8859/15", "iso8859-15", "5 € œdème"),
        ("8859/5", "iso8859-5", "Пневмония"),
        ("UNICODE UTF-8", "utf-8", "胸部 正常"),
        ("GB 18030-2000", "gb18030", "胸部 正常"),
        ("ISO IR87", "iso2022_jp_2", "胸部"),
        ("UNICODE UTF-8~8859/1", "utf-8", WORDS),
    ],
)
def test_character_sets(tmp_path: Path, charset: str, encoding: str, words: str) -> None:
    content = message(order(), obx(words), charset=charset).encode(encoding)
    (only,) = read(tmp_path, content)
    assert only.text == words


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_files_in_unicode(tmp_path: Path, encoding: str) -> None:
    content = message(order(), obx(WORDS), charset="8859/5" if "16" in encoding else "")
    (only,) = read(tmp_path, content.encode(encoding))
    assert only.text == WORDS


def test_line_ends_of_all_kinds_and_line_breaks_in_text(tmp_path: Path) -> None:
    for end in ("\r", "\n", "\r\n"):
        reports = read(tmp_path, message(order(), obx("one"), obx("two"), end=end) * 2)
        assert [report.text for report in reports] == ["one\ntwo"] * 2
    broken = message(order(), obx("one\n\nCXR: two\nNTE three"), obx("four") + "\rfive, lost")
    (only,) = read(tmp_path, broken)
    assert only.text == "one\n\nCXR: two\nNTE three\nfour\nfive, lost"


def test_batches_and_frames(tmp_path: Path) -> None:
    one, two = (message(order(accession=a), obx(a)) for a in ("A1", "A2"))
    batch = f"FHS|^~\\&|X\rBHS|^~\\&|X\r{one}{two}BTS|2\rFTS|1\r"
    frames = f"\x0b{one}\x1c\r\x0b{two}\x1c\r"
    for content in (batch, frames, one + "\r\n" + two):
        assert [(r.id, r.text) for r in read(tmp_path, content, "no-extension")] == [
            ("A1", "A1"),
            ("A2", "A2"),
        ]


def test_orders_of_one_message(tmp_path: Path) -> None:
    two = message(order(1, "F1", "A1"), obx("one"), order(2, "F2", "A2"), obx("two"))
    assert [(r.id, r.text) for r in read(tmp_path, two)] == [("A1", "one"), ("A2", "two")]
    # The second procedure is read in the first one's report.
    shared = message(order(1, "F1", "A1"), obx("both"), order(2, "F2", "A2"))
    assert [(r.id, r.text) for r in read(tmp_path, shared)] == [("A1", "both")]
    nameless = message("OBR|1", obx("one"), "OBR|2", obx("two"))
    assert [r.id for r in read(tmp_path, nameless)] == ["M1/1", "M1/2"]


def test_identifiers_give_headings(tmp_path: Path) -> None:
    text = text_of(
        tmp_path,
        obx("Cough, rule out pneumonia.", "18785-6^Reason for study^LN"),
        obx("Heart is large.", "59776-5^Findings^LN"),
        obx("Lungs clear.", "59776-5^Findings^LN"),
        obx("Cardiomegaly.", "71046&IMP^CHEST"),
        obx("Impression: again.", "X^Impression"),
    )
    assert text == (
        "INDICATION:\nCough, rule out pneumonia.\nFINDINGS:\nHeart is large.\nLungs clear.\n"
        "IMPRESSION:\nCardiomegaly.\nImpression: again."
    )
    shown = " ".join(text[s.start : s.end] for s in choose_sections(text))
    assert "pneumonia" not in shown
    assert "Heart is large." in shown


def test_values_that_are_no_text(tmp_path: Path) -> None:
    lines = (
        obx("X1^Pleural effusion^L", kind="CE"),
        "OBX|1|NM|CTR^Cardiothoracic ratio||0.55|ratio|||||F",
        obx("taken back", status="D"),
        obx("wrong", status="W"),
        obx("Clear."),
    )
    assert text_of(tmp_path, *lines) == (
        "Pleural effusion\nCardiothoracic ratio: 0.55 ratio\nClear."
    )


RTF = rb"{\rtf1\ansi No \b edema\b0.}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("RIS^TEXT^^Base64^" + base64.b64encode(b"Clear.").decode(), "Clear."),
        ("RIS^application^rtf^Base64^" + base64.b64encode(RTF).decode(), "No edema."),
        ("^text^html^Base64^" + base64.b64encode(b"<p>a<br>b &lt; c</p>").decode(), "a\nb < c"),
        ("^AP^^Hex^" + RTF.hex(), "No edema."),
        ("^TEXT^^A^Plain words", "Plain words"),
    ],
)
def test_embedded_documents(tmp_path: Path, value: str, text: str) -> None:
    assert text_of(tmp_path, obx(value, kind="ED")) == text
    assert text_of(tmp_path, obx(value, kind="ED"), obx("The same as text.")) == "The same as text."


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (
            (obx("^TEXT^^Base64^!!", kind="ED"),),
            "message M1: holds a document whose base64 is damaged",
        ),
        ((obx("^TEXT^^Hex^xx", kind="ED"),), "hexadecimal digits are damaged"),
        (
            (obx("^image^jpeg^Base64^" + base64.b64encode(b"\xff\xd8\0\0").decode(), kind="ED"),),
            "document that cannot be read (image/jpeg)",
        ),
        ((obx("http://x/y^RTF", kind="RP"),), "reference to a document elsewhere"),
        ((), EMPTY_REPORT),
        ((obx("  "),), EMPTY_REPORT),
    ],
)
def test_orders_without_readable_text(tmp_path: Path, lines: tuple[str, ...], error: str) -> None:
    (only,) = read(tmp_path, message(order(), *lines))
    assert error in only.error
    assert only.id == "A1"


@pytest.mark.parametrize(
    ("damaged", "error"),
    [
        ("MSH|^~\\&|||||||ADT^A01|M9\rPID|1\r", "message 2: is ADT, no result (ORU)"),
        ("MSH|^~\\&|||||||ORU^R01|M9|P|2.5||||||KLINGON\r", "MSH-18 names a character set"),
        ("MSH||||||||ORU^R01\r", "message 2: its header MSH names no usable delimiters"),
        ("MSH|\r", "message 2: its header MSH"),
    ],
)
def test_a_damaged_message_costs_one_row(tmp_path: Path, damaged: str, error: str) -> None:
    good = message(order(), obx("Clear."))
    reports = read(tmp_path, good + damaged + good)
    assert [bool(report.error) for report in reports] == [False, True, False]
    assert error in reports[1].error


def test_bytes_outside_the_named_set(tmp_path: Path) -> None:
    content = message(order(), obx("x"), charset="GB 18030-2000").encode() + b"NTE|1||\xff\xff\r"
    (only,) = read(tmp_path, content)
    assert "not in the character set that MSH-18 names" in only.error


def test_what_is_no_hl7(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a\.hl7: is not an HL7 file: no line begins with MSH"):
        read(tmp_path, "PID|1||P77\rOBX|1|TX|||Clear.\r", "a.hl7")
    with pytest.raises(ReadError, match=r"feed\.txt: is not an HL7 file"):
        read(tmp_path, "Clear.", "feed.txt", format="hl7")
    for text in ("MSH is a hospital. No edema.", "BHS/north. No edema.", "MSH|"):
        (only,) = read(tmp_path, text, "a.txt")
        assert only.text == text


def test_messages_beyond_the_limit_cost_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7_messages, "LARGEST_MESSAGE", 1 << 20)
    good, large = message(order(), obx("Clear.")), message(order(), obx("x" * (3 << 20)))
    many = message(order(), *[obx("")] * 70_000)
    reports = read(tmp_path, good + large + good + many + good)
    assert [bool(report.error) for report in reports] == [False, True, False, True, False]
    assert "message 2: has more than 1 MB or" in reports[1].error


@pytest.mark.skipif(sys.platform != "linux", reason="makes a pipe that holds a megabyte")
def test_messages_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    pipe = tmp_path / "feed"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    try:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(end, b"".join(message(order(), obx("x" * 600)).encode() for _ in range(250)))
        stream = read_reports([pipe], ReadOptions(format="hl7"))
        assert [next(stream).id for _ in range(20)] == ["A1"] * 20
        stream.close()
    finally:
        os.close(end)


FIELD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: bool(text.strip())
)


@given(texts=st.lists(FIELD, min_size=1, max_size=4), ident=FIELD)
@settings(max_examples=40, deadline=None)
def test_what_python_hl7_escapes_comes_back(texts: list[str], ident: str) -> None:
    """python-hl7 writes the message; none of its text is lost or changed."""
    written = hl7.parse(message(order(accession=""), *(obx("") for _ in texts)))
    for number, text in enumerate(texts, start=0):
        # Its own escape writes non-ASCII letters as escapes of two bytes each; these stay letters.
        escaped = "".join(written.escape(c) if c in "|^~\\&" else c for c in text)
        written.segments("OBX")[number].assign_field(escaped, 5)
    written.segment("OBR").assign_field(
        "".join(written.escape(c) if c in "|^~\\&" else c for c in ident), 18
    )
    content = str(written).encode()
    source = base.Source("feed.hl7", "feed.hl7", io.BytesIO(content), content[:65536], None)
    (only,) = hl7_reader.open_source(source).reports
    assert only.text == "\n".join(texts)
    assert only.id == ident.strip()

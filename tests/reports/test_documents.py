"""Word, PDF and RTF: their oddities, and files that are damaged or hostile."""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from pathlib import Path

import pytest
from sample_texts import SAMPLES

from chexdesk.reports.read import ReadError, read_reports
from chexdesk.reports.readers import documents, markup, parsing, pdf, rtf, word
from chexdesk.reports.report import Report

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="{target}"/></Relationships>'
)


def packed(parts: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


def wordy(body: str, front: str = "", target: str = "word/document.xml") -> bytes:
    return packed(
        {
            "_rels/.rels": RELATIONS.format(target=target),
            target.removeprefix("/"): f'{front}<w:document xmlns:w="{W}" xmlns:mc="{MC}"><w:body>'
            f"{body}</w:body></w:document>",
        }
    )


def read(folder: Path, name: str, content: bytes) -> list[Report]:
    (folder / name).write_bytes(content)
    return list(read_reports([folder / name]))


def run(text: str, properties: str = "") -> str:
    return f"<w:r>{properties}<w:t>{text}</w:t></w:r>"


VANISH = "<w:rPr><w:vanish/></w:rPr>"
NO_VANISH = '<w:rPr><w:vanish w:val="0"/></w:rPr>'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:p>{run('a')}<w:r><w:br/><w:tab/></w:r>{run('b')}</w:p><w:p/>", "a\n\tb"),
        ("<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t></w:r></w:p>", "a"),
        (f"<w:sdt><w:sdtContent><w:p>{run('in a control')}</w:p></w:sdtContent></w:sdt>",
         "in a control"),
        (f"<w:p><w:hyperlink>{run('link')}</w:hyperlink><w:ins>{run(' new')}</w:ins></w:p>",
         "link new"),
        (f"<w:p><w:moveFrom>{run('old ')}</w:moveFrom><w:moveTo>{run('moved')}</w:moveTo></w:p>",
         "moved"),
        (f"<w:p>{run('a')}{run('hidden', VANISH)}{run('b', NO_VANISH)}</w:p>", "ab"),
        ("<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r>"
         "</w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>box</w:t>"
         "</w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>", "box"),
        (f"<w:p>{run('a &lt; b')}<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>", "a < b"),
    ],
)  # fmt: skip
def test_word_text(body: str, text: str) -> None:
    assert word.text_of(wordy(body), "x") == text


def test_word_part_of_another_name() -> None:
    found = wordy(f"<w:p>{run('there')}</w:p>", target="/word/document2.xml")
    assert word.text_of(found, "x") == "there"


LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 no zip word/", "is damaged or not a Word file"),
        (b"words", "is damaged or not a Word file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "an old one, or one with a password"),
        (wordy("<w:p/>")[:-30], "is damaged or not a Word file"),
        (packed({"word/other.xml": "<a/>"}), r"no word/document\.xml in it"),
        (wordy("<w:p>"), r"cannot be read \(ParseError\)\. Open it in Word"),
        (wordy(f"<w:p>{run('&amp;')}</w:p>", LAUGHS), r"cannot be read \(DTDForbidden\)"),
        (wordy(f"<w:p>{run('x')}</w:p>", OUTSIDE), r"cannot be read \(DTDForbidden\)"),
    ],
)
def test_word_files_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.docx: .*{message}"):
        read(tmp_path, "a.docx", content)


def zeros(name: str, megabytes: int) -> bytes:
    """A zip that unpacks to so much, and is a thousandth of it itself."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
        package.open(name, "w") as part,
    ):
        for _ in range(megabytes):
            part.write(bytes(1 << 20))
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["word/document.xml", "word/media/image1.bmp"])
def test_word_that_unpacks_to_too_much(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word, "LARGEST_BODY", 4 << 20)
    monkeypatch.setattr(word, "UNPACKED_AT_MOST", 8 << 20)
    with pytest.raises(ReadError, match=r"a\.docx: is a Word file .*more than \d+ MB.*Split"):
        read(tmp_path, "a.docx", zeros(name, 6 if name.endswith(".xml") else 10))


def test_a_lying_size_does_not_get_past_the_limit() -> None:
    """The directory says ten bytes: no more than those are unpacked."""
    honest = bytearray(zeros("word/document.xml", 4))
    entry = honest.rindex(b"PK\x01\x02")
    honest[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    with pytest.raises(ReadError, match="x: is a Word file that cannot be read"):
        word.text_of(bytes(honest), "x")


def printed(text: bytes, *, compress: bool = True, extra: bytes = b"") -> bytes:
    """A PDF with one page of one stream, made by hand."""
    content = text if text.startswith(b"BT") else b"BT /F1 12 Tf 72 700 Td (" + text + b") Tj ET"
    stream = zlib.compress(content) if compress else content
    filters = b"/Filter /FlateDecode " if compress else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font "
        b"<< /F1 5 0 R >> >> >>",
        b"<< " + filters + b"/Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer << /Size 6 /Root 1 0 R " + extra
    return out + b">>\nstartxref\n%d\n%%%%EOF\n" % start


def test_pdf_text() -> None:
    assert pdf.text_of(printed(b"Gr\xf6\xdfe: no edema \\(stable\\)."), "x") == (
        "Größe: no edema (stable)."
    )


def with_password(user: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(printed(b"No edema."))))
    writer.encrypt(user, "owner", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_pdf_that_may_be_read_without_a_password() -> None:
    assert pdf.text_of(with_password(""), "x") == "No edema."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"words", "is damaged or not a PDF"),
        (b"%PDF-1.7", r"cannot be read \(\w+\)"),
        (printed(b"No edema.")[:300], r"cannot be read \(\w+\)"),
        (printed(b" "), r"without a text layer: a scan.*OCR"),
        (printed(b"BT ET"), "without a text layer"),
        (with_password("secret"), "with a password. Save it without one"),
        (printed(b"x", extra=b"/Encrypt << /Filter /Standard /V 5 /R 6 >> "), "cannot be read"),
        (printed(b"BT (" + bytes(40 << 20) + b") Tj ET"), "unpacks to more than 32 MB"),
    ],
)
def test_pdf_files_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.pdf: .*{message}"):
        read(tmp_path, "a.pdf", content)


def test_pdf_of_too_many_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_OPERATIONS", 1000)
    with pytest.raises(ReadError, match="x: is a PDF of more than 1,000 drawing operations"):
        pdf.text_of(printed(b"BT " + b"(a) Tj " * 2000 + b"ET"), "x")


def test_pdf_that_draws_one_stream_again_and_again() -> None:
    """Two hundred pages of one stream of numbers: hours of work, in a file of some kilobytes."""
    from pypdf import PdfReader, PdfWriter

    page = PdfReader(io.BytesIO(printed(b"BT " + b"1 " * 400_000 + b"ET"))).pages[0]
    writer = PdfWriter()
    for _ in range(pdf.MOST_PAGES):
        writer.add_page(page)
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(ReadError, match="x: is a PDF with more than 4 MB of drawing"):
        pdf.text_of(buffer.getvalue(), "x")


def test_pdf_of_too_many_pages() -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    for _ in range(pdf.MOST_PAGES + 1):
        writer.add_blank_page(100, 100)
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(ReadError, match="x: is a PDF of more than 200 pages"):
        pdf.text_of(buffer.getvalue(), "x")


def test_the_librarys_warnings_are_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = printed(b"No edema.").replace(b"startxref\n", b"startxref\n9")
    assert read(tmp_path, "a.pdf", broken)[0].text == "No edema."
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"a\par b\line c\tab d\'e9", "a\nb\nc\tdé"),
        (rb"{\header\pard\plain Name}{\*\unknown x}{\pict ffd8}b", "b"),
        (rb"{\v hidden}{\v0 shown}{\plain also}", "shownalso"),
        (rb"{\header {\v0 x}}y", "y"),
        (rb"\u8211?\u-10179?\u-8704?\uc0\u228 \uc2\u228ab.", "–😀ää."),
        (rb"{\f1\'cf\'f0}{\f0\'cf}", "ПрÏ"),
        (rb"\ansicpg932\f2\'93\'fa", "日"),
        (rb"{\*\shppict{\pict 00}}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link"),
        (rb"{\pict\bin5 }}}}}x}y", "y"),
        (rb"\trowd a\cell b\cell\row c", "a\tb\t\nc"),
        (rb"a\\b \{c\}\~d\_e", "a\\b {c}\xa0d\u2011e"),
        (b"a\r\nb\\\r\nc", "ab\nc"),
        (rb"{\upr{x}{\*\ud{\u120?}}}", "x"),
    ],
)
def test_rtf_text(body: bytes, text: str) -> None:
    front = rb"{\rtf1\ansi\deff0{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}"
    assert rtf.text_of(front + body + b"}", "x") == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"words", "is not a rich text file"),
        (rb"{\rtf1 No edema", r"breaks off before its end \(1 groups open\)"),
        (rb"{\rtf1 {\b x}", "breaks off"),
        (rb"{\rtf1 \bin99999999 x}", "breaks off"),
        (b"{\\rtf1 x\\", "breaks off"),
    ],
)
def test_rtf_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=rf"a\.rtf: .*{message}"):
        read(tmp_path, "a.rtf", content)


@pytest.mark.parametrize("unit", [b"{", b"\\b", b"{\\*\\x ", b"\\'e9", b"\\u1?", b"\\bin1 ", b"}"])
def test_a_huge_rtf_ends(unit: bytes) -> None:
    """Were the work quadratic, this would not end."""
    with contextlib.suppress(ReadError):
        rtf.text_of(b"{\\rtf1 " + unit * 50_000 + b"}", "x")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("<p>One<br/>two</p><p>three &amp; four&nbsp;x</p>", "One\ntwo\n\nthree & four\xa0x"),
        ("<html><head><title>T</title></head><body><b>a</b> b</body>", "a b"),
        ("<script>x<y</script>a<!-- no > <p> -->b<style>c</style>", "ab"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a\tb"),
        ("heart < 50 % and > 5 mm <b>clear", "heart < 50 % and > 5 mm clear"),
        ("a <!-- never closed", "a"),
        ("a <b never closed", "a <b never closed"),
        ('<!DOCTYPE d [<!ENTITY a "ha">]>&a;', "]>&a;"),
    ],
)
def test_markup(given: str, text: str) -> None:
    assert markup.plain_text(given).replace("\t\n", "\n").strip() == text


@pytest.mark.parametrize(
    "unit", ["<", "<!--", "<script>", "<p", "</script", "&lt", "<a b='", "\n "]
)
def test_a_huge_markup_ends(unit: str) -> None:
    """Were the work quadratic, this would not end."""
    assert isinstance(markup.plain_text("<p>" + unit * 50_000), str)


def test_documents_by_kind() -> None:
    latin = "é".encode("latin-1")
    assert documents.text_of(latin, "text/plain; charset=iso-8859-1", "x") == "é"
    assert documents.text_of(b"\xef\xbb\xbfa", "", "x") == "a"
    assert documents.text_of(b"{\\rtf1 a}", "application/octet-stream", "x") == "a"
    assert documents.text_of((SAMPLES / "report.docx").read_bytes(), "", "x").startswith("HISTORY")
    for data, media, message in (
        (b"\xff\xd8", "image/jpeg", r"cannot be read \(image/jpeg\)"),
        (b"<a/>", "text/xml", r"cannot be read \(text/xml\)"),
        (b"a\0b", "text/plain", "cannot be read"),
        (b"\xff", "text/plain; charset=shift_jis", "not in the character set it names"),
        (b"a", "text/plain; charset=punycode", "not in the character set it names"),
        (b"a", "text/plain; charset=nonsense", "not in the character set it names"),
    ):
        with pytest.raises(ReadError, match=f"x: .*{message}"):
            documents.text_of(data, media, "x")


def test_documents_of_any_kind_have_a_largest_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.rtf"
    with path.open("wb") as file:
        file.write(rb"{\rtf1 ")
        file.truncate(parsing.LARGEST_DOCUMENT + 1)
    with pytest.raises(ReadError, match=r"a\.rtf: is a rich text file of more than 64 MB"):
        list(read_reports([path]))
    monkeypatch.setattr(parsing, "LARGEST_DOCUMENT", 10)
    with pytest.raises(ReadError, match="holds a document of more than"):
        documents.from_base64("A" * 20, "x")

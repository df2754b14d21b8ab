"""Damage done to real files, and the one promise of all readers: reports or a `ReadError`.

test_fuzz_readers.py tries some hundred files a format; benchmarks/fuzz_readers.py as many as there
is time for.
"""

from __future__ import annotations

import io
import zipfile
from random import Random

from sample_texts import SAMPLES

from chexdesk.reports.readers import base, registry
from chexdesk.reports.readers.decoding import HEAD_BYTES

#: Format -> samples to start from.
SEEDS: dict[str, tuple[str, ...]] = {
    "docx": ("report.docx",),
    "pdf": ("report.pdf",),
    "rtf": ("report.rtf",),
    "xlsx": ("reports.xlsx",),
    "parquet": ("reports.parquet",),
    "hl7": ("feed.hl7",),
    "fhir": ("report.fhir.json", "bundle.json", "export.ndjson"),
    "dicom": ("report.dcm", "pdf.dcm"),
    "openi": ("CXR1.xml",),
    "mimic": ("files/p10/p10000001/s50000001.txt",),
}
#: Bytes that parsers of these formats give a meaning to.
_SIGNIFICANT = (
    b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"{", b"}", b"\\", b"<", b">", b"&", b"|", b"^", b"~",
    b"\r", b"\n", b'"', b"]", b"[", b"\\u1", b"\\bin9", b"99999999", b"-1", b"obj", b"stream",
    b"<!DOCTYPE a>", b"&a;", b"MSH|^~\\&|", b"OBX|", b"PK\x03\x04", b"\x1c\r", b"%PDF-",
)  # fmt: skip
#: So many reports of one small file are more than it can hold.
_ENDLESS = 5_000_000


def seeds(kind: str) -> list[bytes]:
    """The samples of a format."""
    return [(SAMPLES / name).read_bytes() for name in SEEDS[kind]]


def damaged(data: bytes, chance: Random) -> bytes:
    """The bytes with a few changes of a kind that breaks parsers."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(changed) + 1)
        end = min(len(changed), place + chance.choice((1, 4, 32, 512)))
        action = chance.randrange(6)
        if action == 0 and end > place:
            changed[place] = chance.randrange(256)
        elif action == 1:
            del changed[place:end]
        elif action == 2:
            changed[place:place] = chance.choice(_SIGNIFICANT)
        elif action == 3:
            changed[place:place] = changed[place:end] * chance.choice((1, 2, 50))
        elif action == 4:
            changed[place:end] = chance.choice(_SIGNIFICANT)
        else:
            del changed[chance.randrange(len(changed) + 1) :]
        if not changed:
            return b""
    return bytes(changed)


def damaged_inside(data: bytes, chance: Random) -> bytes:
    """A zip package with one of its parts damaged; other files as `damaged` damages them.

    Damage to the bytes of a zip is mostly caught by its checksums; parts come through.
    """
    if not data.startswith(b"PK") or chance.random() < 0.2:
        return damaged(data, chance)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        names = [name for name in old.namelist() if name.endswith((".xml", ".rels"))]
        wanted = chance.choice(names)
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, damaged(content, chance) if name == wanted else content)
    return buffer.getvalue()


def check(kind: str, data: bytes) -> int:
    """Read bytes as a format.

    Returns:
        The number of reports; -1 where the reader refused.

    Raises:
        AssertionError: a report has both text and error, or neither, or does not end.
        Exception: whatever else a reader lets through.
    """
    reader = registry.by_name(kind)
    source = base.Source("fuzz", "fuzz", io.BytesIO(data), data[:HEAD_BYTES], None)
    count = 0
    try:
        for report in reader.open(source).reports:
            assert bool(report.error) != bool(report.text)
            for each in (report.id, report.text, report.source, report.error):
                each.encode()
            count += 1
            assert count < _ENDLESS
    except base.ReadError as error:
        str(error).encode()
        return -1
    return count

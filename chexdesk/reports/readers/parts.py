"""What codes and names say of a part of a report, for carriers that send it in parts."""

from __future__ import annotations

from typing import Final

from chexdesk.reports.headings import SectionKind, find_headings, kind_of

#: LOINC (as in DICOM PS3.20), DICOM's own codes (PS3.16, DCM), and the suffixes of observation
#: identifiers (HL7 v2.5.1, chapter 7).
_KINDS: Final = {
    "59776-5": SectionKind.FINDINGS, "121070": SectionKind.FINDINGS,
    "121071": SectionKind.FINDINGS,
    "19005-8": SectionKind.IMPRESSION, "55110-1": SectionKind.IMPRESSION,
    "IMP": SectionKind.IMPRESSION, "121072": SectionKind.IMPRESSION,
    "121073": SectionKind.IMPRESSION, "121076": SectionKind.IMPRESSION,
    "121077": SectionKind.IMPRESSION, "121111": SectionKind.IMPRESSION,
    "18834-2": SectionKind.COMPARISON, "55114-3": SectionKind.COMPARISON,
    "121066": SectionKind.COMPARISON, "121068": SectionKind.COMPARISON,
    "18785-6": SectionKind.INDICATION, "59768-2": SectionKind.INDICATION,
    "121062": SectionKind.INDICATION, "121109": SectionKind.INDICATION,
    "11329-0": SectionKind.HISTORY, "121060": SectionKind.HISTORY,
    "55111-9": SectionKind.TECHNIQUE, "121064": SectionKind.TECHNIQUE,
    "121065": SectionKind.TECHNIQUE,
    "18783-1": SectionKind.BODY, "55107-7": SectionKind.BODY, "121074": SectionKind.BODY,
    "121075": SectionKind.BODY, "121078": SectionKind.BODY, "REC": SectionKind.BODY,
    "ADT": SectionKind.BODY,
}  # fmt: skip
_HEADINGS: Final = {
    SectionKind.FINDINGS: "FINDINGS", SectionKind.IMPRESSION: "IMPRESSION",
    SectionKind.COMPARISON: "COMPARISON", SectionKind.INDICATION: "INDICATION",
    SectionKind.HISTORY: "HISTORY", SectionKind.TECHNIQUE: "TECHNIQUE",
    SectionKind.BODY: "COMMENT", SectionKind.EXAM: "EXAM",
}  # fmt: skip
_HEADING_WITHIN: Final = 200


def part_of(*codes: str, name: str = "") -> SectionKind | None:
    """What a part is, by the first code that is known, else by its name; None where neither says.

    Args:
        codes: LOINC, DCM or HL7 suffixes.
        name: the part's name in words, as "Impression".
    """
    for code in codes:
        kind = _KINDS.get(code.strip().upper())
        if kind is not None:
            return kind
    kind = kind_of(name)
    return kind if kind in _HEADINGS else None


class Joined:
    """A report put together from parts; a part gets its heading unless it begins with one."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._part: SectionKind | None = None

    def add(self, lines: list[str], part: SectionKind | None = None) -> None:
        """Add lines of one part."""
        if any(line.strip() for line in lines):
            if part is not None and part is not self._part and not _headed(lines[0]):
                self._lines.append(f"{_HEADINGS[part]}:")
            self._part = part
        self._lines += lines

    def text(self) -> str:
        """All of it, without empty lines around it."""
        return "\n".join(self._lines).strip("\n")


def _headed(text: str) -> bool:
    """Whether a text begins with a heading of its own."""
    headings = find_headings(text[:_HEADING_WITHIN])
    return bool(headings) and not text[: headings[0].start].strip()

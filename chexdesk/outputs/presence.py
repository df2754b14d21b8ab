"""A certainty as coded value: DICOM PS3.16, context group 240 (Present, Absent, Undetermined)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chexdesk.labels import Certainty


@dataclass(frozen=True)
class Presence:
    """A SNOMED CT code and its meaning."""

    code: str
    meaning: str


PRESENCE: Final = {
    Certainty.POSITIVE: Presence("52101004", "Present"),
    Certainty.NEGATIVE: Presence("272519000", "Absent"),
    Certainty.UNCERTAIN: Presence("373068000", "Undetermined"),
}

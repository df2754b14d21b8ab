"""Preferences as training data: pairs that TRL's RewardTrainer reads as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO

from chexdesk.labeling import wire
from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.reports.report import Report
from chexdesk.reports.sections import choose_sections
from chexdesk.services.library import Library, Preference
from chexdesk.services.wholefile import whole_file
from chexdesk.store.comparisons import CHOICE, NEITHER


def export_preferences(library: Library, out: Path | IO[str]) -> int:
    """Write every preference as a line of JSON, rendered into the wire format of today.

    Each has `prompt`, `chosen`, `rejected` (strings; a completion follows its prompt directly),
    `source`, `weight` and `id`. A pair that was made twice is written once; so is one whose report
    reads the same to the model as another's. Answers that found neither better are no pairs, nor
    are choices that were made both ways round.

    Returns:
        How many lines were written.

    Raises:
        OSError: the file cannot be written.
        StoreError: the library cannot be read.
    """
    written: set[bytes] = set()
    with whole_file(out) as stream:
        for report, preference in _settled(library.preferences()):
            pair = {
                "prompt": render_prompt(library.label_set, report.text),
                "chosen": render_completion(library.label_set, preference.chosen),
                "rejected": render_completion(library.label_set, preference.rejected),
            }
            digest = hashlib.sha256(json.dumps(pair).encode()).digest()
            if pair["chosen"] == pair["rejected"] or digest in written:
                continue
            written.add(digest)
            row = {
                **pair,
                "source": preference.source,
                "weight": preference.weight,
                "id": report.id,
            }
            stream.write(json.dumps(row) + "\n")
    return len(written)


def _settled(
    preferences: Iterable[tuple[Report, Preference]],
) -> Iterator[tuple[Report, Preference]]:
    """Those that say which side is better, and are not taken back by their own opposite."""
    for _, group in groupby(preferences, key=lambda pair: pair[1].key):
        own = [pair for pair in group if pair[1].source != NEITHER]
        said = {(preference.chosen, preference.rejected) for _, preference in own}
        for report, preference in own:
            reverse = (preference.rejected, preference.chosen)
            if preference.source != CHOICE or reverse not in said:
                yield report, preference


def render_prompt(label_set: LabelSet, text: str) -> str:
    """All that the model reads before the first marker, for a whole report as given."""
    shown = wire.report_text(text, choose_sections(text))
    return wire.instruction(label_set) + shown + wire.close()


def render_completion(label_set: LabelSet, decisions: tuple[Certainty, ...]) -> str:
    """Each finding's marker and the word of its certainty, in label order."""
    return "".join(
        finding.marker + label_set.words[CERTAINTIES.index(certainty)]
        for finding, certainty in zip(label_set.findings, decisions, strict=True)
    )

"""Files of preferences: decisions and keys of reports, and never a report's text.

`*.jsonl`. The first line says where the reports' texts are; every other line is a pair. Texts are
looked up there when pairs are read for training, so pairs outlive a new prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chexdesk.labels import CERTAINTIES, Certainty, LabelSet
from chexdesk.services.preferences import render_completion
from chexdesk.services.wholefile import whole_file
from training import data
from training.data import Example, SourceSpec
from training.rlhf import exported
from training.rlhf.pairs import KINDS, SOURCES, Answers, Preference, key


class PairFileError(ValueError):
    """A file holds no preferences; the message names file and line."""


@dataclass(frozen=True)
class Pairs:
    """Preferences, and where the texts of their reports are.

    Attributes:
        reports: sets of labelled reports. exports: files of `chexdesk preferences export`.
    """

    preferences: tuple[Preference, ...]
    reports: tuple[SourceSpec, ...]
    exports: tuple[Path, ...]

    def examples(self, label_set: LabelSet) -> list[Example]:
        """The labelled reports that have preferences, each text once.

        Raises:
            FileNotFoundError: a set is absent.
        """
        wanted = {preference.report for preference in self.preferences}
        found: dict[str, Example] = {}
        for spec in self.reports:
            for example in data.read(spec, label_set):
                name = key(example.text)
                if name in wanted:
                    found.setdefault(name, example)
        return list(found.values())

    def texts(self, label_set: LabelSet) -> dict[str, str]:
        """What the model reads of each report that has preferences, by `Preference.report`.

        Raises:
            FileNotFoundError: a set or an exported file is absent.
            PairFileError: a text is no longer where it was.
        """
        found = {key(example.text): example.text for example in self.examples(label_set)}
        for path in self.exports:
            found |= exported.read(path, label_set)[1]
        missing = {p.origin for p in self.preferences if p.report not in found}
        if missing:
            raise PairFileError(
                f"reports of {', '.join(sorted(missing))} changed or are gone; build the pairs anew"
            )
        return found


def write(path: Path, pairs: Pairs, label_set: LabelSet) -> None:
    """Write a file of preferences; it appears whole or not at all."""
    header = {
        "label_set": label_set.name,
        "reports": [asdict(spec) for spec in pairs.reports],
        "exports": [str(export) for export in pairs.exports],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        stream.write(json.dumps(header) + "\n")
        for preference in pairs.preferences:
            row = asdict(preference)
            row["chosen"] = _numbers(preference.chosen)
            row["rejected"] = _numbers(preference.rejected)
            stream.write(json.dumps(row, separators=(",", ":")) + "\n")


def read(path: Path, label_set: LabelSet) -> Pairs:
    """Read a file of preferences.

    Raises:
        PairFileError: it is absent or none, or is of another label set.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise PairFileError(
            f"{path} cannot be read ({error.strerror}); python -m training.preferences build "
            "makes it"
        ) from error
    number = 1
    try:
        header = json.loads(lines[0])
        if header["label_set"] != label_set.name:
            raise PairFileError(f"{path} is of {header['label_set']}, not {label_set.name}")
        reports = tuple(SourceSpec(**spec) for spec in header["reports"])
        exports = tuple(Path(export) for export in header["exports"])
        preferences = []
        for number, line in enumerate(lines[1:], 2):  # noqa: B007 - named in the error below
            preferences.append(_preference(json.loads(line), label_set))
    except PairFileError:
        raise
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise PairFileError(f"{path}:{number}: no preference ({error!r})") from error
    return Pairs(tuple(preferences), reports, exports)


def render(path: Path, pairs: Pairs, label_set: LabelSet) -> int:
    """Write pairs with their texts in the wire format of today, as the app exports its own.

    Returns:
        How many.

    Raises:
        PairFileError: a report's text is no longer where it was.
    """
    texts = pairs.texts(label_set)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        for preference in pairs.preferences:
            row = {
                "prompt": exported.prompt(label_set, texts[preference.report]),
                "chosen": render_completion(label_set, _certainties(preference.chosen)),
                "rejected": render_completion(label_set, _certainties(preference.rejected)),
                "source": preference.source,
                "weight": preference.weight,
                "id": preference.id,
            }
            stream.write(json.dumps(row) + "\n")
    return len(pairs.preferences)


def _preference(row: dict[str, Any], label_set: LabelSet) -> Preference:
    sides = {side: _answers(row[side], label_set) for side in ("chosen", "rejected")}
    found = Preference(**{**row, **sides})
    if found.source not in SOURCES or found.kind not in KINDS or not found.weight > 0:
        raise ValueError(f"source {found.source!r}, kind {found.kind!r}, weight {found.weight!r}")
    return found


def _answers(numbers: Sequence[float | None], label_set: LabelSet) -> Answers:
    if len(numbers) != len(label_set):
        raise ValueError(f"{len(numbers)} decisions, not {len(label_set)}")
    return tuple(CERTAINTIES.index(Certainty.from_number(number)) for number in numbers)


def _numbers(answers: Answers) -> list[int | None]:
    return [certainty.value_number for certainty in _certainties(answers)]


def _certainties(answers: Answers) -> tuple[Certainty, ...]:
    return tuple(CERTAINTIES[answer] for answer in answers)

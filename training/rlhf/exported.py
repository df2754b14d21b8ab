"""Files of `chexdesk preferences export`: rendered pairs, read back as decisions."""

from __future__ import annotations

import json
from pathlib import Path

from chexdesk.labeling import wire
from chexdesk.labels import LabelSet
from training.rlhf import pairs
from training.rlhf.pairs import SOURCES, Answers, Costs, Preference


class ExportedError(ValueError):
    """A file is no export of preferences; the message names file and line, and no report text."""


def prompt(label_set: LabelSet, text: str) -> str:
    """All that the model reads before the first marker, for a text as `wire.report_text` gives."""
    return wire.instruction(label_set) + text + wire.close()


def read(
    path: Path, label_set: LabelSet, costs: Costs | None = None
) -> tuple[list[Preference], dict[str, str]]:
    """The preferences of a file, and the text of each report by its key.

    What is preferred is taken for the truth: it is a person's correction or choice.

    Args:
        costs: of errors, by which the heaviest is found.

    Raises:
        FileNotFoundError: the file is absent.
        ExportedError: a line is no pair in the wire format of today.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; chexdesk preferences export writes it")
    found: list[Preference] = []
    texts: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                text = _text(label_set, row["prompt"])
                chosen = _answers(label_set, row["chosen"])
                rejected = _answers(label_set, row["rejected"])
                source, weight = str(row["source"]), float(row["weight"])
                if source not in SOURCES or not weight > 0:
                    raise ValueError(f"source {source!r}, weight {weight!r}")
                kind = pairs.kind(chosen, chosen, rejected, costs or Costs())
            except (KeyError, TypeError, ValueError) as error:
                raise ExportedError(
                    f"{path}:{number}: no preference in today's wire format ({error}); "
                    "export it anew"
                ) from error
            name = pairs.key(text)
            texts[name] = text
            found.append(
                Preference(name, str(row["id"]), path.stem, chosen, rejected, source, weight, kind)
            )
    return found, texts


def _text(label_set: LabelSet, prompt: str) -> str:
    start, end = wire.instruction(label_set), wire.close()
    if not prompt.startswith(start) or not prompt.endswith(end):
        raise ValueError("another prompt")
    return prompt[len(start) : len(prompt) - len(end)]


def _answers(label_set: LabelSet, completion: str) -> Answers:
    rest = completion
    found: list[int] = []
    for finding in label_set.findings:
        opened = rest.removeprefix(finding.marker)
        fits = [answer for answer, word in enumerate(label_set.words) if opened.startswith(word)]
        if opened == rest or not fits:
            raise ValueError("another completion")
        # One word may begin another.
        answer = max(fits, key=lambda answer: len(label_set.words[answer]))
        rest = opened[len(label_set.words[answer]) :]
        found.append(answer)
    if rest:
        raise ValueError("another completion")
    return tuple(found)

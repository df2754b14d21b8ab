"""Whether training texts share anything with the test sets.

    python -m training.disjoint

Compared are the letters of words in lower case, so that case, numbering, punctuation and line
breaks hide nothing. A training text must hold no sentence of a test text word for word, from six
words on, and the 8-grams of the two must overlap less than 0.3 (Jaccard). Shorter stock phrases
("no pneumothorax or pleural effusion") belong to everybody.
"""

from __future__ import annotations

import collections
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chexdesk.labels import chexpert14
from training import pairs, written
from training.data import EVAL

TEST_SETS: Final = Path(__file__).resolve().parents[1] / "tests" / "sets"
#: Our first written set, where `../shared` is at hand.
FIRST_WRITTEN: Final = EVAL / "written_train.jsonl"

#: The shortest sentence, in words, that may not stand in both.
SENTENCE_WORDS: Final = 6
GRAM: Final = 8
OVERLAP: Final = 0.3

_WORD: Final = re.compile(r"[a-z]+")
_END: Final = re.compile(r"[.;:!?](?=\s|\Z)")
_END_OR_LINE: Final = re.compile(r"[.;:!?](?=\s|\Z)|\n")

_Gram = tuple[str, ...]


@dataclass(frozen=True)
class Shared:
    """A training text and a test text that are not apart.

    Attributes:
        training, test: the texts' ids.
        sentence: the sentence in both, or "" where it is the overlap that is too large.
        overlap: Jaccard overlap of their 8-grams.
    """

    training: str
    test: str
    sentence: str
    overlap: float

    def __str__(self) -> str:
        what = f"“{self.sentence}”" if self.sentence else f"overlap {self.overlap:.2f}"
        return f"{self.training} shares with {self.test}: {what}"


def shared(training_texts: Mapping[str, str], test_texts: Mapping[str, str]) -> list[Shared]:
    """What texts of both kinds, each by id, have in common; one entry a pair of texts at most."""
    by_sentence: dict[str, list[str]] = collections.defaultdict(list)
    by_gram: dict[_Gram, list[str]] = collections.defaultdict(list)
    test_grams = {test: _grams(text) for test, text in test_texts.items()}
    for test, text in test_texts.items():
        for sentence in _sentences(text):
            by_sentence[sentence].append(test)
        for gram in test_grams[test]:
            by_gram[gram].append(test)
    found: list[Shared] = []
    for training, text in training_texts.items():
        grams = _grams(text)
        common = collections.Counter(test for gram in grams for test in by_gram.get(gram, ()))
        overlaps = {
            test: count / (len(grams) + len(test_grams[test]) - count)
            for test, count in common.items()
        }
        sentences = {test: s for s in sorted(_sentences(text)) for test in by_sentence.get(s, ())}
        near = {test for test, overlap in overlaps.items() if overlap >= OVERLAP}
        found += [
            Shared(training, test, sentences.get(test, ""), overlaps.get(test, 0.0))
            for test in sorted(near | sentences.keys())
        ]
    return found


def training_texts(
    folder: Path = written.FOLDER, first_written: Path = FIRST_WRITTEN
) -> dict[str, str]:
    """Our own training texts by id: the folder's reports, minimal pairs, the first set.

    Raises:
        ValueError: a file of the folder is damaged.
    """
    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        texts |= {report.id: report.text for report in written.read(path)}
    if (folder / pairs.SOURCE.name).is_file():
        texts |= {f"{pairs.SOURCE.name}: {text}": text for text in pairs.every(chexpert14())}
    if first_written.is_file():
        texts |= {str(row["uid"]): str(row["text"]) for row in _rows(first_written)}
    return texts


def texts_of_sets(folder: Path = TEST_SETS) -> dict[str, str]:
    """Every text of every test set, by file, line and place in it."""
    return {
        f"{path.name}:{number}{place}": text
        for path in sorted(folder.glob("*.jsonl"))
        for number, row in enumerate(_rows(path), 1)
        for place, text in _texts(row)
    }


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            yield json.loads(line)


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string that stands under `text`, however deep, with the keys above it."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "text" and isinstance(below, str):
                yield place, below
            else:
                yield from _texts(below, f"{place}:{key}")
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _texts(below, f"{place}:{number}")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _sentences(text: str) -> set[str]:
    """Sentences of enough words. A line break may be the end of one or just the margin: both."""
    parts: Iterable[str] = [*_END.split(text), *_END_OR_LINE.split(text)]
    each = (_words(part) for part in parts)
    return {" ".join(words) for words in each if len(words) >= SENTENCE_WORDS}


def _grams(text: str) -> set[_Gram]:
    words = _words(text)
    return {tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)}


def main() -> int:
    """Print what is compared and what is shared; 1 where anything is."""
    training, test = training_texts(), texts_of_sets()
    found = shared(training, test)
    for entry in found:
        print(entry)
    sentences = sum(bool(entry.sentence) for entry in found)
    print(
        f"{len(training)} training texts against {len(test)} test texts: {sentences} share a "
        f"sentence, {len(found) - sentences} more overlap too much."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

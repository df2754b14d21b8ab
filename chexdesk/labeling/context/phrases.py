"""The lexicon's phrase language, and a trie over words that finds the longest phrase.

A phrase is words with `(a|b)` for alternatives and `?` after a group or a letter for "or
nothing"; `{part}` names a list of alternatives; a backslash takes the next character as it is.
Phrases are written out in full once, at load: looking a text up is then one dictionary step a
word, and no text can make it slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

# Words, numbers and single marks. A hyphen inside a word parts it like a space does.
TOKEN: Final = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s-]|(?<=\s)-+(?=\s)", re.IGNORECASE)
LONGEST_LIST: Final = 4000
_PART: Final = re.compile(r"\{(\w+)\}")

Value = TypeVar("Value")


def expand(phrase: str, parts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """All word sequences that a phrase stands for, without repeats, in the order written.

    Raises:
        ValueError: the phrase is malformed, empty, or stands for more than `LONGEST_LIST`.
    """
    text = _PART.sub(lambda match: f"({_part(match.group(1), parts)})", phrase)
    texts, end = _alternatives(text, 0)
    if end != len(text):
        raise ValueError(f"unbalanced parenthesis in {phrase!r}")
    found = {tuple(TOKEN.findall(" ".join(t.split()))): None for t in texts}
    if () in found:
        raise ValueError(f"{phrase!r} can be empty")
    return list(found)


def _part(name: str, parts: Mapping[str, str]) -> str:
    if name not in parts:
        raise ValueError(f"no part is called {name!r}")
    return parts[name]


def _alternatives(text: str, at: int) -> tuple[list[str], int]:
    """Read `a|b|c` from `at` to its closing parenthesis or the end."""
    found: list[str] = []
    branch = [""]
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            found += branch
            branch, at = [""], at + 1
            continue
        options, at = _item(text, at)
        if at < len(text) and text[at] == "?":
            options, at = [*options, ""], at + 1
        branch = [left + right for left in branch for right in options]
        if len(branch) > LONGEST_LIST:
            raise ValueError(f"{text!r} stands for more than {LONGEST_LIST} phrases")
    return found + branch, at


def _item(text: str, at: int) -> tuple[list[str], int]:
    character = text[at]
    if character == "(":
        options, at = _alternatives(text, at + 1)
        if at >= len(text):
            raise ValueError(f"unbalanced parenthesis in {text!r}")
        return options, at + 1
    if character == "?":
        raise ValueError(f"nothing before '?' in {text!r}")
    if character == "\\":
        return [text[at + 1 : at + 2]], at + 2
    return [character], at + 1


@dataclass
class _Node(Generic[Value]):
    next: dict[str, _Node[Value]] = field(default_factory=dict)
    value: Value | None = None


class Trie(Generic[Value]):
    """Word sequences, each with a value; the longest one at a place is found."""

    def __init__(self) -> None:
        self._root: _Node[Value] = _Node()

    def add(self, words: Iterable[str], value: Value) -> None:
        """Store a sequence.

        Raises:
            ValueError: it is stored already with another value.
        """
        node = self._root
        for word in words:
            node = node.next.setdefault(word, _Node())
        if node.value is not None and node.value is not value:
            raise ValueError(f"two entries claim {' '.join(words)!r}")
        node.value = value

    def longest(self, words: list[str], start: int) -> tuple[int, Value] | None:
        """The end (exclusive) and value of the longest sequence that begins at `start`."""
        step = self._root.next.get(words[start])
        if step is None:
            return None
        node, at, best = step, start + 1, None
        while True:
            if node.value is not None:
                best = (at, node.value)
            if at == len(words):
                return best
            step = node.next.get(words[at])
            if step is None:
                return best
            node, at = step, at + 1

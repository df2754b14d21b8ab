"""HTML and XHTML to plain text, in one pass whose work is linear in the text's length.

It looks for tags and nothing else: no entity but HTML's own is expanded and nothing is loaded, so
the markup of a hostile document has no effect.
"""

from __future__ import annotations

import html
import re
from typing import Final

_NAME: Final = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)")
_BLOCKS: Final = frozenset((
    "address", "article", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "table", "tbody", "thead", "tr",
    "ul",
))  # fmt: skip
_CELLS: Final = frozenset(("td", "th"))
#: What stands in these is no text of the document.
_HIDDEN: Final = frozenset(("head", "script", "style", "template"))
_SPACES: Final = re.compile(r"[ \t\f\r\n]+")
_AROUND_BREAK: Final = re.compile(r" *\n *")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def plain_text(markup: str) -> str:
    """The text between tags: blocks on lines of their own, cells apart by a tab."""
    pieces: list[str] = []
    at = 0
    while True:
        opening = markup.find("<", at)
        if opening < 0:
            pieces.append(_text(markup[at:]))
            break
        pieces.append(_text(markup[at:opening]))
        if markup.startswith("<!--", opening):
            closing = markup.find("-->", opening + 4)
            at = closing + 3
            if closing < 0:
                break
            continue
        name = _NAME.match(markup, opening + 1)
        closing = markup.find(">", opening)
        if closing < 0:
            pieces.append(_text(markup[opening:]))
            break
        if name is None and markup[opening + 1] not in "!?":
            # A bare "<" is a sign of the text: "heart < 50 %".
            pieces.append("<")
            at = opening + 1
            continue
        at = closing + 1
        tag = name.group(1).lower() if name is not None else ""
        if tag in _HIDDEN and markup[opening + 1] != "/" and markup[closing - 1] != "/":
            end = re.compile(f"</{tag}", re.IGNORECASE).search(markup, at)
            closing = -1 if end is None else markup.find(">", end.end())
            if closing < 0:
                break
            at = closing + 1
        elif tag in _BLOCKS:
            pieces.append("\n")
        elif tag in _CELLS and markup[opening + 1] == "/":
            pieces.append("\t")
    return _BLANK_LINES.sub("\n\n", _AROUND_BREAK.sub("\n", "".join(pieces))).strip()


def _text(piece: str) -> str:
    return html.unescape(_SPACES.sub(" ", piece))

"""Full-text search over the reports' texts, with SQLite's FTS5.

The index is a table beside the reports in the same file, so that it is removed, encrypted and
moved with them. Triggers (`migrations/versions/v0002_queues.py`) keep it in step.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from chexdesk.store.schema import ReportRow
from chexdesk.store.values import storable

#: The table; what SQLite keeps of it itself begins with the same word.
TABLE: Final = "report_words"

_TERM: Final = re.compile(r'(-?)"([^"]*)"?|(-?)(\S+)')


def matches(words: str) -> ColumnElement[bool] | None:
    """The condition that a `ReportRow.id` is of a report that holds these words.

    All must be there, each as the beginning of a word; "words in quotes" stand as they are, next
    to one another; a minus before either asks for reports without it. Case and accents do not
    count. A report whose id holds the whole of `words` is found as well.

    Returns:
        None where there is nothing to search for.
    """
    given = storable(words).replace("\0", " ").strip()
    if not given:
        return None
    in_id = func.instr(func.lower(ReportRow.external_id), given.lower()) > 0
    by_id = ReportRow.id.in_(select(ReportRow.id).where(in_id))
    wanted, unwanted = _terms(given)
    if not wanted and not unwanted:
        return by_id
    conditions = [ReportRow.id.in_(_rows(" ".join(wanted)))] if wanted else []
    conditions += [ReportRow.id.not_in(_rows(term)) for term in unwanted]
    return and_(*conditions) | by_id


def forget(session: Session) -> None:
    """Rewrite the index, so that no word of a removed report lingers in it.

    Until then FTS5 only notes that they are gone.
    """
    session.execute(text(f"INSERT INTO {TABLE} ({TABLE}) VALUES ('optimize')"))


def _rows(expression: str) -> Select[Any]:
    index = table(TABLE, column("rowid"))
    return select(index.c.rowid).where(literal_column(TABLE).op("MATCH")(expression))


def _terms(words: str) -> tuple[list[str], list[str]]:
    """What must and what must not be there, in FTS5's language; nothing in it is an operator."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, other_minus, word in _TERM.findall(words):
        said = (phrase or word).replace('"', " ")
        if not any(character.isalnum() for character in said):
            continue
        term = f'"{said}"' + ("" if phrase else "*")
        (unwanted if minus or other_minus else wanted).append(term)
    return wanted, unwanted

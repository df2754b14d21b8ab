"""Preferences: which of two sets of decisions a person finds better.

They are kept as decisions, so that they outlive the wire format they were made under.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.store.predictions import model_key
from chexdesk.store.records import Preference, Review, ReviewStatus
from chexdesk.store.schema import ModelRow, PreferenceDecisionRow, PreferenceRow
from chexdesk.store.values import checked, chunks, now, ordered

CORRECTION: Final = "correction"


def follow_review(
    session: Session,
    label_set: LabelSet,
    key: int,
    review: Review | None,
    predictions: Iterable[Prediction],
) -> None:
    """Make the report's corrections those of its review, and none where it corrects nothing.

    A corrected report is preferred to every prediction that differs from it.
    """
    session.execute(
        delete(PreferenceRow).where(
            PreferenceRow.report_id == key,
            PreferenceRow.label_set == label_set.name,
            PreferenceRow.source == CORRECTION,
        )
    )
    if review is None or review.decisions is None or review.status is not ReviewStatus.CORRECTED:
        return
    for prediction in predictions:
        if not prediction.error and prediction.certainties != review.decisions:
            pair = Preference(key, review.decisions, prediction.certainties, CORRECTION)
            add(session, label_set, pair, prediction.model)


def add(
    session: Session, label_set: LabelSet, preference: Preference, model: ModelId | None = None
) -> int:
    """Keep a preference; `model` is the one whose decisions were rejected.

    Returns:
        Its number in the file.

    Raises:
        ValueError: its decisions are not one for each finding.
    """
    row = PreferenceRow(
        report_id=preference.key,
        model_id=None if model is None else model_key(session, model),
        label_set=label_set.name,
        source=preference.source,
        weight=preference.weight,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    pairs = zip(
        label_set.names,
        checked(label_set, preference.chosen),
        checked(label_set, preference.rejected),
        strict=True,
    )
    session.execute(
        insert(PreferenceDecisionRow),
        [
            {"preference_id": row.id, "finding": name, "chosen": chosen, "rejected": rejected}
            for name, chosen, rejected in pairs
        ],
    )
    return row.id


def of_reports(session: Session, label_set: LabelSet, keys: Iterable[int]) -> list[Preference]:
    """The preferences about these reports, in the order in which they were made."""
    heads: list[Row[int, int, str, float, str]] = []
    sides: dict[int, tuple[dict[str, Certainty], dict[str, Certainty]]] = {}
    for some in chunks(keys):
        query = (
            select(
                PreferenceRow.id,
                PreferenceRow.report_id,
                PreferenceRow.source,
                PreferenceRow.weight,
                ModelRow.name,
            )
            .outerjoin(ModelRow)
            .where(PreferenceRow.report_id.in_(some), PreferenceRow.label_set == label_set.name)
            .order_by(PreferenceRow.id)
        )
        own = session.execute(query).all()
        heads.extend(own)
        for numbers in chunks(head.id for head in own):
            rows = select(
                PreferenceDecisionRow.preference_id,
                PreferenceDecisionRow.finding,
                PreferenceDecisionRow.chosen,
                PreferenceDecisionRow.rejected,
            ).where(PreferenceDecisionRow.preference_id.in_(numbers))
            for number, finding, chosen, rejected in session.execute(rows):
                better, worse = sides.setdefault(number, ({}, {}))
                better[finding] = chosen
                worse[finding] = rejected
    return [
        Preference(
            key=head.report_id,
            chosen=ordered(label_set, sides[head.id][0]),
            rejected=ordered(label_set, sides[head.id][1]),
            source=head.source,
            weight=head.weight,
            model=head.name or "",
        )
        for head in heads
    ]

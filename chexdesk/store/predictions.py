"""Predictions: kept for each model version, never changed once they succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId, Prediction
from chexdesk.labels import Certainty, LabelSet
from chexdesk.store import standings
from chexdesk.store.schema import ModelRow, PredictionDecisionRow, PredictionRow, ReportRow
from chexdesk.store.values import checked, chunks, now, ordered, storable

#: The probability columns, in `CERTAINTIES` order.
_COLUMNS: Final = ("p_positive", "p_negative", "p_uncertain", "p_not_mentioned")


def save(
    session: Session,
    label_set: LabelSet,
    pairs: Sequence[tuple[int, Prediction]],
    disagreements: Mapping[tuple[int, ModelId], int] | None = None,
) -> frozenset[int]:
    """Keep predictions by report key.

    One that the same model has already made for the report stays; only a failed one gives way.
    Keys of reports that were removed meanwhile are passed over.

    Args:
        disagreements: for a report and a model, how many findings the words read otherwise.

    Returns:
        The keys of the reports that got one.

    Raises:
        ValueError: a prediction does not fit the label set.
    """
    present = _present(session, [key for key, _ in pairs])
    models = {model: model_key(session, model) for model in {p.model for _, p in pairs}}
    wanted: dict[tuple[int, int], Prediction] = {}
    for key, prediction in pairs:
        if key in present:
            wanted.setdefault((key, models[prediction.model]), prediction)
    failed: list[int] = []
    for row in _existing(session, label_set, [key for key, _ in wanted]):
        if row.error and (row.report_id, row.model_id) in wanted:
            failed.append(row.id)
        else:
            wanted.pop((row.report_id, row.model_id), None)
    for some in chunks(failed):
        session.execute(delete(PredictionRow).where(PredictionRow.id.in_(some)))
    keys = frozenset(key for key, _ in wanted)
    if wanted:
        _insert(session, label_set, wanted, disagreements or {})
        standings.refresh(session, label_set, keys)
    return keys


def uncompared(session: Session, label_set: LabelSet, limit: int) -> list[tuple[int, int]]:
    """Some predictions that nobody has compared with the words yet: their ids, report keys."""
    query = (
        select(PredictionRow.id, PredictionRow.report_id)
        .where(
            PredictionRow.label_set == label_set.name,
            PredictionRow.error == "",
            PredictionRow.disagreements.is_(None),
        )
        .order_by(PredictionRow.id)
        .limit(limit)
    )
    return [(number, key) for number, key in session.execute(query)]


def load(session: Session, label_set: LabelSet, ids: Sequence[int]) -> dict[int, Prediction]:
    """Predictions by their own ids."""
    query = select(PredictionRow.id).where(PredictionRow.id.in_(ids)).order_by(PredictionRow.id)
    numbers = list(session.scalars(query))
    pairs = _load(session, label_set, numbers)
    return {number: own for number, (_, own) in zip(numbers, pairs, strict=True)}


def set_disagreements(
    session: Session, label_set: LabelSet, numbers: Mapping[int, int], keys: Iterable[int]
) -> None:
    """Write down how many findings the words read otherwise, by prediction id.

    Args:
        keys: of the reports that these predictions are of.
    """
    for number, count in numbers.items():
        session.execute(
            update(PredictionRow).where(PredictionRow.id == number).values(disagreements=count)
        )
    standings.refresh(session, label_set, keys)


def latest(
    session: Session, label_set: LabelSet, keys: Iterable[int], model: ModelId | None = None
) -> dict[int, Prediction]:
    """For each key the newest prediction, or that of one model; keys without any are absent."""
    found: dict[int, Prediction] = {}
    for some in chunks(keys):
        query = (
            select(func.max(PredictionRow.id))
            .join(ModelRow)
            .where(PredictionRow.report_id.in_(some), PredictionRow.label_set == label_set.name)
            .group_by(PredictionRow.report_id)
        )
        if model is not None:
            query = query.where(*_is(model))
        found.update(_load(session, label_set, list(session.scalars(query))))
    return found


def of_report(session: Session, label_set: LabelSet, key: int) -> list[Prediction]:
    """Every model's prediction of one report, the newest last."""
    ids = session.scalars(
        select(PredictionRow.id)
        .where(PredictionRow.report_id == key, PredictionRow.label_set == label_set.name)
        .order_by(PredictionRow.id)
    )
    return [prediction for _, prediction in _load(session, label_set, list(ids))]


def model_key(session: Session, model: ModelId) -> int:
    """The number of a model, which is written down where it is new."""
    number = session.scalar(select(ModelRow.id).where(*_is(model)))
    if number is None:
        row = ModelRow(name=model.name, sha256=model.sha256, version=model.version)
        session.add(row)
        session.flush()
        number = row.id
    return number


def _is(model: ModelId) -> tuple[ColumnElement[bool], ...]:
    return (
        ModelRow.name == model.name,
        ModelRow.sha256 == model.sha256,
        ModelRow.version == model.version,
    )


def _present(session: Session, keys: Sequence[int]) -> set[int]:
    present: set[int] = set()
    for some in chunks(keys):
        present.update(session.scalars(select(ReportRow.id).where(ReportRow.id.in_(some))))
    return present


def _existing(session: Session, label_set: LabelSet, keys: Sequence[int]) -> list[PredictionRow]:
    rows: list[PredictionRow] = []
    for some in chunks(keys):
        query = select(PredictionRow).where(
            PredictionRow.report_id.in_(some), PredictionRow.label_set == label_set.name
        )
        rows.extend(session.scalars(query))
    return rows


def _insert(
    session: Session,
    label_set: LabelSet,
    wanted: dict[tuple[int, int], Prediction],
    disagreements: Mapping[tuple[int, ModelId], int],
) -> None:
    made = now()
    ids = session.scalars(
        insert(PredictionRow).returning(PredictionRow.id, sort_by_parameter_order=True),
        [
            {
                "report_id": key,
                "model_id": model,
                "label_set": label_set.name,
                "error": storable(prediction.error),
                "doubt": _doubt(prediction),
                "disagreements": disagreements.get((key, prediction.model)),
                "created_at": made,
            }
            for (key, model), prediction in wanted.items()
        ],
    )
    rows = []
    for number, prediction in zip(ids, wanted.values(), strict=True):
        decisions = checked(label_set, prediction.certainties)
        for place, (name, certainty) in enumerate(zip(label_set.names, decisions, strict=True)):
            chances = prediction.probabilities[place] if prediction.probabilities else (None,) * 4
            rows.append(
                {
                    "prediction_id": number,
                    "finding": name,
                    "certainty": certainty,
                    **dict(zip(_COLUMNS, chances, strict=True)),
                }
            )
    session.execute(insert(PredictionDecisionRow), rows)


def _doubt(prediction: Prediction) -> float | None:
    if prediction.error or not prediction.probabilities:
        return None
    chosen = (prediction.probability(place) for place in range(len(prediction.certainties)))
    return 1.0 - min(value for value in chosen if value is not None)


def _load(
    session: Session, label_set: LabelSet, ids: Sequence[int]
) -> list[tuple[int, Prediction]]:
    decisions: dict[int, dict[str, Certainty]] = {number: {} for number in ids}
    chances: dict[int, dict[str, tuple[float, ...]]] = {number: {} for number in ids}
    heads: list[Row[PredictionRow, str, ModelRow]] = []
    for some in chunks(ids):
        rows = select(
            PredictionDecisionRow.prediction_id,
            PredictionDecisionRow.finding,
            PredictionDecisionRow.certainty,
            *(getattr(PredictionDecisionRow, name) for name in _COLUMNS),
        ).where(PredictionDecisionRow.prediction_id.in_(some))
        for number, finding, certainty, *values in session.execute(rows):
            decisions[number][finding] = certainty
            if None not in values:
                chances[number][finding] = tuple(values)
        head = (
            select(PredictionRow, ReportRow.external_id, ModelRow)
            .join(ReportRow)
            .join(ModelRow)
            .where(PredictionRow.id.in_(some))
            .order_by(PredictionRow.id)
        )
        heads.extend(session.execute(head).all())
    found = []
    for row, report_id, model in heads:
        known = chances[row.id]
        # All or none: half-known probabilities would shift the places of the others.
        whole = all(name in known for name in label_set.names)
        prediction = Prediction(
            report_id=report_id,
            certainties=ordered(label_set, decisions[row.id]),
            probabilities=tuple(known[name] for name in label_set.names) if whole else (),
            model=ModelId(model.name, model.sha256, model.version),
            error=row.error,
        )
        found.append((row.report_id, prediction))
    return found

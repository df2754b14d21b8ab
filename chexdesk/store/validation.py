"""What a validation study needs to know of the library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chexdesk.labeling.labeler import ModelId
from chexdesk.labels import LabelSet
from chexdesk.store.records import ReviewStatus
from chexdesk.store.schema import ModelRow, PredictionRow, ReportRow, StandingRow


def models(session: Session, label_set: LabelSet) -> list[ModelId]:
    """The models that have labelled reports, the one used last first."""
    query = (
        select(ModelRow.name, ModelRow.sha256, ModelRow.version)
        .join(PredictionRow)
        .where(PredictionRow.label_set == label_set.name, PredictionRow.error == "")
        .group_by(ModelRow.id)
        .order_by(func.max(PredictionRow.id).desc())
    )
    return [ModelId(row.name, row.sha256, row.version) for row in session.execute(query)]


def reviewed(session: Session, label_set: LabelSet) -> list[int]:
    """The accepted and corrected reports, in order of adding."""
    query = (
        select(StandingRow.report_id)
        .where(
            StandingRow.label_set == label_set.name,
            StandingRow.status != ReviewStatus.UNREVIEWED,
        )
        .order_by(StandingRow.report_id)
    )
    return list(session.scalars(query))


def keys_of_ids(session: Session, wanted: Collection[str]) -> tuple[dict[str, int], int]:
    """The key of each report with a wanted id.

    Returns:
        Keys by id, and how many wanted ids belong to more than one report: those are left out.
    """
    found: dict[str, int] = {}
    times: Counter[str] = Counter()
    for key, name in session.execute(select(ReportRow.id, ReportRow.external_id)):
        if name in wanted:
            times[name] += 1
            found[name] = key
    single = {name: key for name, key in found.items() if times[name] == 1}
    return single, len(found) - len(single)


def usable(session: Session) -> int:
    """How many reports have a text that can be labelled."""
    query = select(func.count()).select_from(ReportRow).where(ReportRow.error == "")
    return session.scalar(query) or 0

"""The tables. Every change here needs a migration; a test compares the two.

Decisions are rows of their own, keyed by finding under a parent that names the label set, so that
another label set needs no new schema. All times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from chexdesk.labels import Certainty
from chexdesk.store.records import ReviewStatus

#: The newest migration; a file at this one needs none, and so no Alembic to be loaded.
HEAD: Final = "0002"

#: SQLite's header field for "whose file is this": the letters ChxD.
APPLICATION_ID: Final = 0x43687844


class UtcTime(TypeDecorator[datetime]):
    """A moment; SQLite forgets time zones, so every one is brought to UTC on its way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC. Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With its zone again."""
        return None if value is None else value.replace(tzinfo=UTC)


def _words(kind: type[Certainty] | type[ReviewStatus], name: str) -> Enum:
    return Enum(
        kind,
        values_callable=lambda values: [value.value for value in values],
        native_enum=False,
        create_constraint=True,
        length=16,
        name=name,
    )


class Base(DeclarativeBase):
    """The common ground of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: Final[dict[Any, Any]] = {
        datetime: UtcTime(),
        float: Float(),
        Certainty: _words(Certainty, "certainty"),
        ReviewStatus: _words(ReviewStatus, "status"),
    }


class ReportRow(Base):
    """A report. AUTOINCREMENT: the key of a removed report never comes back for another."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("external_id", "sha256"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]
    error: Mapped[str] = mapped_column(Text)


class ModelRow(Base):
    """A model that made predictions."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("name", "sha256", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(Text)


class PredictionRow(Base):
    """What one model said of one report.

    `doubt` is worked out once, for the list; so is `disagreements`, the number of findings that the
    report's words read otherwise by rule, or None where nobody has compared the two yet.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("report_id", "model_id", "label_set"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"))
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="RESTRICT"))
    label_set: Mapped[str] = mapped_column(String(64))
    error: Mapped[str] = mapped_column(Text)
    doubt: Mapped[float | None]
    disagreements: Mapped[int | None]
    created_at: Mapped[datetime]


class PredictionDecisionRow(Base):
    """One predicted certainty, with the probability of each where the engine knows them."""

    __tablename__ = "prediction_decisions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    prediction_id: Mapped[int] = mapped_column(
        ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True
    )
    finding: Mapped[str] = mapped_column(String(64), primary_key=True)
    certainty: Mapped[Certainty]
    p_positive: Mapped[float | None]
    p_negative: Mapped[float | None]
    p_uncertain: Mapped[float | None]
    p_not_mentioned: Mapped[float | None]


class ReviewRow(Base):
    """A person's view of a report: at most one for each label set, by whoever touched it last."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("report_id", "label_set"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"))
    label_set: Mapped[str] = mapped_column(String(64))
    reviewer: Mapped[str] = mapped_column(Text)
    status: Mapped[ReviewStatus]
    note: Mapped[str] = mapped_column(Text)
    flagged: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ReviewDecisionRow(Base):
    """One reviewed certainty."""

    __tablename__ = "review_decisions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    review_id: Mapped[int] = mapped_column(
        ForeignKey("reviews.id", ondelete="CASCADE"), primary_key=True
    )
    finding: Mapped[str] = mapped_column(String(64), primary_key=True)
    certainty: Mapped[Certainty]


class PreferenceRow(Base):
    """That one set of decisions for a report is better than another."""

    __tablename__ = "preferences"
    __table_args__ = (Index(None, "report_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id", ondelete="RESTRICT"))
    label_set: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    weight: Mapped[float]
    created_at: Mapped[datetime]


class PreferenceDecisionRow(Base):
    """The two certainties of one finding in a preference."""

    __tablename__ = "preference_decisions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    preference_id: Mapped[int] = mapped_column(
        ForeignKey("preferences.id", ondelete="CASCADE"), primary_key=True
    )
    finding: Mapped[str] = mapped_column(String(64), primary_key=True)
    chosen: Mapped[Certainty] = mapped_column(_words(Certainty, "chosen"))
    rejected: Mapped[Certainty] = mapped_column(_words(Certainty, "rejected"))


class StandingRow(Base):
    """How a report stands, on one narrow row: what the list and its queues are chosen by.

    It says nothing that the reports, the latest predictions and the reviews do not say, and is
    made anew from them whenever one of those is written (`standings.refresh`).
    """

    __tablename__ = "standings"
    __table_args__ = ({"sqlite_with_rowid": False},)

    report_id: Mapped[int] = mapped_column(
        ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True
    )
    label_set: Mapped[str] = mapped_column(String(64), primary_key=True)
    usable: Mapped[bool]
    labelled: Mapped[bool]
    status: Mapped[ReviewStatus]
    flagged: Mapped[bool]
    noted: Mapped[bool]
    doubt: Mapped[float | None]
    disagreements: Mapped[int | None]
    decisions: Mapped[str] = mapped_column(String(64))
    error: Mapped[str] = mapped_column(Text)


class AuditRow(Base):
    """Who did what, when. Rows are never changed: triggers forbid it, and hashes chain them.

    `report` is the report's key, not its id or words, so that removing a report leaves nothing of
    it here. It is no foreign key, since the log outlives what it speaks of.
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "report"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(32))
    report: Mapped[int | None]
    finding: Mapped[str | None] = mapped_column(String(64))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

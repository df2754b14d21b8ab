"""The first schema. Spelled out, not taken from `schema.py`: what it makes must never change."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, primary_key=True)


def _parent(name: str, table: str, *, primary: bool = False) -> sa.Column[int]:
    parent = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Integer(), parent, nullable=False, primary_key=primary)


def _model(*, null: bool = False) -> sa.Column[int]:
    parent = sa.ForeignKey("models.id", ondelete="RESTRICT")
    return sa.Column("model_id", sa.Integer(), parent, nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _name(name: str, length: int = 64, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=null)


def _finding() -> sa.Column[str]:
    return sa.Column("finding", sa.String(64), nullable=False, primary_key=True)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _number(name: str, *, null: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=null)


def _one_of(name: str, *words: str) -> sa.Column[str]:
    kind = sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=16)
    return sa.Column(name, kind, nullable=False)


def _certainty(name: str = "certainty") -> sa.Column[str]:
    return _one_of(name, "positive", "negative", "uncertain", "not_mentioned")


def upgrade() -> None:
    """Make all tables, and sign the file as ChexDesk's."""
    op.create_table(
        "reports",
        _key(),
        _text("external_id"),
        _text("text"),
        _text("source"),
        _name("sha256"),
        _time("added_at"),
        _text("error"),
        sa.UniqueConstraint("external_id", "sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "models",
        _key(),
        _text("name"),
        _name("sha256"),
        _text("version"),
        sa.UniqueConstraint("name", "sha256", "version"),
    )
    op.create_table(
        "predictions",
        _key(),
        _parent("report_id", "reports"),
        _model(),
        _name("label_set"),
        _text("error"),
        _number("doubt"),
        _time("created_at"),
        sa.UniqueConstraint("report_id", "model_id", "label_set"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "prediction_decisions",
        _parent("prediction_id", "predictions", primary=True),
        _finding(),
        _certainty(),
        _number("p_positive"),
        _number("p_negative"),
        _number("p_uncertain"),
        _number("p_not_mentioned"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reviews",
        _key(),
        _parent("report_id", "reports"),
        _name("label_set"),
        _text("reviewer"),
        _one_of("status", "unreviewed", "accepted", "corrected"),
        _text("note"),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint("report_id", "label_set"),
    )
    op.create_table(
        "review_decisions",
        _parent("review_id", "reviews", primary=True),
        _finding(),
        _certainty(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "preferences",
        _key(),
        _parent("report_id", "reports"),
        _model(null=True),
        _name("label_set"),
        _name("source", 16),
        _number("weight", null=False),
        _time("created_at"),
    )
    op.create_index("ix_preferences_report_id", "preferences", ["report_id"])
    op.create_table(
        "preference_decisions",
        _parent("preference_id", "preferences", primary=True),
        _finding(),
        _certainty("chosen"),
        _certainty("rejected"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        _key(),
        _time("at"),
        _text("who"),
        _name("action", 32),
        sa.Column("report", sa.Integer(), nullable=True),
        _name("finding", null=True),
        _text("old", null=True),
        _text("new", null=True),
        _text("model", null=True),
        _name("prev_hash"),
        _name("hash"),
    )
    op.create_index("ix_audit_report", "audit", ["report"])
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{event.lower()} BEFORE {event} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    op.execute(f"PRAGMA application_id = {0x43687844}")

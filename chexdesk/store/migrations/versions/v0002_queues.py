"""Flags, disagreements, standings for the queues, and full-text search over report texts.

Reports, predictions and reviews stay as they are. Standings are left empty: the library makes
them when it is opened, since only the label set knows the order of the findings.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _yes_no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    """Add what is new, and index the texts that are there."""
    flagged: sa.Column[bool] = sa.Column(
        "flagged", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("reviews", flagged)
    op.add_column("predictions", sa.Column("disagreements", sa.Integer(), nullable=True))
    status = sa.Enum(
        *("unreviewed", "accepted", "corrected"),
        name="status",
        native_enum=False,
        create_constraint=True,
        length=16,
    )
    op.create_table(
        "standings",
        sa.Column(
            "report_id",
            sa.Integer(),
            sa.ForeignKey("reports.id", ondelete="CASCADE"),
            nullable=False,
            primary_key=True,
        ),
        sa.Column("label_set", sa.String(64), nullable=False, primary_key=True),
        _yes_no("usable"),
        _yes_no("labelled"),
        sa.Column("status", status, nullable=False),
        _yes_no("flagged"),
        _yes_no("noted"),
        sa.Column("doubt", sa.Float(), nullable=True),
        sa.Column("disagreements", sa.Integer(), nullable=True),
        sa.Column("decisions", sa.String(64), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    _index_texts()


def _index_texts() -> None:
    """FTS5 over `reports.text`, which it does not copy; triggers keep it in step."""
    op.execute(
        "CREATE VIRTUAL TABLE report_words USING fts5("
        "text, content='reports', content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    )
    enter = "INSERT INTO report_words (rowid, text) VALUES (new.id, new.text)"
    leave = (
        "INSERT INTO report_words (report_words, rowid, text) VALUES ('delete', old.id, old.text)"
    )
    for name, when, does in (
        ("added", "AFTER INSERT ON reports", enter),
        ("removed", "AFTER DELETE ON reports", leave),
        ("changed", "AFTER UPDATE OF text ON reports", f"{leave}; {enter}"),
    ):
        op.execute(f"CREATE TRIGGER report_words_{name} {when} BEGIN {does}; END")
    op.execute("INSERT INTO report_words (report_words) VALUES ('rebuild')")

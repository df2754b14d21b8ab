"""Run by Alembic: migrates the connection that `database.open_database` hands over."""

from __future__ import annotations

from alembic import context

from chexdesk.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()

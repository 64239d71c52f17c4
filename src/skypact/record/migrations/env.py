"""Runs migrations on the connection that `record.database` hands over."""

from alembic import context

from skypact.record.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()

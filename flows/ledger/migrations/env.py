"""Alembic's environment: runs migrations on the connection, and in the transaction, that `upgrade` passes on."""

from alembic import context

from flows.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters constraints only by rebuilding the table
)
with context.begin_transaction():
    context.run_migrations()

"""Runs the migrations for Alembic, in the transaction in which store/db/migrations.py holds the lock."""

from alembic import context

from store.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

"""Owns how Alembic runs our migrations: in the transaction in which store/db/migrations.py has the lock."""

from alembic import context

from store.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

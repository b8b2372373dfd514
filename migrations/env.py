"""Owns how Alembic runs our migrations: in the transaction in which store/migrate.py has the lock."""

from alembic import context

from store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

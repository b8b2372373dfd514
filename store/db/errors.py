"""Database errors: what to say to the user, and which ones may pass by themselves."""

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DAMAGE_MESSAGES = ("file is not a database", "malformed")


def explain(error: Exception) -> str | None:
    """A sentence for the user; None for an error that is not the database's own."""
    if type(error) not in (DatabaseError, OperationalError):
        return None
    assert isinstance(error, DatabaseError)
    message = str(error.orig).strip().split("\n")[0].rstrip(".")
    if any(part in message for part in DAMAGE_MESSAGES):
        return f"The database is damaged ({message}); move it away and `lossdeck restore` a backup."
    return f"The database cannot be used: {message}."


def is_outage(error: Exception) -> bool:
    """Whether the same transaction may well succeed later: locked, connection lost, disk full, deadlock."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated

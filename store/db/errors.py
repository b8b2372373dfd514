"""Errors of the database driver: what each means to a user, and which of them pass by themselves."""

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DAMAGED = ("file is not a database", "malformed")


def sentence(error: Exception) -> str | None:
    """For an error of the database or the way to it; None for one that this program has made itself."""
    if type(error) not in (DatabaseError, OperationalError):
        return None
    assert isinstance(error, DatabaseError)
    words = str(error.orig).strip().split("\n")[0].rstrip(".")
    if any(sign in words for sign in DAMAGED):
        return f"The database is damaged ({words}); move it away and `lossdeck restore` a backup."
    return f"The database cannot be used: {words}."


def is_outage(error: Exception) -> bool:
    """Whether the same transaction may well succeed later: locked, connection lost, disk full, deadlock."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated

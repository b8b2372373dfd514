"""Owns which database errors pass by themselves: it is busy, away or full (retries nothing)."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def is_outage(error: Exception) -> bool:
    """Whether the same transaction may well succeed later: locked, connection lost, disk full, deadlock."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated

"""Owns what a database driver's error means to a user, in one sentence (whether to try again: outages)."""

from sqlalchemy.exc import DatabaseError, OperationalError

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

"""Backup and restore of an SQLite database (for PostgreSQL use pg_dump and pg_restore)."""

from contextlib import closing
from pathlib import Path
from typing import Any

from learning.errors import DatabaseError
from store.config import Config
from store.db import migrations
from store.db.database import BUSY_TIMEOUT, Database

OUR_TABLES = frozenset({"sweep", "trial", "epoch", "alembic_version"})  # a file with these is ours
VERSION = "SELECT max(version_num) FROM alembic_version"


def write(database: Database, target: Path) -> None:
    """Copies a consistent snapshot to a new file without blocking other processes. Raises DatabaseError."""
    from pysqlite3 import dbapi2

    if database.dialect != "sqlite":
        raise DatabaseError("The database is PostgreSQL; back it up with pg_dump.")
    try:
        with closing(_open(Path(str(database.url.database)))) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except dbapi2.Error as error:
        raise DatabaseError(f"The database could not be copied to {target}: {error}.") from error


def restore(source: Path, config: Config) -> None:
    """Moves a snapshot to where the config wants its database. Raises DatabaseError if there is one."""
    source.replace(check_vacant(config))


def check_vacant(config: Config) -> Path:
    """Where a config's database would be. Raises DatabaseError if it exists or is not SQLite."""
    with closing(Database.open(config)) as database:
        if database.dialect != "sqlite":
            raise DatabaseError("DATABASE_URL names PostgreSQL; use pg_restore for it.")
        target = Path(str(database.url.database))
    if target.exists():
        raise DatabaseError(f"{target} exists; restore into an empty home folder, or move that file away.")
    return target


def check(path: Path) -> None:
    """Raises DatabaseError unless the file is an intact Lossdeck database of a version we can upgrade."""
    from pysqlite3 import dbapi2

    try:
        with closing(_open(path)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            ours = {name for (name,) in tables} >= OUR_TABLES
            version = connection.execute(VERSION).fetchone()[0] if ours else None
    except dbapi2.Error as error:
        raise DatabaseError(f"{path.name} is not a sound database: {error}.") from error
    if verdict != "ok":
        raise DatabaseError(f"{path.name} is damaged: {verdict}.")
    if not ours:
        raise DatabaseError(f"{path.name} is a database, but none of Lossdeck.")
    migrations.check(version)


def _open(path: Path) -> Any:
    from pysqlite3 import dbapi2

    # By URI, so that a path with nothing at it is an error and not a new, empty database.
    address = f"{path.absolute().as_uri()}?mode=rw"
    return dbapi2.connect(address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT)

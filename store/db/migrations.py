"""The schema's version: what the database has, what the program needs, and how to get there."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, table
from sqlalchemy import column as sql_column

from learning.errors import TooNew, TooOld
from store.db.database import Database

FOLDER = Path(__file__).parents[2] / "migrations"
_LOCK = 4_152_051_019  # any number no other program on the same PostgreSQL uses for its advisory locks
_version = table("alembic_version", sql_column("version_num"))


@cache
def read_first() -> str:
    """The oldest version that can be upgraded: the number of the first file of migrations."""
    return min(_numbers())


@cache
def read_head() -> str:
    """The version this program needs: the number of the last file of migrations."""
    return max(_numbers())


def check(version: str | None) -> None:
    """Raises TooOld if this version cannot be upgraded to head."""
    if version is not None and version < read_first():
        raise TooOld(
            f"The database has schema version {version}, which no release ever had and this program cannot "
            "upgrade; start with an empty home folder or another database."
        )


def read_version(database: Database) -> str | None:
    """The version the database has; None if it is empty. Raises TooOld."""
    with database.read() as connection:
        return _read_version(connection)


def upgrade(database: Database) -> None:
    """Brings the database to head; many may call it at once. Raises TooNew and TooOld."""
    if _is_at_head(read_version(database)):
        return
    with database.write() as connection:
        _lock(connection)
        if not _is_at_head(_read_version(connection)):
            _run(connection, "upgrade", "head")


def downgrade(database: Database, version: str) -> None:
    """Brings the database back to a version, "base" for none; what only later versions know is lost."""
    with database.write() as connection:
        _lock(connection)
        _run(connection, "downgrade", version)


def _numbers() -> list[str]:
    return [path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py")]


def _is_at_head(version: str | None) -> bool:
    if version is not None and version > read_head():
        raise TooNew(
            f"The database has schema version {version} and this program knows {read_head()}; "
            "install the newer Lossdeck that made it, or restore a backup."
        )
    return version == read_head()


def _read_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_version.name):
        return None
    version: str | None = connection.execute(select(_version.c.version_num)).scalar_one_or_none()
    check(version)
    return version


def _lock(connection: Connection) -> None:
    # On SQLite the transaction itself began with the write lock.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _run(connection: Connection, direction: str, version: str) -> None:
    from alembic import command  # slow to import, and rarely needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    getattr(command, direction)(config, version)

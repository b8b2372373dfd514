"""The database connection: how transactions begin on SQLite and PostgreSQL, and a cheap version number."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from learning.errors import DatabaseError
from store.config import Config
from store.db import change_counter

BUSY_TIMEOUT = 30  # how long a writer waits for its turn; SQLite's queue is not fair, so be generous
WAL_TIMEOUT = 10  # how long to try to switch a new file to WAL while others open it too

_dumps = partial(json.dumps, allow_nan=False, separators=(",", ":"))


class _Cursor(Protocol):
    def execute(self, sql: str) -> Any: ...
    def close(self) -> None: ...


class _Raw(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


class Database:
    """One process's connections to the database. Thread-safe; must not be used after a fork."""

    def __init__(self, engine: Engine) -> None:
        self.dialect = engine.dialect.name
        self._engine = engine
        self._writer = engine.execution_options(lossdeck_write=True)
        # The statements of one page or one step of the stream see one state. On SQLite a BEGIN gives that.
        reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(**reading) if self.dialect == "postgresql" else engine
        self._watch: PoolProxiedConnection | None = None
        self._watching = threading.Lock()

    @classmethod
    def open(cls, source: Config | str) -> "Database":
        """Opens the database of a config or URL; makes the folder for SQLite. Raises DatabaseError."""
        url = _parse(source if isinstance(source, str) else source.url)
        if url.get_backend_name() == "sqlite":
            return cls(_sqlite(url))
        if url.get_backend_name() == "postgresql":
            return cls(_postgresql(url))
        raise DatabaseError(
            f"{url.get_backend_name()} is not supported; use sqlite:///PATH or postgresql://..."
        )

    @property
    def url(self) -> URL:
        return self._engine.url

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: commits at the end, rolls back on an exception."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one consistent state; keep it short."""
        with self._reader.connect() as connection:
            yield connection

    def version(self) -> int:
        """A number that differs from the last one if any process, this one too, has committed a change."""
        with self._watching:
            if self.dialect == "postgresql":
                with self.read() as connection:
                    return change_counter.read(connection)[0]
            return self._data_version()

    def close(self) -> None:
        """Closes all connections; the object is not usable afterwards."""
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._engine.dispose()

    def _data_version(self) -> int:
        # PRAGMA data_version counts the commits of other connections, and this one never writes.
        # It is the driver's own, for SQLAlchemy would begin a transaction, in which the number stands still.
        if self._watch is None:
            self._watch = self._engine.raw_connection()
        cursor = self._watch.cursor()
        number: int = cursor.execute("PRAGMA data_version").fetchone()[0]
        cursor.close()
        return number


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether this SQLite can corrupt a WAL database that several processes write (fixed in 3.51.3)."""
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return not fixed


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError("DATABASE_URL is not a URL; write sqlite:///PATH or postgresql://...") from None
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise DatabaseError("The SQLite URL must name a file (sqlite:////absolute/path): workers share it.")
    module = _safe_sqlite()
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        module=module,
        json_serializer=_dumps,
        pool_size=20,
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _safe_sqlite() -> ModuleType:
    from pysqlite3 import dbapi2

    if has_wal_reset_bug(dbapi2.sqlite_version_info):
        raise DatabaseError(
            f"SQLite {dbapi2.sqlite_version} can corrupt a database that several processes write; "
            "install pysqlite3 0.6.1 or newer, or use PostgreSQL."
        )
    module: ModuleType = dbapi2
    return module


def _prepare_sqlite(raw: _Raw, _record: object) -> None:
    raw.isolation_level = None  # or the driver would begin transactions of its own, without IMMEDIATE
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")  # survives any kill; a power cut may lose the last commits
    _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: _Cursor) -> None:
    """WAL stays with the file. The first switch needs the file alone, and SQLite does not wait for that."""
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    deadline = time.monotonic() + WAL_TIMEOUT
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except Exception as error:  # the driver's OperationalError; its class comes with the module
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A plain BEGIN that reads and then writes may fail with SQLITE_BUSY_SNAPSHOT, whatever the timeout.
    writes = connection.get_execution_options().get("lossdeck_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, json_serializer=_dumps, pool_size=20, max_overflow=-1, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise DatabaseError("PostgreSQL needs a driver: pip install 'lossdeck[postgres]'.") from None

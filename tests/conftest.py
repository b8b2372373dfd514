"""Fixtures for all tests: a home folder, a migrated database of each kind, and sweeps to put into it."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.db import migrations
from store.db.database import Database
from tests.support.postgres import Postgres, find_programs
from tests.support.sweeps import MakeSweep, store_sweep
from worker import process

# As a worker does: the BLAS pools of NumPy and SciPy would fight for the cores.
process.limit_blas_before_numpy()

process.limit_loaded_blas()

# A shell lets what it starts in the background ignore Ctrl-C, and all programs that this starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where two processes share the tests, short files come last: neither waits long for the other's end.

    The files for a browser come one after the other: as long as they do, a process keeps its Chromium.
    """
    if not hasattr(config, "workerinput"):  # pytest-xdist's mark on its processes
        return
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (item.get_closest_marker("browser") is None, -slow[item.path]))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for everything a program under test writes."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, with a migrated database called `migrated`; skips without PostgreSQL, but fails in CI."""
    programs = find_programs()
    if programs is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    server = Postgres(programs)
    server.start()
    try:
        database = Database.open(server.url(server.create(name="migrated")))
        migrations.upgrade(database)
        database.close()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "lossdeck.db"
    database = Database.open(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture
def sqlite_database(home: Path, migrated_sqlite: Path) -> Iterator[Database]:
    """The migrated SQLite database of `home`."""
    path = home / "lossdeck.db"
    shutil.copyfile(migrated_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """A migrated PostgreSQL database of its own."""
    name = postgres.create("migrated")
    database = Database.open(postgres.url(name))
    yield database
    database.close()
    postgres.drop(name)


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated, empty database; the test runs once on each kind."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables; the test runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('tmp_path') / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def make_sweep() -> MakeSweep:
    """make_sweep(database, trials=4, epochs=5, name=..., workers=4, **settings): a sweep, all queued."""
    return store_sweep

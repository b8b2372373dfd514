"""Fixtures for all tests: a home folder, a migrated database of each kind, and sweeps to put into it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db import migrations
from store.db.database import Database
from store.read.sweeps import Sweep
from worker import threads

# As a worker does: the BLAS pools of NumPy and SciPy would fight for the cores.
threads.limit_before_numpy()
threads.limit_loaded()

# A shell lets what it starts in the background ignore Ctrl-C, and all programs that this starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)

START = 1_700_000_000.0  # a time, in UTC seconds; tests pass their own clock


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for everything a program under test writes."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


class Postgres:
    """A PostgreSQL server of our own in a temporary folder, reached through a Unix socket."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="lossdeck-pg-"))
        # PostgreSQL refuses to run as root; Debian's package makes this user.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self._port = _free_port()
        self._made = 0

    def start(self) -> None:
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "lossdeck", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-p {self._port} -k {self._folder} -c listen_addresses='' -c fsync=off"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", str(self._folder / "log"), "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder)

    def url(self, name: str) -> str:
        return f"postgresql://lossdeck@/{name}?host={self._folder}&port={self._port}"

    def create(self, template: str = "template1", name: str | None = None) -> str:
        """A new database, copied from another; its name."""
        self._made += 1
        name = name or f"test_{self._made}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        import psycopg

        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, user=self._user, cwd=self._folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(
        Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name)
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, with a migrated database called `migrated`; skips without PostgreSQL, but fails in CI."""
    programs = _programs()
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


MakeSweep = Callable[..., Sweep]


@pytest.fixture
def make_sweep() -> MakeSweep:
    """make_sweep(database, trials=4, epochs=5, name=..., workers=4, **settings): a sweep, all queued."""
    return _make_sweep


def _make_sweep(
    database: Database,
    trials: int = 4,
    *,
    name: str = "test",
    dataset: str = "digits",
    sweep_seed: int = 0,
    workers: int = 4,
    space: dict[str, object] | None = None,
    sampler: str = "random",
    **settings: object,
) -> Sweep:
    fixed = {"epochs": 5, **settings}
    base = Settings.parse(fixed)
    drawn = tuple(replace(base, seed=base.seed if base.seed is not None else n) for n in range(trials))
    new = NewSweep(name, dataset, None, space or {}, fixed, sampler, sweep_seed, drawn)
    with database.write() as connection:
        return sweep_actions.create(connection, new, START, workers=workers)

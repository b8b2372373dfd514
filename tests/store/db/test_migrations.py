"""The migrations build what tables.py says, both ways, with data, under many processes, on both databases.

What the last version with eleven migrations stored is taken over: tests/support/old_home holds some.
"""

import csv
import gzip
import io
import multiprocessing
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, column, inspect, select, table, text

from app.cli import main
from learning.data import catalog
from learning.errors import TooNew, TooOld
from store.db import backup, migrations
from store.db.checkpoints_and_weights import Files
from store.db.database import Database
from store.db.tables import change_counter, metadata
from store.jobs import autopilots, preflights
from store.queue import epochs, workers
from store.read import sweeps, trials
from tests.support.queue_steps import claim
from tests.support.sweeps import MakeSweep
from worker.checkpoints import Checkpoints

OLD_HOME = Path(__file__).parents[2] / "support" / "old_home"
OLDER = ["0001", "0004", "0010"]  # versions before the first that there still is


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database.open(empty_url)
    yield database
    database.close()


@pytest.fixture
def old(empty_url: str) -> Iterator[Database]:
    """A database as the last version with eleven migrations made and filled it, not touched since."""
    if empty_url.startswith("sqlite"):
        from pysqlite3 import dbapi2

        with closing(dbapi2.connect(empty_url.removeprefix("sqlite:///"))) as connection:
            connection.executescript((OLD_HOME / "sqlite.sql").read_text())
    else:
        import psycopg

        with closing(psycopg.connect(empty_url, autocommit=True)) as connection:
            connection.execute((OLD_HOME / "postgresql.sql").read_text())
    database = Database.open(empty_url)
    yield database
    database.close()


@pytest.fixture
def old_backup(tmp_path: Path) -> Path:
    """A backup that the same version wrote."""
    path = tmp_path / "backup.tar"
    path.write_bytes(gzip.decompress((OLD_HOME / "backup.tar.gz").read_bytes()))
    return path


Lossdeck = Callable[..., str]


@pytest.fixture
def lossdeck(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command on `home`, which must succeed; what it prints, on stdout and then on stderr."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("LOSSDECK_HOME", str(home))

    def run(*arguments: object) -> str:
        code = main.run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        assert code == 0, told.err
        return told.out + told.err

    return run


Rows = dict[str, list[str]]


def columns(connection: Connection) -> dict[str, list[str]]:
    """The columns of every table but that of the version."""
    found = inspect(connection)
    names = [name for name in found.get_table_names() if name != "alembic_version"]
    return {name: [column["name"] for column in found.get_columns(name)] for name in names}


def rows(connection: Connection, of: dict[str, list[str]]) -> Rows:
    """What these columns hold, as stored, and the numbers that the next rows will get."""
    found = {
        name: connection.execute(select(table(name, *map(column, names)))).all() for name, names in of.items()
    }
    counters = {
        "sqlite": "SELECT name, seq FROM sqlite_sequence",
        "postgresql": "SELECT sequencename, last_value FROM pg_sequences",
    }
    found["the last numbers given"] = connection.execute(text(counters[connection.dialect.name])).all()
    return {name: sorted(repr(tuple(row)) for row in some) for name, some in found.items()}


def schema(connection: Connection) -> dict[str, Any]:
    """Everything the database says about our tables."""
    found = inspect(connection)
    return {
        name: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(name)
            ],
            "primary key": found.get_pk_constraint(name),
            "foreign keys": sorted(found.get_foreign_keys(name), key=str),
            "indexes": sorted(found.get_indexes(name), key=str),
            "unique": sorted(found.get_unique_constraints(name), key=str),
            "checks": sorted(found.get_check_constraints(name), key=str),
        }
        for name in sorted(metadata.tables)
    }


def statements(connection: Connection) -> dict[str, str]:
    """SQLite keeps the text of each CREATE: AUTOINCREMENT stands nowhere else."""
    if connection.dialect.name != "sqlite":
        return {}
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'"))
    return {row.name: "".join(sorted(re.findall(r"\w+", row.sql or ""))) for row in rows}


def test_the_migrated_schema_is_that_of_the_tables(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.read() as c:
        migrated, texts = schema(c), statements(c)
    migrations.downgrade(empty, "base")
    with empty.write() as c:
        assert inspect(c).get_table_names() == ["alembic_version"]
        metadata.create_all(c)
    with empty.read() as c:
        assert schema(c) == migrated
        assert statements(c) == texts


def test_alembic_finds_nothing_left_to_do(empty: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    migrations.upgrade(empty)
    with empty.read() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_up_down_and_up_again_with_data(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 3)
    migrations.downgrade(database, "base")
    assert migrations.read_version(database) is None
    migrations.upgrade(database)
    assert migrations.read_version(database) == migrations.read_head()
    assert make_sweep(database, 2).id == 1
    with database.read() as c:
        assert c.execute(select(change_counter)).one()[0] == 1
        assert sweeps.list_all(c)[1] == 1


def test_upgrading_at_head_changes_nothing(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3)
    before = database.version()
    migrations.upgrade(database)
    assert database.version() == before
    with database.read() as c:
        assert sweeps.get(c, made.id) == made


def test_head_is_what_alembic_calls_head() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.read_head()


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    with database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(TooNew, match=r"version 9999 and this program knows \d{4}; install the newer"):
        migrations.upgrade(database)


@pytest.mark.parametrize("version", OLDER)
def test_a_database_from_before_the_first_release_is_refused_and_left_as_it_is(
    old: Database, version: str
) -> None:
    with old.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with old.read() as c:
        made, before = schema(c), rows(c, columns(c))
    for step in (migrations.upgrade, migrations.read_version):
        with pytest.raises(TooOld, match=rf"^The database has schema version {version}, .+\.$"):
            step(old)
    with old.read() as c:
        assert (schema(c), rows(c, columns(c))) == (made, before)
        assert c.execute(text("SELECT version_num FROM alembic_version")).all() == [(version,)]


def test_an_old_database_keeps_every_row(old: Database) -> None:
    with old.read() as c:
        had = columns(c)
        before = rows(c, had)
    assert all(before.values()), "there is something in every table"
    migrations.upgrade(old)
    assert migrations.read_version(old) == migrations.read_head()
    with old.read() as c:
        assert rows(c, had) == before


def test_an_old_database_has_the_schema_of_a_new_one(old: Database) -> None:
    migrations.upgrade(old)
    with old.read() as c:
        taken_over, texts = schema(c), statements(c)
    migrations.downgrade(old, "base")
    migrations.upgrade(old)
    with old.read() as c:
        assert schema(c) == taken_over
        assert statements(c) == texts


def test_an_old_database_is_read_and_goes_on(old: Database, make_sweep: MakeSweep) -> None:
    migrations.upgrade(old)
    with old.read() as c:
        first = sweeps.get(c, 1)
        ended = trials.list_by_sweep(c, 1)
        curves = [epochs.list_by_trial(c, trial.id) for trial in ended]
        halved = trials.list_by_sweep(c, 2)
        search, checks = autopilots.get(c, 1), preflights.get(c, 1)
        notes, (known,) = sweeps.get_notes(c, 1), workers.list_all(c)
    assert first is not None
    assert (first.name, first.state, first.trials) == ("small rates and one too large", "finished", 4)
    assert (first.tags, notes) == (
        ("digits", "first look"),
        "The rates are **tried by hand**, ½ of them too low.",
    )
    assert [trial.state for trial in ended] == ["finished", "finished", "finished", "diverged"]
    assert [trial.excluded for trial in ended] == [False, False, True, False]
    assert ended[3].reason == "cost 6.05e7 > 3 x the first cost 10.2"
    assert [len(curve) for curve in curves] == [3, 3, 3, 1]
    assert [curve[-1].val_acc for curve in curves[:3]] == [trial.best_val_acc for trial in ended[:3]]
    assert all(len(row.trace or ()) == 12 for curve in curves[:3] for row in curve)
    assert [trial.spared for trial in halved] == [0, 2, 0, 0]
    assert search is not None
    assert (search.state, search.winner_id, search.sweep_ids) == ("finished", 10, (3, 4))
    assert checks is not None
    assert (checks.state, len(checks.checks)) == ("finished", 7)
    assert (known.host, known.gone_at is None) == ("example", False)

    waiting = claim(old)
    assert [(trial.id, waiting.sweep_id) for trial in waiting.trials] == [(17, 5)]
    assert make_sweep(old, 2).id == 6


def test_a_backup_of_an_old_home_is_restored_and_used(
    home: Path, old_backup: Path, lossdeck: Lossdeck, tmp_path: Path
) -> None:
    assert "Restored 15 files" in lossdeck("restore", old_backup)
    lossdeck("migrate")
    exported = list(csv.DictReader(io.StringIO(lossdeck("export", 1))))
    assert [row["state"] for row in exported] == ["finished", "finished", "finished", "diverged"]
    assert [row["lr"] for row in exported] == ["0.03", "0.1", "0.001", "1000.0"]

    digits = catalog.load("digits", home, None)
    np.savez(tmp_path / "test.npz", X=digits.X_test, y=digits.y_test)
    assert "Accuracy 0.4949 on 297 examples." in lossdeck("predict", 10, tmp_path / "test.npz")
    with closing(Database.open(f"sqlite:///{home / 'lossdeck.db'}")) as database:
        with database.read() as c:
            looks = c.execute(text("SELECT trial_id, accuracy FROM test_look")).all()
        assert looks == [(10, pytest.approx(0.4949, abs=1e-4))], "as its own test said"
        state = Checkpoints(Files(home), claim(database)).resume()
    assert state is not None
    assert (state.epoch, state.keys) == (5, (17,)), "the trial that was under way goes on"

    lossdeck("backup", tmp_path / "again.tar")


@pytest.mark.parametrize("version", OLDER)
def test_a_copy_from_before_the_first_release_is_not_restored(
    sqlite_database: Database, tmp_path: Path, version: str
) -> None:
    with sqlite_database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    backup.write(sqlite_database, tmp_path / "copy.db")
    with pytest.raises(TooOld, match=f"schema version {version}"):
        backup.check(tmp_path / "copy.db")


def _upgrade(url: str, together: Any) -> None:
    together.wait()
    database = Database.open(url)
    migrations.upgrade(database)
    database.close()


@pytest.mark.slow
def test_four_processes_may_migrate_at_once(empty_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(4)
    processes = [spawn.Process(target=_upgrade, args=(empty_url, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    database = Database.open(empty_url)
    assert migrations.read_version(database) == migrations.read_head()
    with database.read() as c:
        assert len(c.execute(select(change_counter)).all()) == 1
    database.close()

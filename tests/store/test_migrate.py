"""The migrations build what tables.py says, both ways, with data, under many processes, on both databases."""

import multiprocessing
import re
from collections.abc import Iterator
from typing import Any

import pytest
from made import MakeSweep
from sqlalchemy import Connection, inspect, select, text

from store.db import migrations
from store.db.database import Database
from store.db.tables import clock, metadata
from store.read import sweeps


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database.open(empty_url)
    yield database
    database.close()


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
    assert migrations.current(database) is None
    migrations.upgrade(database)
    assert migrations.current(database) == migrations.head()
    assert make_sweep(database, 2).id == 1
    with database.read() as c:
        assert c.execute(select(clock)).one()[0] == 1
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
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.head()


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    with database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        migrations.TooNew, match=r"version 9999 and this program knows \d{4}; install the newer"
    ):
        migrations.upgrade(database)


def _upgrade(url: str, together: Any) -> None:
    together.wait()
    database = Database.open(url)
    migrations.upgrade(database)
    database.close()


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
    assert migrations.current(database) == migrations.head()
    with database.read() as c:
        assert len(c.execute(select(clock)).all()) == 1
    database.close()

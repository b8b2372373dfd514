"""How the database is opened, which SQLite is refused, and how transactions behave."""

from pathlib import Path

import pytest
from sqlalchemy import text

from learning.errors import DatabaseError
from store.config import Config
from store.db.database import BUSY_TIMEOUT, Database, has_wal_reset_bug
from store.queue import workers
from tests.support.queue_steps import NOW


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_which_sqlite_can_corrupt_a_shared_database(version: tuple[int, ...], bad: bool) -> None:
    assert has_wal_reset_bug(version) == bad


def test_an_unfixed_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pysqlite3 import dbapi2

    monkeypatch.setattr(dbapi2, "sqlite_version_info", (3, 51, 2))
    monkeypatch.setattr(dbapi2, "sqlite_version", "3.51.2")
    with pytest.raises(DatabaseError, match=r"SQLite 3\.51\.2 can corrupt .* install pysqlite3 0\.6\.1"):
        Database.open(f"sqlite:///{tmp_path / 'a.db'}")


def test_sqlite_is_set_up_on_every_connection(sqlite_database: Database) -> None:
    for transaction in (sqlite_database.read, sqlite_database.write):
        with transaction() as c:
            found = {
                name: c.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous", "mmap_size")
            }
            assert found == {
                "journal_mode": "wal",
                "busy_timeout": BUSY_TIMEOUT * 1000,
                "foreign_keys": 1,
                "synchronous": 1,
                "mmap_size": 0,
            }


def test_a_write_begins_with_the_lock_and_a_read_without(sqlite_database: Database) -> None:
    from pysqlite3 import dbapi2

    other = dbapi2.connect(sqlite_database.url.database, timeout=0, isolation_level=None)
    with sqlite_database.read():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    with sqlite_database.write(), pytest.raises(dbapi2.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_an_error_rolls_back(database: Database) -> None:
    def register_and_fail() -> None:
        with database.write() as c:
            workers.register(c, "w", "host", 1, {}, NOW)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        register_and_fail()
    with database.read() as c:
        assert workers.list_all(c) == ()


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as reader:
        assert workers.list_all(reader) == ()
        with database.write() as c:
            workers.register(c, "w", "host", 1, {}, NOW)
        assert workers.list_all(reader) == ()
    with database.read() as reader:
        assert len(workers.list_all(reader)) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://somewhere/x", "mysql is not supported"),
        ("nonsense", "is not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message):
        Database.open(url)


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    database = Database.open(Config(home=tmp_path / "a" / "b"))
    with database.read() as c:
        assert c.execute(text("SELECT 1")).scalar_one() == 1
    database.close()
    assert (tmp_path / "a" / "b" / "lossdeck.db").is_file()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_driver_is_named_for_the_user(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://u:p@h:1/d")
    database = Database.open(Config())
    assert database.url.render_as_string(hide_password=False) == "postgresql+psycopg://u:p@h:1/d"
    database.close()


def test_config_reads_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name, value in {"HOME": str(tmp_path), "WORKERS": "3", "PORT": "9", "DATA": "", "TOKEN": "t"}.items():
        monkeypatch.setenv(f"LOSSDECK_{name}", value)
    config = Config()
    assert (config.home, config.workers, config.port, config.data, config.token) == (
        tmp_path,
        3,
        9,
        None,
        "t",
    )
    assert config.url == f"sqlite:///{tmp_path}/lossdeck.db"


def test_workers_come_are_seen_and_go(database: Database) -> None:
    with database.write() as c:
        workers.register(c, "a", "host", 1, {"numpy": "2.4"}, NOW)
        workers.register(c, "b", "host", 2, {}, NOW + 1)
    with database.read() as c:
        before = {worker.token: worker for worker in workers.list_all(c)}
    assert (before["a"].facts, before["a"].group_id, before["a"].gone_at) == ({"numpy": "2.4"}, None, None)
    with database.write() as c:
        workers.touch(c, "a", None, NOW + 2)
        workers.touch(c, "b", 7, NOW + 2)
    with database.read() as c:
        after = {worker.token: worker for worker in workers.list_all(c)}
    assert (after["a"].seen_at, after["a"].changed) == (NOW + 2, before["a"].changed)
    assert (after["b"].group_id, after["b"].changed > before["b"].changed) == (7, True)
    with database.write() as c:
        workers.mark_gone(c, "b", NOW + 3)
    with database.read() as c:
        assert [(worker.token, worker.gone_at) for worker in workers.list_all(c)] == [
            ("a", None),
            ("b", NOW + 3),
        ]

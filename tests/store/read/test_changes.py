"""The cursor: nothing twice, nothing left out, deletions noticed."""

from store.actions import sweep_actions, trial_actions
from store.db import change_counter
from store.db.database import Database
from store.queue import epochs, workers
from store.read import changes, trials
from tests.support.queue_steps import NOW, claim, record, train_all
from tests.support.sweeps import MakeSweep


def after(database: Database, cursor: int, only: list[int] | None = None, limit: int = 500) -> list[str]:
    with database.read() as c:
        return [change.kind for change in changes.list_since(c, cursor, only, limit)]


def now(database: Database) -> int:
    with database.read() as c:
        return changes.read_cursor(c)


def test_each_write_shows_once_and_what_it_changed(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    assert sorted(after(database, 0)) == ["sweep", "trial"]
    cursor = now(database)
    assert after(database, cursor) == []
    claimed = claim(database)
    assert sorted(after(database, cursor)) == ["sweep", "trial"]
    record(database, claimed, 1)
    assert sorted(after(database, cursor)) == ["epoch", "sweep", "trial"]
    cursor = now(database)
    record(database, claimed, 2)
    assert sorted(after(database, cursor)) == ["epoch", "sweep", "trial"]


def test_reading_in_small_steps_gives_every_epoch_once_and_the_last_states(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 6)
    train_all(database)
    cursor, found = 0, []
    while True:
        with database.read() as c:
            step = changes.list_since(c, cursor, None, 7)
        if not step:
            break
        assert len(step) <= 7
        found += step
        cursor = step[-1].seq
    assert [change.seq for change in found] == sorted({change.seq for change in found})
    assert [change.kind for change in found].count("epoch") == 30
    assert [change.kind for change in found].count("trial") == 6
    assert cursor <= now(database)


def test_a_reader_of_some_sweeps_hears_of_those_only(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    other = make_sweep(database, 2)
    with database.write() as c:
        workers.register(c, "w", "host", 1, {}, NOW)
    with database.read() as c:
        found = changes.list_since(c, 0, [other.id])
        assert changes.list_since(c, 0, []) == ()
    assert sorted(change.kind for change in found) == ["sweep", "trial", "trial"]
    assert after(database, 0).count("worker") == 1


def test_deleting_and_retrying_tell_readers_to_start_again(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 1)
    kept = make_sweep(database, 1)
    with database.write() as c:
        sweep_actions.act(c, made.id, "cancel", NOW)
    cursor = now(database)
    with database.write() as c:
        sweep_actions.delete(c, made.id)
    with database.read() as c:
        (reset,) = changes.list_since(c, cursor)
    assert (reset.kind, reset.row, reset.seq) == ("reset", None, now(database))
    assert after(database, reset.seq) == []
    with database.write() as c:
        sweep_actions.act(c, kept.id, "cancel", NOW)
        trial_actions.retry(c, trials.list_by_sweep(c, kept.id)[0].id, NOW)
    assert after(database, reset.seq) == ["reset"]


def test_a_cursor_from_another_database_is_told_to_start_again(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 1)
    assert after(database, now(database) + 1) == ["reset"]


def test_what_is_rolled_back_leaves_no_number(database: Database) -> None:
    before = now(database)
    try:
        with database.write() as c:
            assert list(change_counter.take(c, 3)) == [before + 1, before + 2, before + 3]
            raise InterruptedError
    except InterruptedError:
        assert now(database) == before


def test_version_changes_with_commits_of_this_and_other_connections(
    database: Database, make_sweep: MakeSweep
) -> None:
    other = Database.open(database.url.render_as_string(hide_password=False))
    versions = [database.version()]
    assert database.version() == versions[0]
    make_sweep(database, 1)
    versions.append(database.version())
    make_sweep(other, 1)
    versions.append(database.version())
    assert len(set(versions)) == 3
    other.close()


def test_epochs_of_a_sweep_come_by_cursor_too(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2, workers=2)
    train_all(database)
    with database.read() as c:
        first, cursor = epochs.list_by_sweep(c, made.id, 0, 4)
        rest, last = epochs.list_by_sweep(c, made.id, cursor, 100)
        assert epochs.list_by_sweep(c, made.id, last, 100) == ((), last)
        assert epochs.list_by_sweep(c, made.id + 1, 0, 100) == ((), 0)
    assert len(first) == 4
    assert len({(row.trial_id, row.epoch) for row in (*first, *rest)}) == 10
    assert first[0].trace is None

"""Actions on many trials at once: they change those that allow it, in one transaction."""

import pytest

from learning.errors import NotAllowed
from store.actions import bulk_actions, sweep_actions
from store.db.database import Database
from store.read import changes, sweeps
from tests.support.queue_steps import NOW, claim, record, train_all
from tests.support.rows import load_states
from tests.support.sweeps import MakeSweep


def test_stopping_all_that_live_ends_the_sweep(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, trials=6, epochs=3)
    running = claim(database)
    record(database, running, 1)
    with database.read() as c:
        before = changes.read_cursor(c)
    with database.write() as c:
        outcome = bulk_actions.act(c, made.id, "stop", NOW)
    assert outcome == bulk_actions.BulkResult((0, 1, 2, 3, 4, 5), {})
    assert load_states(database, made.id) == ["stopped"] * 6
    with database.read() as c:
        found = changes.list_since(c, before, [made.id])
        assert [change.kind for change in found].count("trial") == 6
        ended = sweeps.get(c, made.id)
    assert ended is not None
    assert ended.state == "finished"
    assert record(database, running, 2) == frozenset()


def test_a_retry_deletes_the_curves_and_asks_readers_to_start_again(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, trials=3, epochs=2)
    with database.write() as c:
        bulk_actions.act(c, made.id, "stop", NOW, [1])
    train_all(database)
    with database.read() as c:
        before = changes.read_cursor(c)
    with database.write() as c:
        outcome = bulk_actions.act(c, made.id, "retry", NOW)
    assert outcome.done == (1,)
    assert set(outcome.refused) == {0, 2}
    with database.read() as c:
        assert [change.kind for change in changes.list_since(c, before)] == ["reset"]
    train_all(database)
    assert load_states(database, made.id) == ["finished"] * 3


def test_a_sweep_that_is_stopping_lets_none_be_retried(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, trials=2, workers=4)
    claim(database)
    with database.write() as c:
        sweep_actions.act(c, made.id, "stop", NOW)
    with pytest.raises(NotAllowed, match="is stopping"), database.write() as c:
        bulk_actions.act(c, made.id, "retry", NOW)
    assert load_states(database, made.id).count("cancelled") == 1

"""Real workers run preflights to the end, before groups, through kills, and give them back when asked to."""

import os
import signal
from pathlib import Path

import pytest

from learning.preflight import preflight
from learning.search.recipes import plan_recipe
from learning.settings import Settings
from store.config import Config
from store.db.database import Database
from store.jobs import preflights
from store.jobs.preflights import Claim, Preflight
from store.queue import claimed_groups, workers
from tests.support.rows import load_preflight
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import Start, list_children, wait_until
from worker.preflight_run import run_preflight

pytestmark = pytest.mark.slow

NOW = 1_700_000_100.0


def make(database: Database, **values: object) -> int:
    settings = Settings.parse({**plan_recipe("coarse", "digits").settings, "seed": 0, **values})
    with database.write() as c:
        return preflights.create(c, str(values.get("dataset", "digits")), settings, NOW).id


def claim(database: Database, worker: str = "w") -> Claim:
    with database.write() as c:
        found = preflights.claim(c, worker, NOW)
    assert found is not None
    return found


def wait_for(database: Database, id: int, *states: str) -> Preflight:
    wait_until(lambda: load_preflight(database, id).state in states, f"preflight {id} to be {states}")
    return load_preflight(database, id)


def test_a_worker_runs_all_checks(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database)
    start("--single")
    done = wait_for(sqlite_database, id, "finished", "failed")
    wait_until(lambda: _works_on(sqlite_database) == [None], "the worker to be idle again")
    assert [check.code for check in done.checks] == list(preflight.CHECK_CODES)
    assert done.passed


def test_a_preflight_goes_before_a_sweep(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    """The sweep would take hours; with one worker only a preflight that goes first ends."""
    make_sweep(sqlite_database, 8, epochs=10_000, val_count=300)
    id = make(sqlite_database)
    start("--single")
    assert wait_for(sqlite_database, id, "finished", "failed").passed
    wait_until(lambda: bool(_running(sqlite_database)), "the sweep to begin")


def test_what_cannot_be_loaded_fails_with_a_reason(sqlite_database: Database, start: Start) -> None:
    """And the worker goes on with the next."""
    with sqlite_database.write() as c:
        lost = preflights.create(c, "nowhere", Settings(seed=0), NOW).id
    id = make(sqlite_database)
    start("--single")
    assert "nowhere" in str(wait_for(sqlite_database, lost, "failed").reason)
    assert wait_for(sqlite_database, id, "finished").passed


def test_sigterm_gives_it_back(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database, hidden=[1024])
    process = start("--single")
    wait_until(lambda: len(load_preflight(sqlite_database, id).checks) >= 4, "the long checks")
    assert _works_on(sqlite_database) == [id]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    row = load_preflight(sqlite_database, id)
    assert (row.state, row.worker, row.failures) == ("queued", None, 0)


def test_a_killed_workers_preflight_is_run_again(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database, hidden=[512])
    supervisor = start(workers=1)
    wait_until(lambda: len(load_preflight(sqlite_database, id).checks) >= 4, "the long checks")
    [child] = list_children(supervisor)
    os.kill(child.pid, signal.SIGKILL)
    done = wait_for(sqlite_database, id, "finished", "failed")
    assert (done.passed, done.attempt, done.failures) == (True, 2, 1)
    assert [check.code for check in done.checks] == list(preflight.CHECK_CODES)


@pytest.mark.parametrize("checks_before", [0, 2])
def test_one_that_was_cancelled_stops_at_the_next_check(
    sqlite_database: Database, home: Path, checks_before: int
) -> None:
    id, claimed = make(sqlite_database), claim(sqlite_database)
    asked = 0

    def going() -> bool:
        nonlocal asked
        asked += 1
        if asked == checks_before:
            _cancel(sqlite_database, id)
        return True

    if checks_before == 0:
        _cancel(sqlite_database, id)
    run_preflight(claimed, sqlite_database, Config(home=home), going)
    assert (load_preflight(sqlite_database, id).state, len(load_preflight(sqlite_database, id).checks)) == (
        "cancelled",
        checks_before,
    )


def _cancel(database: Database, id: int) -> None:
    with database.write() as c:
        preflights.cancel(c, id, NOW)


def _works_on(database: Database) -> list[int | None]:
    """The preflight of each living worker."""
    with database.read() as c:
        return [worker.preflight_id for worker in workers.list_all(c) if worker.gone_at is None]


def _running(database: Database) -> dict[int, tuple[int, str]]:
    with database.read() as c:
        return claimed_groups.list_beats(c)

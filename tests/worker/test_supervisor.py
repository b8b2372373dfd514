"""The supervisor: restarts, adoption, orphans, and the facts that workers register."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from store.db.database import Database
from store.queue import claimed_groups, claims
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    Start,
    count_epochs_done,
    find_busy_workers,
    list_children,
    list_workers,
    wait_until,
)
from worker.supervisor import (
    FIRST_RESTART_DELAY,
    HEALTHY_SECONDS,
    LONGEST_RESTART_DELAY,
    Child,
    describe_exit,
    restart_delay,
)

pytestmark = pytest.mark.slow

LONG = STEADY_NETS | {"epochs": 5000, "hidden": [20], "batch_size": 50}


def test_delays_double_up_to_the_longest() -> None:
    delays = [restart_delay(deaths) for deaths in range(1, 30)]
    assert delays[:4] == [
        FIRST_RESTART_DELAY,
        2 * FIRST_RESTART_DELAY,
        4 * FIRST_RESTART_DELAY,
        8 * FIRST_RESTART_DELAY,
    ]
    assert delays[-1] == LONGEST_RESTART_DELAY


@pytest.mark.parametrize(
    ("lived", "progressed", "deaths"),
    [(HEALTHY_SECONDS, False, 1), (HEALTHY_SECONDS - 1, False, 4), (HEALTHY_SECONDS - 1, True, 1)],
)
def test_a_long_life_or_progress_makes_up_for_earlier_deaths(
    lived: float, progressed: bool, deaths: int
) -> None:
    child = Child(started=100.0, deaths=3)
    child.record_death(100.0 + lived, progressed)
    assert child.deaths == deaths
    assert child.due == 100.0 + lived + restart_delay(deaths)


def test_causes_are_words() -> None:
    assert describe_exit(-9) == "worker was killed by signal 9"
    assert describe_exit(3) == "worker exited with code 3"


def test_a_dead_worker_is_replaced_and_its_group_goes_on(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 1, **LONG)
    supervisor = start(workers=1)
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 2, "the first epochs")
    (victim,) = list_children(supervisor)
    victim.kill()
    wait_until(lambda: load_trials(sqlite_database, sweep.id)[0].attempt == 2, "the second attempt")
    assert {trial.failures for trial in load_trials(sqlite_database, sweep.id)} == {0}
    (successor,) = list_children(supervisor)
    assert set(find_busy_workers(sqlite_database)) == {successor.pid}
    assert sorted(worker.gone_at is None for worker in list_workers(sqlite_database)) == [False, True]


def test_workers_outlive_their_supervisor_by_an_epoch_only(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 4, **LONG)
    supervisor = start(workers=2)
    wait_until(lambda: len(find_busy_workers(sqlite_database)) == 2, "two busy workers")
    crew = list_children(supervisor)
    supervisor.kill()
    supervisor.wait()
    died = time.monotonic()
    wait_until(lambda: not any(map(lives, crew)), "the workers' end")
    assert time.monotonic() - died < 5
    assert {(trial.state, trial.failures) for trial in load_trials(sqlite_database, sweep.id)} == {
        ("queued", 0)
    }


def test_a_new_supervisor_takes_back_what_died_with_the_old_one(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 1, **LONG)
    first = start(workers=1)
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 0, "the first epoch")
    for process in [*list_children(first), psutil.Process(first.pid)][::-1]:
        process.kill()
    first.wait()
    assert {trial.state for trial in load_trials(sqlite_database, sweep.id)} == {"running"}
    start(workers=1)
    wait_until(lambda: load_trials(sqlite_database, sweep.id)[0].attempt == 2, "the second attempt")
    assert {trial.failures for trial in load_trials(sqlite_database, sweep.id)} == {0}


def test_facts_of_two_workers_name_their_blas_and_one_thread(sqlite_database: Database, start: Start) -> None:
    start(workers=2)
    wait_until(lambda: len(list_workers(sqlite_database)) == 2, "two workers to be known")
    for worker in list_workers(sqlite_database):
        assert worker.facts["threads"] == 1
        assert all(worker.facts[name] for name in ("numpy", "blas", "core"))
        assert json.loads(json.dumps(worker.facts)) == worker.facts
    assert len({worker.pid for worker in list_workers(sqlite_database)}) == 2
    assert os.getpid() not in {worker.pid for worker in list_workers(sqlite_database)}


def test_a_database_without_its_schema_is_refused_in_one_sentence(start: Start, tmp_path: Path) -> None:
    process = start()
    assert process.wait(30) == 1
    log = (tmp_path / "log").read_text()
    assert "run `lossdeck migrate`" in log
    assert "Traceback" not in log


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_frozen_worker_that_lost_its_group_writes_nothing_when_it_wakes(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 1, **LONG)
    zombie = start("--single", "--token", "zombie")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 0, "the first epoch")
    with sqlite_database.write() as c:  # it is frozen while the lock is ours, so it holds none
        zombie.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_STOPPED, "the freeze")
        assert claimed_groups.abandon(c, "zombie", "worker was silent", time.time()) == 1
        claim = claims.claim(c, "successor", time.time())
    assert claim is not None
    before = count_epochs_done(sqlite_database, sweep.id)
    zombie.send_signal(signal.SIGCONT)
    # It is refused at its next record, lets go and asks for other work, as its idle sign of life shows.
    wait_until(lambda: list_workers(sqlite_database)[0].group_id is None, "the zombie to let go")
    assert count_epochs_done(sqlite_database, sweep.id) == before
    with sqlite_database.read() as c:
        assert claimed_groups.list_beats(c)[claim.group_id][1] == "successor"
    assert {trial.attempt for trial in load_trials(sqlite_database, sweep.id)} == {2}

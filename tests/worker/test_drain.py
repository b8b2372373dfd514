"""SIGTERM and what users ask for in mid-training, on real processes."""

import signal
import time
from pathlib import Path

import pytest

from store.actions import sweep_actions, trial_actions
from store.db.database import Database
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    Start,
    count_epochs_done,
    find_busy_workers,
    list_children,
    list_epochs,
    list_workers,
    read_state,
    wait_for_end,
    wait_until,
)

pytestmark = pytest.mark.slow

LONG = STEADY_NETS | {"epochs": 5000, "hidden": [20], "batch_size": 50}
EPOCH = 5.0  # seconds; more than an epoch of these nets takes on a busy machine


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_ends(sqlite_database: Database, start: Start, number: signal.Signals) -> None:
    worker = start("--single")
    wait_until(lambda: len(list_workers(sqlite_database)) == 1, "the worker to be known")
    worker.send_signal(number)
    assert worker.wait(10) == 0
    assert list_workers(sqlite_database)[0].gone_at is not None


def test_a_busy_worker_finishes_its_epoch_and_gives_its_group_back(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start, tmp_path: Path
) -> None:
    sweep = make_sweep(sqlite_database, 1, **LONG)
    worker = start("--single")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 0, "the first epoch")
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert time.monotonic() - asked < EPOCH
    (left,) = load_trials(sqlite_database, sweep.id)
    assert (left.state, left.failures, left.attempt) == ("queued", 0, 1)

    start("--single")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > left.epochs_done, "more epochs")
    epochs = [row.epoch for row in list_epochs(sqlite_database, sweep.id)]
    assert epochs == list(range(1, len(epochs) + 1))
    went_on = f"group 1 goes on after epoch {left.epochs_done} of {left.epochs_done} stored"
    assert went_on in (tmp_path / "log").read_text()


def test_the_supervisor_passes_the_request_on(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 4, **LONG)
    supervisor = start(workers=2)
    wait_until(lambda: len(find_busy_workers(sqlite_database)) == 2, "two busy workers")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 2, "the first epochs")
    crew = list_children(supervisor)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert not any(child.is_running() for child in crew)
    assert {(trial.state, trial.failures) for trial in load_trials(sqlite_database, sweep.id)} == {
        ("queued", 0)
    }
    assert all(worker.gone_at is not None for worker in list_workers(sqlite_database))


def test_cancel_ends_the_training_at_the_next_epoch(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 2, workers=2, **LONG)
    after = make_sweep(sqlite_database, 1, **LONG | {"epochs": 2})
    start("--single")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 0, "the first epoch")
    with sqlite_database.write() as c:
        sweep_actions.act(c, sweep.id, "cancel", time.time())
    rows = len(list_epochs(sqlite_database, sweep.id))
    wait_for_end(sqlite_database, after.id)  # the worker is free for the next sweep
    assert read_state(sqlite_database, sweep.id) == "cancelled"
    assert len(list_epochs(sqlite_database, sweep.id)) == rows


def test_a_stopped_trial_leaves_its_group_and_keeps_its_best_net(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 6, workers=2, **LONG)  # two groups of three
    start("--single")
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > 0, "the first epoch")
    victim = load_trials(sqlite_database, sweep.id)[1].id
    with sqlite_database.write() as c:
        stopped = trial_actions.stop(c, victim, time.time())
    wait_until(lambda: load_trials(sqlite_database, sweep.id)[1].has_model, "the net of the stopped trial")
    others = count_epochs_done(sqlite_database, sweep.id)
    wait_until(lambda: count_epochs_done(sqlite_database, sweep.id) > others + 4, "the others' next epochs")
    assert load_trials(sqlite_database, sweep.id)[1].epochs_done == stopped.epochs_done
    assert [trial.state for trial in load_trials(sqlite_database, sweep.id)] == [
        "running",
        "stopped",
        "running",
        *["queued"] * 3,
    ]

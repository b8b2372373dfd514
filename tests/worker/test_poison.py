"""Trials that break their worker fail alone, with the cause, and the others end as if nothing had been."""

import pytest

from store.db.database import Database
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import STEADY_NETS, Start, list_epochs, wait_for_end

pytestmark = pytest.mark.slow

EPOCHS = 3
NETS = STEADY_NETS | {"epochs": EPOCHS, "hidden": [20]}
POISON = 2  # number of the poisoned trial in its sweep, and the seed it is drawn with

# A worker whose trainer breaks for one trial, when it reaches its second epoch. {does} is what it then does.
PROGRAM = """
import os, sys
from worker import group_run
from worker.__main__ import main
healthy = group_run.train

def train(members, split, **more):
    poisoned = any(member.settings.seed == 2 for member in members)
    training, kept = healthy(members, split, **more), None
    while True:
        try:
            step = training.send(kept)
        except StopIteration:
            return
        if poisoned and step.state.epoch == 2:
            {does}
        kept = yield step

group_run.train = train
sys.exit(main(["--single", *sys.argv[1:]]))
"""


def test_an_exception_fails_one_trial_alone_with_its_traceback(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 5, workers=2, **NETS)
    worker = start(program=PROGRAM.format(does='raise ArithmeticError("the poison works")'))
    wait_for_end(sqlite_database, sweep.id)
    states = {trial.number: trial.state for trial in load_trials(sqlite_database, sweep.id)}
    assert states == {n: "failed" if n == POISON else "finished" for n in range(5)}
    reason = load_trials(sqlite_database, sweep.id)[POISON].reason
    assert reason is not None
    assert reason.splitlines()[0] == "ArithmeticError: the poison works"
    assert "in train" in reason
    assert worker.poll() is None
    assert all_epochs_but_the_poisoned(sqlite_database, sweep.id)


def test_lack_of_memory_is_reported_and_survived(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 3, workers=2, **NETS)
    worker = start(program=PROGRAM.format(does="bytearray(1 << 62)"))
    wait_for_end(sqlite_database, sweep.id)
    poisoned = load_trials(sqlite_database, sweep.id)[POISON]
    assert poisoned.state == "failed"
    assert poisoned.reason is not None
    assert poisoned.reason.startswith("out of memory")
    assert worker.poll() is None


def test_a_trial_that_kills_its_process_fails_with_the_signal(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 4, workers=2, **NETS)
    supervise = SUPERVISOR.format(program=PROGRAM.format(does="os.kill(os.getpid(), 9)"))
    start(program=supervise, workers=1)
    wait_for_end(sqlite_database, sweep.id)
    ended = load_trials(sqlite_database, sweep.id)
    assert [trial.state for trial in ended] == ["finished", "finished", "failed", "finished"]
    assert ended[POISON].reason == "worker was killed by signal 9"
    assert ended[POISON].failures == 3
    assert all_epochs_but_the_poisoned(sqlite_database, sweep.id)


def test_a_sweep_on_a_data_set_that_is_gone_fails_with_one_sentence(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    gone = make_sweep(sqlite_database, 2, dataset="removed", **NETS)
    there = make_sweep(sqlite_database, 2, **NETS)
    start("--single")
    wait_for_end(sqlite_database, there.id)
    wait_for_end(sqlite_database, gone.id)
    for trial in load_trials(sqlite_database, gone.id):
        assert trial.state == "failed"
        assert trial.reason is not None
        assert "removed" in trial.reason.splitlines()[0]
    assert {trial.state for trial in load_trials(sqlite_database, there.id)} == {"finished"}


# The supervisor with children that run a program of the test's own.
SUPERVISOR = """
import subprocess, sys
from worker import supervisor
from worker.__main__ import main
poisoned = '''{program}'''
start = subprocess.Popen

def popen(command, **more):
    return start([sys.executable, "-c", poisoned, *command[command.index("--token"):]], **more)

supervisor.subprocess.Popen = popen
sys.exit(main([]))
"""


def all_epochs_but_the_poisoned(database: Database, sweep_id: int) -> bool:
    rows = sorted((row.number, row.epoch) for row in list_epochs(database, sweep_id) if row.number != POISON)
    healthy = [trial.number for trial in load_trials(database, sweep_id) if trial.number != POISON]
    return rows == [(number, epoch) for number in healthy for epoch in range(1, EPOCHS + 1)]

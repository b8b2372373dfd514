"""Workers killed at random in mid-sweep: each trial ends once, with the rows of an undisturbed run."""

import os
import random
import re
import shutil
import signal
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from learning.states import LIVING_TRIAL
from store.db.database import Database
from store.queue import claimed_groups, workers
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    Process,
    Start,
    list_epochs,
    wait_for_end,
    wait_until,
)

pytestmark = pytest.mark.slow

KILLS = 20
EPOCHS = 45
TRIALS = 16
NETS = STEADY_NETS | {"epochs": EPOCHS, "hidden": [200], "batch_size": 25}  # many milliseconds an epoch
LATEST = 0.1  # seconds between the moment when a victim is found and its death: a few epochs
DIFFERS = ("seq", "seconds")  # between two runs of the same sweep

STARTS = re.compile(r"group (\d+) goes on after epoch (\d+) of (\d+) stored")


def test_twenty_kills_change_nothing_but_the_attempts(
    sqlite_database: Database,
    migrated_sqlite: Path,
    make_sweep: MakeSweep,
    start: Start,
    home: Path,
    tmp_path: Path,
) -> None:
    sweep = make_sweep(sqlite_database, TRIALS, **NETS)
    disturbed = start()
    kill_at_random(sqlite_database, sweep.id)
    wait_for_end(sqlite_database, sweep.id)
    stop(disturbed)
    assert_went_on((tmp_path / "log").read_text())
    assert_each_ended_once(sqlite_database, sweep.id)
    assert not list((home / "checkpoints").rglob("*.npz"))

    quiet_home = tmp_path / "quiet"
    quiet_home.mkdir()
    shutil.copy(migrated_sqlite, quiet_home)
    with closing(Database.open(f"sqlite:///{quiet_home / 'lossdeck.db'}")) as quiet:
        assert make_sweep(quiet, TRIALS, **NETS).id == sweep.id
        undisturbed = start(cwd=quiet_home)
        wait_for_end(quiet, sweep.id)
        stop(undisturbed)
        assert {trial.attempt for trial in load_trials(quiet, sweep.id)} == {1}
        assert facts(sqlite_database, sweep.id) == facts(quiet, sweep.id)
    assert_same_nets(home, quiet_home)


def kill_at_random(database: Database, sweep_id: int) -> None:
    """Kills workers at a random moment after they have stored something.

    (One that dies twice before it has stored anything is the poisoned group of test_poison.py.)
    Nobody trains on while another begins again, so that the sweep cannot end before the kills do, however
    fast the machine is.
    """
    draw = random.Random(20)
    killed: set[str] = set()
    while len(killed) < KILLS:
        wait_until(
            lambda: bool(victims(database, killed)) or is_over(database, sweep_id),
            "a worker that has stored an epoch",
        )
        time.sleep(draw.uniform(0, LATEST))
        assert not is_over(database, sweep_id), f"the sweep was over after {len(killed)} kills"
        for token, pid in victims(database, killed).items():
            os.kill(pid, signal.SIGKILL)
            killed.add(token)


def is_over(database: Database, sweep_id: int) -> bool:
    return not any(trial.state in LIVING_TRIAL for trial in load_trials(database, sweep_id))


def victims(database: Database, killed: set[str]) -> dict[str, int]:
    """Token -> pid of the workers that live, hold a group and have stored an epoch of it."""
    with database.read() as c:
        living = [
            worker for worker in workers.list_all(c) if worker.gone_at is None and worker.token not in killed
        ]
        return {
            worker.token: worker.pid for worker in living if claimed_groups.has_progressed(c, worker.token)
        }


def stop(process: Process) -> None:
    process.terminate()
    assert process.wait(20) == 0


def facts(database: Database, sweep_id: int) -> list[dict[str, Any]]:
    """Every epoch row of a sweep without what may differ, by trial and epoch."""
    rows = [
        {k: v for k, v in asdict(row).items() if k not in DIFFERS} for row in list_epochs(database, sweep_id)
    ]
    return sorted(rows, key=lambda row: (row["number"], row["epoch"]))


def assert_each_ended_once(database: Database, sweep_id: int) -> None:
    ended = load_trials(database, sweep_id)
    assert {trial.state for trial in ended} == {"finished"}
    assert {trial.epochs_done for trial in ended} == {EPOCHS}
    assert sum(trial.attempt for trial in ended) > TRIALS
    assert [(row["number"], row["epoch"]) for row in facts(database, sweep_id)] == [
        (number, epoch) for number in range(TRIALS) for epoch in range(1, EPOCHS + 1)
    ]


def assert_went_on(log: str) -> None:
    """A group that had stored epochs went on from its checkpoint, not from the beginning."""
    starts = [(int(epoch), int(stored)) for _, epoch, stored in STARTS.findall(log)]
    resumed = [(epoch, stored) for epoch, stored in starts if stored]
    assert len(resumed) >= KILLS // 2
    assert all(0 < epoch <= stored for epoch, stored in resumed)


def assert_same_nets(one: Path, other: Path) -> None:
    """The same nets are kept, the same to the last bit. (What a dead worker half wrote goes by `prune`.)"""
    names = sorted(path.name for path in (one / "models").glob("[0-9]*.npz"))
    assert names
    assert names == sorted(path.name for path in (other / "models").glob("[0-9]*.npz"))
    for name in names:
        assert (one / "models" / name).read_bytes() == (other / "models" / name).read_bytes()

"""Helpers for tests on real worker processes: waiting for a state, looking at processes and rows."""

import subprocess
import time
from collections.abc import Callable

import psutil

from store.db.database import Database
from store.queue import claimed_groups, epochs, workers
from store.queue.epochs import EpochRow
from store.queue.workers import Worker
from tests.support.rows import load_sweep, load_trials

TIMEOUT_SECONDS = 120.0  # seconds; only a failing test waits that long
POLL_SECONDS = 0.01

Process = subprocess.Popen[str]
Start = Callable[..., Process]

# Nets that learn and never diverge; with 64-100-10 and batch 50 a group's epoch takes some ten milliseconds.
STEADY_NETS: dict[str, object] = {
    "init": "he",
    "lr": 1e-3,
    "momentum": 0.9,
    "update": "momentum",
    "dropout": 0.2,
    "val_count": 300,
}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = TIMEOUT_SECONDS) -> None:
    """Polls until the condition holds; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for: {what}"
        time.sleep(POLL_SECONDS)


def end(process: Process) -> None:
    """Kills a process and all below it."""
    if process.poll() is None:
        below = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in below:
            if child.is_running():
                child.kill()
    process.wait()


def list_children(process: Process) -> list[psutil.Process]:
    """The living worker processes of a supervisor."""
    found = psutil.Process(process.pid).children()
    return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]


def read_state(database: Database, sweep_id: int) -> str:
    return load_sweep(database, sweep_id).state


def wait_for_end(database: Database, sweep_id: int) -> None:
    wait_until(lambda: read_state(database, sweep_id) in ("finished", "cancelled"), "the sweep's end")


def list_epochs(database: Database, sweep_id: int) -> tuple[EpochRow, ...]:
    """Every epoch of a sweep, with traces."""
    with database.read() as c:
        return epochs.list_by_sweep(c, sweep_id, 0, 1_000_000, trace=True)[0]


def count_epochs_done(database: Database, sweep_id: int) -> int:
    return sum(trial.epochs_done for trial in load_trials(database, sweep_id))


def list_workers(database: Database) -> tuple[Worker, ...]:
    with database.read() as c:
        return workers.list_all(c)


def find_busy_workers(database: Database) -> dict[int, int]:
    """Pid of each living worker that trains -> the group it trains."""
    with database.read() as c:
        pids = {worker.token: worker.pid for worker in workers.list_all(c) if worker.gone_at is None}
        return {
            pids[token]: group for group, (_, token) in claimed_groups.list_beats(c).items() if token in pids
        }

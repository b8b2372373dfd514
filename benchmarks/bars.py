"""Times that users wait for, each with its bar, on an idle machine: `python -m benchmarks.bars`.

Prints a line for each figure, and fails if one is over its bar.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from benchmarks import seed
from benchmarks.pages import Figure
from benchmarks.served import running, served
from learning.search.space import Space, draw_trials
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db import migrations
from store.db.database import Database
from store.queue import workers
from store.read import sweeps

CALLS = 4  # of the findings; the fastest counts
LONGEST = 120.0  # seconds for anything here; then the measurement is given up
TICK = 0.005
# Nets that learn and never diverge.
STEADY = {
    "init": "he",
    "lr": 1e-3,
    "momentum": 0.9,
    "update": "momentum",
    "dropout": 0.2,
    "val_count": 300,
    "batch_size": 100,
    "epochs": 5,
}


def main() -> int:
    """Prints all figures; 1 if one is over its bar."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    figures = []
    for measure in (findings, search, end):
        with tempfile.TemporaryDirectory(prefix="lossdeck-bars-") as folder:
            figures.append(measure(Path(folder)))
        print(figures[-1], flush=True)
    return 0 if all(figure.kept for figure in figures) else 1


def findings(home: Path) -> Figure:
    """Verdicts come from the workers; the findings of all trials together come from the results alone."""
    with closing(_database(home)) as database:
        sweep = seed.sweep(database, 1_000, 2)
    with served(home) as address:
        times = []
        for _ in range(CALLS):
            started = time.perf_counter()
            urllib.request.urlopen(f"{address}/api/sweeps/{sweep.id}/findings").close()
            times.append(time.perf_counter() - started)
    return Figure("findings of a thousand trials", min(times), 0.2, "s")


def search(home: Path) -> Figure:
    """From the start of the processes to the end of the sweep."""
    drawn = draw_trials(Space({}), STEADY, 100, "random", 0)
    new = NewSweep("steady", "digits", None, Space({}), STEADY, "random", 0, drawn)
    with closing(_database(home)) as database:
        with database.write() as c:
            id = sweep_actions.create(c, new, time.time(), workers=2).id
        started = time.perf_counter()
        with running(home, "worker", LOSSDECK_WORKERS="2"):
            while not _is_finished(database, id):
                _wait(started)
            seconds = time.perf_counter() - started
    return Figure("a hundred trials on the digits, two workers", seconds, 15.0, "s")


def end(home: Path) -> Figure:
    """From SIGTERM to the end of the process."""
    command = [sys.executable, "-m", "worker", "--single"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with closing(_database(home)) as database:
        process = subprocess.Popen(command, env=environment | {"LOSSDECK_HOME": str(home)})
        started = time.perf_counter()
        while not _is_known(database):
            _wait(started)
    started = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(LONGEST)
    return Figure("an idle worker ends", time.perf_counter() - started, 0.3, "s")


def _database(home: Path) -> Database:
    database = Database.open(f"sqlite:///{home / 'lossdeck.db'}")
    migrations.upgrade(database)
    return database


def _is_finished(database: Database, sweep_id: int) -> bool:
    with database.read() as c:
        sweep = sweeps.get(c, sweep_id)
    return sweep is not None and sweep.state == "finished"


def _is_known(database: Database) -> bool:
    with database.read() as c:
        return bool(workers.list_all(c))


def _wait(started: float) -> None:
    if time.perf_counter() - started > LONGEST:
        raise TimeoutError(f"It is not done after {LONGEST:g} s.")
    time.sleep(TICK)


if __name__ == "__main__":
    sys.exit(main())

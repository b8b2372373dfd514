"""The store keeps up: claim, five epochs and the end of trials that train nothing, by the real functions."""

import time

from store.db.database import Database
from tests.support.queue_steps import train_all
from tests.support.sweeps import MakeSweep

ROUNDS = 5
TRIALS = 160
FLOOR = 400  # trials in a second of this process's own time, in the best round: others may be busy beside us


def test_trials_that_train_nothing_pass_quickly(database: Database, make_sweep: MakeSweep) -> None:
    rates, walls = [], []
    for _ in range(ROUNDS):
        make_sweep(database, TRIALS)
        started, wall = time.process_time(), time.perf_counter()
        train_all(database)
        rates.append(TRIALS / (time.process_time() - started))
        walls.append(TRIALS / (time.perf_counter() - wall))
    print(f"{database.dialect}: {max(rates):.0f} trials a second of our time, {max(walls):.0f} on the clock")
    assert max(rates) > FLOOR

"""The store keeps up: claim, five epochs and the end of trials that train nothing, through the real functions."""

import time

from made import MakeSweep, train_all

from store.database import Database

ROUNDS = 5
TRIALS = 160
# Trials a second in the best round. Measured on 2 idle cores: 1,100 to 1,500 on SQLite, 600 to 900 on PostgreSQL;
# the floors leave room for a busy machine.
FLOOR = {"sqlite": 250, "postgresql": 100}


def test_trials_that_train_nothing_pass_quickly(database: Database, make_sweep: MakeSweep) -> None:
    rates = []
    for _ in range(ROUNDS):
        make_sweep(database, TRIALS)
        started = time.perf_counter()
        train_all(database)
        rates.append(TRIALS / (time.perf_counter() - started))
    print(f"{database.dialect}: {max(rates):.0f} trials/s")
    assert max(rates) > FLOOR[database.dialect]

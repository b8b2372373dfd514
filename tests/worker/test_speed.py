"""Queue, checkpoints and the start of the processes must not cost more than the training of small nets."""

import time

from store.db.database import Database
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    Start,
    list_epochs,
    list_trials,
    processes_per_core,
    wait_for_end,
)

EPOCHS = 5
BAR = 15.0  # seconds, with the start of the processes, on two cores


def test_a_hundred_trials_on_digits_with_two_workers(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 100, epochs=EPOCHS, batch_size=100, **STEADY_NETS)
    bar, started = BAR * processes_per_core(), time.monotonic()
    start(workers=2)
    wait_for_end(sqlite_database, sweep.id)
    seconds = time.monotonic() - started
    assert {trial.state for trial in list_trials(sqlite_database, sweep.id)} == {"finished"}
    assert len(list_epochs(sqlite_database, sweep.id)) == 100 * EPOCHS
    assert seconds < bar

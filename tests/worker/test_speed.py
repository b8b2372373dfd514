"""Queue, checkpoints and the start of the processes must not cost more than the training of small nets."""

import time

import pytest
from living import STEADY_NETS, MakeSweep, Start, rows_of, trials_of, wait_for_end

from store.database import Database

BAR = 15.0  # seconds, with the start of the processes, on two cores


@pytest.mark.parametrize("epochs", [5, 20])
def test_a_hundred_trials_on_digits_with_two_workers(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start, epochs: int
) -> None:
    sweep = make_sweep(sqlite_database, 100, epochs=epochs, batch_size=100, **STEADY_NETS)
    started = time.monotonic()
    start(workers=2)
    wait_for_end(sqlite_database, sweep.id)
    seconds = time.monotonic() - started
    assert {one.state for one in trials_of(sqlite_database, sweep.id)} == {"finished"}
    assert len(rows_of(sqlite_database, sweep.id)) == 100 * epochs
    assert seconds < BAR

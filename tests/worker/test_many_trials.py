"""Many small groups through the queue, two workers, every checkpoint and result in its place."""

import pytest

from store.db.database import Database
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import STEADY_NETS, Start, list_epochs, wait_for_end

pytestmark = pytest.mark.slow

EPOCHS = 5


def test_a_hundred_trials_on_digits_with_two_workers(
    sqlite_database: Database, make_sweep: MakeSweep, start: Start
) -> None:
    sweep = make_sweep(sqlite_database, 100, epochs=EPOCHS, batch_size=100, **STEADY_NETS)
    start(workers=2)
    wait_for_end(sqlite_database, sweep.id)
    assert {trial.state for trial in load_trials(sqlite_database, sweep.id)} == {"finished"}
    assert len(list_epochs(sqlite_database, sweep.id)) == 100 * EPOCHS

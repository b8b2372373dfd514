"""The time left: what it is estimated from."""

from store.actions import trial_actions
from store.db.database import Database
from tests.support.queue_steps import NOW, claim, record
from tests.support.rows import load_sweep, load_trials
from tests.support.sweeps import MakeSweep


def test_queued_trials_that_their_user_stops_take_nothing_off_those_that_are_left(
    database: Database, make_sweep: MakeSweep
) -> None:
    """They have not begun: they are no sign that others will end early."""
    made = make_sweep(database, 16, workers=2, epochs=20)
    claimed = claim(database)
    for epoch in range(1, 7):
        record(database, claimed, epoch)
    before = load_sweep(database, made.id)
    running = {trial.id for trial in claimed.trials}
    with database.write() as c:
        for trial in load_trials(database, made.id):
            if trial.id not in running:
                trial_actions.stop(c, trial.id, NOW)
    after = load_sweep(database, made.id)
    assert before.eta_range is not None
    assert after.eta_range is not None
    assert before.eta_seconds is not None
    assert after.eta_seconds is not None
    assert after.eta_seconds < before.eta_seconds
    assert after.eta_range[0] / after.eta_seconds > 0.9 * before.eta_range[0] / before.eta_seconds

"""Stored rows, each read in a transaction of its own."""

from store.db.database import Database
from store.jobs import autopilots, preflights
from store.jobs.autopilots import Autopilot
from store.jobs.preflights import Preflight
from store.read import sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial


def load_sweep(database: Database, id: int) -> Sweep:
    with database.read() as c:
        return sweeps.must_get(c, id)


def load_trial(database: Database, id: int) -> Trial:
    with database.read() as c:
        return trials.must_get(c, id)


def load_trials(database: Database, sweep_id: int) -> tuple[Trial, ...]:
    """All trials of a sweep, by number."""
    with database.read() as c:
        return trials.list_by_sweep(c, sweep_id)


def load_states(database: Database, sweep_id: int) -> list[str]:
    """The states of a sweep's trials, by number."""
    return [trial.state for trial in load_trials(database, sweep_id)]


def load_autopilot(database: Database, id: int) -> Autopilot:
    with database.read() as c:
        return autopilots.must_get(c, id)


def load_preflight(database: Database, id: int) -> Preflight:
    with database.read() as c:
        return preflights.must_get(c, id)

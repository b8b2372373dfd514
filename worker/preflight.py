"""Owns the run of one claimed preflight: the checks one by one, each recorded at once (claims nothing)."""

import time
from collections.abc import Callable

from learning.preflight import preflight
from store.config import Config
from store.db.database import Database
from store.jobs import preflights
from store.jobs.preflights import Claim
from worker import data
from worker.heartbeat import Heartbeat


def run_preflight(
    claim: Claim,
    database: Database,
    config: Config,
    keep_going: Callable[[], bool],
    worker: str | None = None,
) -> None:
    """Runs a claimed preflight to its end, or until it is another's; releases it when `keep_going()` says no.

    Every write goes through the fence of the claim. With `worker` (its token) the heartbeat shows that one as
    alive, too. Raises LeaseLost when the database stays out of reach, and what loading and checking raise.
    """
    with Heartbeat(database, claim, worker) as heartbeat:
        _, split = data.split_for(claim.dataset, claim.settings, config)
        for check in preflight.run(split, claim.settings, claim.dataset):
            if check is not None and not heartbeat.ask(preflights.record, claim, check):
                return
            if not keep_going():
                heartbeat.ask(preflights.release, claim, time.time())
                return
        heartbeat.ask(preflights.finish, claim, time.time())

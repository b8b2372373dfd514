"""Runs a claimed preflight: one check after the other, each recorded at once."""

import time
from collections.abc import Callable

from learning.preflight import preflight
from store.config import Config
from store.db.database import Database
from store.jobs import preflights
from store.jobs.preflights import Claim
from worker import split_cache
from worker.heartbeat import Heartbeat


def run_preflight(
    claim: Claim,
    database: Database,
    config: Config,
    keep_going: Callable[[], bool],
    worker: str | None = None,
) -> None:
    """Runs a claimed preflight to its end or until it is lost; releases it when `keep_going()` is false.

    Every write goes through the fence of the claim. With `worker` (its token) the heartbeat also shows that
    worker as alive. Raises LeaseLost when the database stays out of reach, and loading or checking errors.
    """
    with Heartbeat(database, claim, worker) as heartbeat:
        _, split = split_cache.load_split(claim.dataset, claim.settings, config)
        for check in preflight.run_checks(split, claim.settings, claim.dataset):
            if check is not None and not heartbeat.transact(preflights.record, claim, check):
                return
            if not keep_going():
                heartbeat.transact(preflights.release, claim, time.time())
                return
        heartbeat.transact(preflights.finish, claim, time.time())

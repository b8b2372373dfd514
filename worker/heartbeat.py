"""The heartbeat: keeps a worker's claim alive and runs its transactions."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from store.backoff import generate_delays
from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.jobs import preflights
from store.queue import claimed_groups, claims, workers
from worker.leases import LEASE_SECONDS

log = logging.getLogger("lossdeck.worker")
P = ParamSpec("P")
T = TypeVar("T")
AnyClaim = claims.Claim | preflights.Claim

BEATS_PER_LEASE = 5
JOIN_TIMEOUT = 1.0  # seconds to wait for a beat under way; a late one does no harm, it is fenced
LOST_SHARE = 0.8  # share of the lease without contact after which a worker must assume its group lost


class LeaseLost(Exception):  # noqa: N818  a condition, not a mistake
    """The database was out of reach for 0.8 of the lease: another worker may own the group by now."""


class Heartbeat:
    """Beats in a thread while the claim is held, and runs its transactions.

    Both survive passing errors of the database. `transact` raises LeaseLost once nothing has reached the
    store for 0.8 of the lease on this process's monotonic clock, which runs on while the process is frozen.
    """

    def __init__(
        self,
        database: Database,
        claim: AnyClaim,
        worker: str | None = None,
        lease: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._claim, self._worker = database, claim, worker
        self._lease, self._clock = lease, clock
        self._reached = clock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_done, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(JOIN_TIMEOUT)

    @property
    def is_lost(self) -> bool:
        """Whether another worker may own the group by now."""
        return self._clock() - self._reached > LOST_SHARE * self._lease

    def transact(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `do(connection, ...)` in a transaction, and again after passing errors. Raises LeaseLost."""
        for delay in generate_delays():
            if self.is_lost:
                raise LeaseLost(f"{describe_claim(self._claim)}: the database was out of reach for too long.")
            try:
                return self._try(do, *args, **kwargs)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("%s: will ask the database again: %s", describe_claim(self._claim), error)
            self._done.wait(delay)
        raise AssertionError("generate_delays() never ends")

    def _try(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = self._clock()
        with self._database.write() as connection:
            result = do(connection, *args, **kwargs)
        self._reached = max(self._reached, started)
        return result

    def _beat_until_done(self) -> None:
        while not self._done.wait(self._lease / BEATS_PER_LEASE):
            try:
                self._try(self._beat)
            except Exception as error:  # whatever it is, the next beat may come through
                log.warning("%s: a heartbeat failed: %s", describe_claim(self._claim), error)

    def _beat(self, c: Connection) -> None:
        if isinstance(self._claim, claims.Claim):
            claimed_groups.beat(c, self._claim)
        else:
            preflights.beat(c, self._claim)
        if self._worker is not None:
            show_alive(c, self._worker, self._claim)


def show_alive(c: Connection, worker: str, claim: AnyClaim | None) -> None:
    """Updates the worker list: this worker lives, and what it holds."""
    group_id = claim.group_id if isinstance(claim, claims.Claim) else None
    preflight_id = claim.id if isinstance(claim, preflights.Claim) else None
    workers.touch(c, worker, group_id, time.time(), preflight_id)


def describe_claim(claim: AnyClaim) -> str:
    """The claim, for the log."""
    return f"group {claim.group_id}" if isinstance(claim, claims.Claim) else f"preflight {claim.id}"

"""Owns Heartbeat: a worker's hold on a claimed group or preflight, its line to the store (does not train)."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.jobs import preflights
from store.queue import claims, fence, workers
from worker.leases import LEASE
from worker.pauses import pauses

log = logging.getLogger("lossdeck.worker")
P = ParamSpec("P")
T = TypeVar("T")
Held = claims.Claim | preflights.Claim

BEATS = 5  # beats in one lease
JOIN = 1.0  # seconds to wait for a beat that is under way; a late one does no harm, it is fenced
SURE = 0.8  # share of the lease after which a worker that reached nobody must take its group for lost


class LeaseLost(Exception):  # noqa: N818  a state of affairs, not a mistake
    """The database was out of reach for 0.8 of the lease: another worker may own the group by now."""


class Heartbeat:
    """Beats in a thread while the claim is held, and carries its transactions.

    Both go on through passing errors of the database. `ask` refuses with LeaseLost once nothing has reached
    the store for 0.8 of the lease on this process's monotonic clock, which runs on while it is frozen.
    """

    def __init__(
        self,
        database: Database,
        claim: Held,
        worker: str | None = None,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._claim, self._worker = database, claim, worker
        self._lease, self._clock = lease, clock
        self._reached = clock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(JOIN)

    @property
    def is_lost(self) -> bool:
        """Whether the group must be taken for somebody else's."""
        return self._clock() - self._reached > SURE * self._lease

    def ask(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `do(connection, ...)` in a transaction, again after passing errors. Raises LeaseLost."""
        for pause in pauses():
            if self.is_lost:
                raise LeaseLost(f"{name(self._claim)}: the database was out of reach for too long.")
            try:
                return self._try(do, *args, **kwargs)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("%s: will ask the database again: %s", name(self._claim), error)
            self._done.wait(pause)
        raise AssertionError("pauses() never ends")

    def _try(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = self._clock()
        with self._database.write() as connection:
            answer = do(connection, *args, **kwargs)
        self._reached = max(self._reached, started)
        return answer

    def _beat_on(self) -> None:
        while not self._done.wait(self._lease / BEATS):
            try:
                self._try(self._beat)
            except Exception as error:  # whatever it is, the next beat may come through
                log.warning("%s: a heartbeat failed: %s", name(self._claim), error)

    def _beat(self, c: Connection) -> None:
        if isinstance(self._claim, claims.Claim):
            fence.beat(c, self._claim)
        else:
            preflights.beat(c, self._claim)
        if self._worker is not None:
            touch(c, self._worker, self._claim)


def touch(c: Connection, worker: str, claim: Held | None) -> None:
    """Shows in the list of workers that one lives, and what it holds."""
    group_id = claim.group_id if isinstance(claim, claims.Claim) else None
    preflight_id = claim.id if isinstance(claim, preflights.Claim) else None
    workers.touch(c, worker, group_id, time.time(), preflight_id)


def name(claim: Held) -> str:
    """What is claimed, for the log."""
    return f"group {claim.group_id}" if isinstance(claim, claims.Claim) else f"preflight {claim.id}"

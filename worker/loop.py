"""Owns the worker's loop: claim what is queued, have it run, report what went wrong (does not train)."""

import logging
import os
import time
import traceback
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from store.config import Config
from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.db.weight_files import Files
from store.jobs import preflights
from store.queue import claims, fence, workers
from store.queue.claims import Claim
from worker import autopilot, processes, threads
from worker.heartbeat import BEATS, Held, LeaseLost, name, touch
from worker.leases import LEASE
from worker.pauses import pauses
from worker.preflight import run_preflight
from worker.run import run_group
from worker.signals import Stop

log = logging.getLogger("lossdeck.worker")
P = ParamSpec("P")
T = TypeVar("T")

POLL = 0.05  # seconds between looks for work: microseconds on SQLite, a small query on PostgreSQL
TOUCH = LEASE / BEATS  # seconds between signs of life of an idle worker
LAST_LINES = 12  # of a traceback, in a failed trial's reason
LONGEST_CAUSE = 4000  # characters

RunGroup = Callable[[Claim, Database, Files, Config, Callable[[], bool], str], None]


class Worker:
    """One process's life as a worker, known to the store by its token."""

    def __init__(
        self, database: Database, config: Config, token: str, stop: Stop, run: RunGroup = run_group
    ) -> None:
        self._database, self._files, self._config = database, Files(config.home), config
        self._token, self._stop, self._run = token, stop, run
        self._idle_version: int | None = None  # of the database, when there was nothing to claim
        self._touched = -TOUCH

    def work(self) -> None:
        """Claims and runs preflights and groups until the process is asked to end."""
        facts = threads.facts() | {"process": processes.identity(os.getpid())}
        self._persist(workers.register, self._token, processes.host(), os.getpid(), facts, time.time())
        while not self._stop:
            claim = self._claim()
            if claim is None:
                self._stop.wait(POLL)
            else:
                self.step(claim)
        self._persist(workers.gone, self._token, time.time())

    def step(self, claim: Held) -> None:
        """Runs what was claimed. Whatever goes wrong is reported to the store and stays in this step."""
        keep_going = lambda: not self._stop  # noqa: E731
        reason: str | None = None
        try:
            if isinstance(claim, Claim):
                self._run(claim, self._database, self._files, self._config, keep_going, self._token)
            else:
                run_preflight(claim, self._database, self._config, keep_going, self._token)
            return
        except LeaseLost as error:
            log.warning("%s", error)
        except Exception as error:
            log.exception("%s failed", name(claim))
            reason = None if is_outage(error) else cause(error)
        # Only here, where the failed run's frames and arrays are gone: memory may have been what was lacking.
        self._report(claim, reason)

    def _report(self, claim: Held, reason: str | None) -> None:
        """Gives up what was claimed: failed for a reason, or queued again without one."""
        if isinstance(claim, Claim):
            if reason is None:
                self._persist(fence.release, claim, time.time())
            else:
                self._persist(fence.fail, claim, reason, time.time())
        elif reason is None:
            self._persist(preflights.release, claim, time.time())
        else:
            self._persist(preflights.fail, claim, reason, time.time())

    def _claim(self) -> Held | None:
        """What is to be done, if anything. Asks only after changes, or when a sign of life is due.

        Preflights come first: they take seconds, and somebody waits for them before starting a search, while
        the groups of a sweep in front of them could take hours.
        """
        try:
            version, due = self._database.version(), time.monotonic() - self._touched >= TOUCH
            if version == self._idle_version and not due:
                return None
            autopilot.advance(self._database, self._config)  # before the claim: it may be of what this begins
            with self._database.write() as c:
                claim: Held | None = preflights.claim(c, self._token, time.time())
                claim = claim or claims.claim(c, self._token, time.time())
                if claim or due:
                    touch(c, self._token, claim)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("no claim: %s", error)
            # It may have been committed though its answer was lost: hold nothing that we do not know of.
            why = "the worker lost its connection to the database"
            self._persist(preflights.abandon, self._token, why, time.time(), fault=False)
            self._persist(fence.abandon, self._token, why, time.time())
            return None
        if claim:
            self._idle_version, self._touched = None, -TOUCH  # the end of the group is news
        else:
            self._idle_version, self._touched = version, time.monotonic() if due else self._touched
        return claim

    def _persist(
        self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Calls `do(connection, ...)` in a transaction until it is accepted; None if asked to end first."""
        for pause in pauses():
            try:
                with self._database.write() as connection:
                    return do(connection, *args, **kwargs)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("will write again: %s", error)
            if self._stop.wait(pause):
                break
        return None


def cause(error: Exception) -> str:
    """An exception as the reason of a failed trial: in one line first, then the end of its traceback."""
    short = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, MemoryError):
        short = f"out of memory: {short}"
    lines = "".join(traceback.format_tb(error.__traceback__)).rstrip().splitlines()[-LAST_LINES:]
    return "\n".join([short, *lines])[:LONGEST_CAUSE]

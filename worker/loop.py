"""The worker's loop: claims what is queued, runs it, and reports what went wrong."""

import logging
import os
import time
import traceback
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from store.backoff import generate_delays
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Connection, Database
from store.db.errors import is_outage
from store.jobs import preflights
from store.jobs.verdicts import StaleVerdicts
from store.queue import claimed_groups, claims, workers
from store.queue.claims import Claim
from worker import autopilot_steps, process
from worker.group_run import run_group
from worker.heartbeat import BEATS_PER_LEASE, AnyClaim, LeaseLost, describe_claim, show_alive
from worker.leases import LEASE_SECONDS
from worker.preflight_run import run_preflight
from worker.signals import StopRequest

log = logging.getLogger("lossdeck.worker")
P = ParamSpec("P")
T = TypeVar("T")

POLL_SECONDS = 0.05  # between looks for work: microseconds on SQLite, a small query on PostgreSQL
TOUCH_SECONDS = LEASE_SECONDS / BEATS_PER_LEASE  # between signs of life of an idle worker
TRACEBACK_LINES = 12  # of a traceback, in a failed trial's reason
MAX_CAUSE_LENGTH = 4000  # characters

RunGroup = Callable[[Claim, Database, Files, Config, Callable[[], bool], str], None]


class Worker:
    """One process's life as a worker, known to the store by its token."""

    def __init__(
        self, database: Database, config: Config, token: str, stop: StopRequest, run: RunGroup = run_group
    ) -> None:
        self._database, self._files, self._config = database, Files(config.home), config
        self._token, self._stop, self._run = token, stop, run
        self._verdicts = StaleVerdicts(database, config)
        self._idle_version: int | None = None  # of the database, when there was nothing to claim
        self._touched_at = -TOUCH_SECONDS

    def work(self) -> None:
        """Claims and runs preflights and groups until the process is asked to end."""
        facts = process.read_library_facts() | {"process": process.read_identity(os.getpid())}
        self._persist(workers.register, self._token, process.get_hostname(), os.getpid(), facts, time.time())
        while not self._stop:
            claim = self._claim()
            if claim is None:
                self._stop.wait(POLL_SECONDS)
            else:
                self.step(claim)
        self._persist(workers.mark_gone, self._token, time.time())

    def step(self, claim: AnyClaim) -> None:
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
            log.exception("%s failed", describe_claim(claim))
            reason = None if is_outage(error) else describe_error(error)
        # Only here, where the failed run's frames and arrays are gone: it may have run out of memory.
        self._report(claim, reason)

    def _report(self, claim: AnyClaim, reason: str | None) -> None:
        """Gives up the claim: failed if there is a reason, else queued again."""
        if isinstance(claim, Claim):
            if reason is None:
                self._persist(claimed_groups.release, claim, time.time())
            else:
                self._persist(claimed_groups.fail, claim, reason, time.time())
        elif reason is None:
            self._persist(preflights.release, claim, time.time())
        else:
            self._persist(preflights.fail, claim, reason, time.time())

    def _claim(self) -> AnyClaim | None:
        """Claims the next work, if any. Asks only after changes, or when a sign of life is due.

        Preflights come first: they take seconds, and somebody waits for them before starting a search, while
        the groups of a sweep could take hours.
        """
        try:
            version, due = self._database.version(), time.monotonic() - self._touched_at >= TOUCH_SECONDS
            if version == self._idle_version and not due:
                return None
            autopilot_steps.advance(self._database, self._config)  # first: it may begin what is claimed next
            with self._database.write() as c:
                claim: AnyClaim | None = preflights.claim(c, self._token, time.time())
                claim = claim or claims.claim(c, self._token, time.time())
                if claim or due:
                    show_alive(c, self._token, claim)
            if claim is None:
                self._verdicts.refresh()
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("no claim: %s", error)
            # The claim may have been committed although its answer was lost: give back whatever it was.
            why = "the worker lost its connection to the database"
            self._persist(preflights.abandon, self._token, why, time.time(), fault=False)
            self._persist(claimed_groups.abandon, self._token, why, time.time())
            return None
        if claim:
            self._idle_version, self._touched_at = None, -TOUCH_SECONDS  # the end of the group is news
        else:
            self._idle_version, self._touched_at = version, time.monotonic() if due else self._touched_at
        return claim

    def _persist(
        self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Calls `do(connection, ...)` in a transaction until it succeeds; None if asked to stop first."""
        for delay in generate_delays():
            try:
                with self._database.write() as connection:
                    return do(connection, *args, **kwargs)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("will write again: %s", error)
            if self._stop.wait(delay):
                break
        return None


def describe_error(error: Exception) -> str:
    """An exception as the reason of a failed trial: in one line first, then the end of its traceback."""
    short = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, MemoryError):
        short = f"out of memory: {short}"
    lines = "".join(traceback.format_tb(error.__traceback__)).rstrip().splitlines()[-TRACEBACK_LINES:]
    return "\n".join([short, *lines])[:MAX_CAUSE_LENGTH]

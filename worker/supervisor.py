"""The supervisor: keeps workers alive, and gives back what dead or silent ones held."""

import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from store.backoff import compute_delay
from store.config import Config
from store.db.database import Connection, Database
from store.jobs import preflights
from store.queue import claimed_groups, workers
from worker import process
from worker.leases import LEASE_SECONDS, Leases
from worker.signals import StopRequest

log = logging.getLogger("lossdeck.supervisor")

LEASE_CHECK_SECONDS = 1.0  # between looks at the leases; a child's death interrupts the wait
GRACE_SECONDS = 10.0  # that children get to finish their epoch
FIRST_RESTART_DELAY, LONGEST_RESTART_DELAY = 0.1, 30.0  # seconds; doubles with each death without progress
HEALTHY_SECONDS = 30.0  # of life, after which a child counts as healthy


@dataclass
class Child:
    """A slot for a worker process: the process in it, and when the next may start."""

    token: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0  # in a row, without progress between
    due: float = 0.0

    def start(self, now: float) -> None:
        """Starts a new process in the slot, under a new token."""
        self.token, self.started = secrets.token_hex(8), now
        command = [
            sys.executable,
            "-m",
            "worker",
            "--single",
            "--token",
            self.token,
            "--parent",
            str(os.getpid()),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env={**os.environ, **process.ONE_THREAD}
        )

    def record_death(self, now: float, progressed: bool) -> None:
        """Empties the slot; the next process is due after a delay that grows with deaths in a row."""
        self.deaths = 1 if progressed or now - self.started >= HEALTHY_SECONDS else self.deaths + 1
        self.process, self.due = None, now + restart_delay(self.deaths)


def restart_delay(deaths: int) -> float:
    """Seconds to wait before a restart after so many deaths in a row without progress."""
    return compute_delay(deaths, FIRST_RESTART_DELAY, LONGEST_RESTART_DELAY)


def describe_exit(status: int) -> str:
    """The exit status of a process, as the reason of a failed trial."""
    return f"worker was killed by signal {-status}" if status < 0 else f"worker exited with code {status}"


class Supervisor:
    """Runs the worker processes of this machine, and watches the leases of all workers anywhere."""

    def __init__(
        self,
        database: Database,
        config: Config,
        stop: StopRequest,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._stop, self._clock = database, stop, clock
        self._children = [Child() for _ in range(config.workers)]
        self._leases, self._preflight_leases = Leases(), Leases()
        self._checked_at = -LEASE_CHECK_SECONDS
        self._orphans_done = False

    def run(self) -> None:
        """Keeps all slots filled until asked to stop; then lets the children finish their epoch."""
        while not self._stop:
            self._check()
            self._refill()
            self._stop.wait(self._next_wait())
        self._drain()

    def _check(self) -> None:
        """Errors are only logged: the supervisor outlives them and tries again at the next check."""
        try:
            self._give_back_orphans()
            self._collect_dead()
            self._check_leases()
        except Exception as error:
            log.warning("will look again: %s", error)

    def _give_back_orphans(self) -> None:
        """Once: gives back what workers of this host held that died together with an earlier supervisor."""
        if self._orphans_done:
            return
        with self._database.write() as c:
            for worker in workers.list_all(c):
                ours = worker.gone_at is None and worker.host == process.get_hostname()
                if ours and process.is_dead(worker.pid, worker.facts.get("process")):
                    self._give_back(c, worker.token, "worker died together with its supervisor")
        self._orphans_done = True

    def _collect_dead(self) -> None:
        """Gives back what dead children held. A death ends the wait between checks."""
        for child in self._children:
            status = child.process.poll() if child.process else None
            if status is None:
                continue
            if not self._stop:
                log.warning("%s", describe_exit(status))
            with self._database.write() as c:
                progressed = claimed_groups.has_progressed(c, child.token)
                self._give_back(c, child.token, describe_exit(status))
            child.record_death(self._clock(), progressed)

    def _check_leases(self) -> None:
        """Gives back what silent workers hold, wherever they are; a silent child of ours is replaced."""
        now = self._clock()
        if now - self._checked_at < LEASE_CHECK_SECONDS:
            return
        self._checked_at = now
        with self._database.read() as c:
            beats, preflight_beats = claimed_groups.list_beats(c), preflights.list_beats(c)
        silent = self._leases.find_silent(beats, now)
        silent |= self._preflight_leases.find_silent(preflight_beats, now)
        for token in silent:
            log.warning("worker %s has been silent for %g s", token, LEASE_SECONDS)
            for child in self._children:
                if child.token == token and child.process:
                    child.process.kill()  # first of all: frozen in mid-commit it holds SQLite's write lock
            with self._database.write() as c:
                self._give_back(c, token, f"worker was silent for {LEASE_SECONDS:g} s")

    def _give_back(self, c: Connection, token: str, why: str) -> None:
        preflights.abandon(c, token, why, time.time(), fault=not self._stop)
        claimed_groups.abandon(c, token, why, time.time(), fault=not self._stop)
        workers.mark_gone(c, token, time.time())

    def _refill(self) -> None:
        for child in self._children:
            if child.process is None and self._clock() >= child.due:
                child.start(self._clock())

    def _next_wait(self) -> float:
        """Seconds until the next check, or the next restart if that is sooner."""
        due = [child.due - self._clock() for child in self._children if child.process is None]
        return max(0.0, min([LEASE_CHECK_SECONDS, *due]))

    def _drain(self) -> None:
        living = [child.process for child in self._children if child.process]
        for popen in living:
            popen.terminate()
        deadline = self._clock() + GRACE_SECONDS
        for popen in living:
            try:
                popen.wait(max(0.0, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                log.warning("worker (pid %d) did not end within %g s, it is killed", popen.pid, GRACE_SECONDS)
                popen.kill()
                popen.wait()
        self._check()

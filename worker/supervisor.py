"""Owns the supervisor: keeps workers alive, and gives back what dead or silent ones held (trains nothing)."""

import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from store.config import Config
from store.db.database import Connection, Database
from store.jobs import preflights
from store.queue import fence, workers
from worker import processes, threads
from worker.leases import LEASE, Leases
from worker.signals import Stop

log = logging.getLogger("lossdeck.supervisor")

LOOK = 1.0  # seconds between looks at the leases; a child's death interrupts the wait
GRACE = 10.0  # seconds that children get to finish their epoch
FIRST_DELAY = 0.1  # seconds before the first restart; doubles with each death that followed no progress
LONGEST_DELAY = 30.0
STEADY = 30.0  # seconds of life after which a child counts as healthy


@dataclass
class Child:
    """One place for a worker process: the process in it, and when the next may start."""

    token: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0  # in a row, without progress between
    due: float = 0.0

    def start(self, now: float) -> None:
        """Puts a new process into the place, under a token that was never used."""
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
            command, stdin=subprocess.DEVNULL, env={**os.environ, **threads.ONE_THREAD}
        )

    def bury(self, now: float, progressed: bool) -> None:
        """Empties the place; the next process is due after a delay that grows with deaths in a row."""
        self.deaths = 1 if progressed or now - self.started >= STEADY else self.deaths + 1
        self.process, self.due = None, now + delay(self.deaths)


def delay(deaths: int) -> float:
    """Seconds to wait before a restart after so many deaths in a row without progress."""
    return float(min(FIRST_DELAY * 2 ** min(deaths - 1, 16), LONGEST_DELAY))


def cause(status: int) -> str:
    """The exit status of a process, in words for a trial's reason."""
    return f"worker was killed by signal {-status}" if status < 0 else f"worker exited with code {status}"


class Supervisor:
    """The worker processes of this machine, and the eye on the leases of all workers anywhere."""

    def __init__(
        self, database: Database, config: Config, stop: Stop, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._stop, self._clock = database, stop, clock
        self._children = [Child() for _ in range(config.workers)]
        self._leases, self._preflight_leases = Leases(), Leases()
        self._looked = -LOOK
        self._adopted = False

    def run(self) -> None:
        """Keeps all places filled until asked to end; then lets the children finish their epoch."""
        while not self._stop:
            self._look()
            self._refill()
            self._stop.wait(self._pause())
        self._drain()

    def _look(self) -> None:
        """A supervisor outlives whatever the database does: what fails here is done at the next look."""
        try:
            self._adopt()
            self._bury()
            self._observe()
        except Exception as error:
            log.warning("will look again: %s", error)

    def _adopt(self) -> None:
        """Once: takes back what workers of this host held that died together with an earlier supervisor."""
        if self._adopted:
            return
        with self._database.write() as c:
            for one in workers.all(c):
                ours = one.gone_at is None and one.host == processes.host()
                if ours and processes.is_dead(one.pid, one.facts.get("process")):
                    self._give_back(c, one.token, "worker died together with its supervisor")
        self._adopted = True

    def _bury(self) -> None:
        """Takes back what dead children held. A death ends the wait between looks, so this is at once."""
        for child in self._children:
            status = child.process.poll() if child.process else None
            if status is None:
                continue
            if not self._stop:
                log.warning("%s", cause(status))
            with self._database.write() as c:
                progressed = fence.has_progressed(c, child.token)
                self._give_back(c, child.token, cause(status))
            child.bury(self._clock(), progressed)

    def _observe(self) -> None:
        """Takes back what silent workers hold, wherever they are; a silent child of ours is replaced."""
        now = self._clock()
        if now - self._looked < LOOK:
            return
        self._looked = now
        with self._database.read() as c:
            beats, preflight_beats = fence.beats(c), preflights.beats(c)
        silent = self._leases.silent(beats, now) | self._preflight_leases.silent(preflight_beats, now)
        for token in silent:
            log.warning("worker %s has been silent for %g s", token, LEASE)
            for child in self._children:
                if child.token == token and child.process:
                    child.process.kill()  # first of all: frozen in mid-commit it holds SQLite's write lock
            with self._database.write() as c:
                self._give_back(c, token, f"worker was silent for {LEASE:g} s")

    def _give_back(self, c: Connection, token: str, why: str) -> None:
        preflights.abandon(c, token, why, time.time(), fault=not self._stop)
        fence.abandon(c, token, why, time.time(), fault=not self._stop)
        workers.gone(c, token, time.time())

    def _refill(self) -> None:
        for child in self._children:
            if child.process is None and self._clock() >= child.due:
                child.start(self._clock())

    def _pause(self) -> float:
        """Seconds until the next look, or the next restart if that is sooner."""
        due = [child.due - self._clock() for child in self._children if child.process is None]
        return max(0.0, min([LOOK, *due]))

    def _drain(self) -> None:
        living = [child.process for child in self._children if child.process]
        for process in living:
            process.terminate()
        deadline = self._clock() + GRACE
        for process in living:
            try:
                process.wait(max(0.0, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                log.warning("worker (pid %d) did not end within %g s, it is killed", process.pid, GRACE)
                process.kill()
                process.wait()
        self._look()

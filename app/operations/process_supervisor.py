"""Runs `lossdeck up`: the server in this process, the workers' supervisor in a child that is kept alive."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from types import FrameType
from typing import TYPE_CHECKING

from app.operations.exit_codes import DONE, INTERRUPTED
from store.backoff import compute_delay

if TYPE_CHECKING:
    from store.config import Config

FIRST_RESTART_DELAY, LONGEST_RESTART_DELAY = 0.5, 30.0  # seconds; doubles with each quick death
HEALTHY_SECONDS = 30.0  # of life, after which the supervisor counts as healthy
STOP_SECONDS = 12.0  # for the supervisor to end: a little more than it gives its workers for their epoch
# The first sweep on an empty database: 300 epochs, not the recipe's 20, so that there is time to watch, and
# rates that are too low even for these, so that the good ones lie in a band.
DEMO = {
    "recipe": "coarse",
    "dataset": "digits",
    "settings": {"epochs": 300, "lr_decay": 0.993},
    "space": {"lr": {"log_uniform": [3e-5, 1.0]}, "reg": {"log_uniform": [1e-5, 10.0]}},
}


class SupervisorProcess:
    """The workers' supervisor as a child process, restarted with back-off until it is stopped."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._stopping = threading.Event()
        self._starting = threading.Lock()  # so that no process starts once `stop` has begun
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_alive, name="supervisor", daemon=True)

    def start(self) -> None:
        """Starts the thread that starts the supervisor and watches it."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the supervisor and its workers after their epoch; at a second Ctrl-C or SIGTERM, at once."""
        with self._starting:
            self._stopping.set()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt, SystemExit):
            kill_group(process)
        self._thread.join()

    def _keep_alive(self) -> None:
        deaths = 0
        while (process := self._spawn()) is not None:
            started = time.monotonic()
            status = process.wait()
            deaths = 1 if time.monotonic() - started >= HEALTHY_SECONDS else deaths + 1
            if self._stopping.wait(compute_delay(deaths, FIRST_RESTART_DELAY, LONGEST_RESTART_DELAY)):
                return
            print(
                f"The workers' supervisor ended ({status}) and is started again.", file=sys.stderr, flush=True
            )

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            # A process group of its own: Ctrl-C reaches this process alone, which then stops all in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker", "--parent", str(os.getpid())],
                env=self._environment,
                process_group=0,
            )
            return self._process


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and its children; their trials continue from their checkpoints another time."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def run(config: "Config", environment: Mapping[str, str], demo: bool) -> int:
    """Serves and trains until SIGTERM (0) or Ctrl-C (130); returns the exit code."""
    handle_stop_signals(exit_at_once)
    # Imported before anything is started: an exception raised in a signal handler may get lost in an import.
    from app.serve import serve

    upgrade_database(config)
    if demo:
        queue_demo(config)
    supervisor = SupervisorProcess(environment)
    handle_stop_signals(raise_exit)
    try:
        supervisor.start()
        return serve(config, lambda: print_address(config))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        supervisor.stop()


def handle_stop_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Sets the handler of SIGTERM and SIGHUP; while the server runs it has handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup it stays ignored
            signal.signal(number, handler)


def exit_at_once(number: int, frame: FrameType | None) -> None:
    """Ends this process while there is nothing to stop yet."""
    os._exit(DONE)


def raise_exit(number: int, frame: FrameType | None) -> None:
    """Ends this process once `run` has stopped what it started."""
    raise SystemExit(DONE)


def upgrade_database(config: "Config") -> None:
    """Creates the home folder and upgrades the database to the newest schema."""
    from store.db import migrations
    from store.db.database import Database

    config.home.mkdir(parents=True, exist_ok=True)
    with closing(Database.open(config)) as database:
        migrations.upgrade(database)


def queue_demo(config: "Config") -> None:
    """Queues the demo search unless there is a sweep already."""
    from app.schemas.sweeps import SweepIn
    from app.usecases import sweep_plan
    from store.actions import sweep_actions
    from store.db.database import Database
    from store.read import sweeps

    new = sweep_plan.plan_sweep(SweepIn.model_validate(DEMO), config)
    with closing(Database.open(config)) as database, database.write() as connection:
        if sweeps.list_all(connection, 1, 0)[1] == 0:
            sweep_actions.create(connection, new, time.time(), workers=config.workers)


def print_address(config: "Config") -> None:
    """Prints the address of the pages."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)
    host = f"[{host}]" if ":" in host else host
    print(f"Lossdeck: http://{host}:{config.port}", flush=True)
    if config.token:
        print("It asks for the token; `lossdeck token` shows it.", file=sys.stderr, flush=True)

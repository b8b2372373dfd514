"""Owns following a sweep: a progress bar on stderr, a line on stdout for each trial that ends."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.operations.exit_codes import DONE, FAILED
from app.reports import transcript
from app.text.formats import format_trial
from learning.errors import Failure, NoWorker
from learning.number_format import brief

if TYPE_CHECKING:
    from store.db.database import Connection, Database
    from store.queue.workers import Worker
    from store.read.summaries import Saved
    from store.read.sweeps import Sweep
    from store.read.trials import Trial

GOING = frozenset({"queued", "running"})  # states of a trial that has not ended
ENDED = frozenset({"finished", "cancelled"})  # states of a sweep after which nothing more happens
POLL = 0.2  # seconds between looks at the database's version, which are cheap
LOOK = 2.0  # seconds between looks at the workers
PATIENCE = 10.0  # seconds for the workers of a Lossdeck that has just been started to report
SILENCE = 30.0  # seconds without a sign of life from any worker: as long as a lease
PAGE = 500  # trials read at once

Bar = Callable[[int, int], None]  # epochs done, epochs in all


class Tally:
    """What is known of one sweep: its state, and how far each trial is."""

    def __init__(self, sweep_id: int) -> None:
        self.sweep: Sweep | None = None
        self._id = sweep_id
        self._cursor = 0
        self._trials: dict[int, Trial] = {}

    def catch_up(self, connection: "Connection") -> list["Trial"]:
        """Reads what is new; answers the trials that have ended since the last time, in that order."""
        from store.read import sweeps, trials

        ended = []
        while page := trials.after(connection, self._cursor, [self._id], PAGE):
            self._cursor = page[-1].changed
            ended += [trial for trial in page if self._has_ended(trial)]
        self.sweep = sweeps.get(connection, self._id)
        if self.sweep is None:
            raise Failure(f"Sweep {self._id} was deleted.")
        return ended

    def progress(self) -> tuple[int, int]:
        """Epochs done and epochs in all; those that an ended trial will never run count as done."""
        done = sum(
            trial.epochs_total if is_over(trial) else trial.epochs_done for trial in self._trials.values()
        )
        return done, sum(trial.epochs_total for trial in self._trials.values())

    def _has_ended(self, trial: "Trial") -> bool:
        before = self._trials.get(trial.id)
        self._trials[trial.id] = trial
        return is_over(trial) and (before is None or not is_over(before))


class Pulse:
    """Whether any worker lives, judged by numbers that move and this process's own clock."""

    def __init__(self, awaited: str) -> None:
        self._awaited = awaited  # such as "Sweep 3"
        self._moved: dict[str, tuple[float, float]] = {}
        self._started, self._looked = time.monotonic(), float("-inf")

    def wait(self, database: "Database") -> None:
        """Rests until the next look at what is awaited. Raises Failure (3) when no worker lives."""
        from store.queue import workers

        if (now := time.monotonic()) - self._looked >= LOOK:
            self._looked = now
            with database.read() as connection:
                alive = self.beats(workers.all(connection), now)
            if not alive and now - self._started >= PATIENCE:
                raise NoWorker(
                    f"{self._awaited} is queued, but no worker is alive: "
                    "start one with `lossdeck worker` or `lossdeck up`."
                )
        time.sleep(POLL)

    def beats(self, workers: "Sequence[Worker]", now: float) -> bool:
        """Takes in the workers' rows at monotonic time `now`."""
        for worker in workers:
            if worker.gone_at is not None:
                self._moved.pop(worker.token, None)
            elif self._moved.get(worker.token, (None,))[0] != worker.seen_at:
                self._moved[worker.token] = worker.seen_at, now
        return any(now - since < SILENCE for _, since in self._moved.values())


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """Around everything after `what`, such as "Sweep 3", was queued: Ctrl-C ends the waiting, not that."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"{what} goes on without you.", file=sys.stderr)
        raise


def follow(database: "Database", sweep_id: int, *, print_lines: bool) -> int:
    """Waits for the end of the sweep and answers the exit code: 1 if it was cancelled or a trial failed.

    Raises Failure (3) when no worker lives.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # On a terminal rich lifts printed lines above the bar; into a pipe they must go as they are.
    progress = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
    bar = progress.add_task("epochs", total=None)
    with progress:
        ended = watch(
            database,
            sweep_id,
            print_lines,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    print(summary(ended), file=sys.stderr)
    return FAILED if ended.state == "cancelled" or ended.counts.get("failed") else DONE


def watch(database: "Database", sweep_id: int, print_lines: bool, bar: Bar) -> "Sweep":
    """Prints what the lecture's programs would, until the sweep has ended."""
    tally, pulse, seen, told = Tally(sweep_id), Pulse(f"Sweep {sweep_id}"), None, 0
    while tally.sweep is None or tally.sweep.state not in ENDED:
        if (version := database.version()) != seen:
            seen = version
            with database.read() as connection:
                ended = tally.catch_up(connection)
                assert tally.sweep is not None
                text, told = lines(connection, tally, ended, told) if print_lines else ("", told)
            print(text, end="", flush=True)
            bar(*tally.progress())
            continue
        pulse.wait(database)
    return tally.sweep


def lines(connection: "Connection", tally: Tally, ended: "Sequence[Trial]", told: int) -> tuple[str, int]:
    """What is new to print, and the cursor up to which epochs are told: those of a sweep's only trial."""
    from store.queue import epochs

    sweep = tally.sweep
    assert sweep is not None
    if sweep.trials > 1:
        rows = [row for one in ended for row in epochs.of_trial(connection, one.id)]
        return transcript.of_sweep(ended, rows if sweep.trials <= transcript.FEW else (), sweep.trials), told
    new, told = epochs.of_sweep(connection, sweep.id, told, sys.maxsize)
    text = [transcript.epoch_line(row, tally.progress()[1]) for row in new]
    return "".join(f"{line}\n" for line in [*text, *map(transcript.last_line, ended)]), told


def summary(sweep: "Sweep") -> str:
    """How a sweep ended, in a sentence."""
    counts = ", ".join(f"{count} {state}" for state, count in sweep.counts.items() if count)
    told = f"Sweep {sweep.id} {sweep.state}: {counts}; {saved_words(sweep.saved)}"
    if sweep.best is None:
        return f"{told}no trial to rank."
    return f"{told}best is {format_trial(sweep.best)}, {transcript.line_of(sweep.best, sweep.trials)}"


def saved_words(saved: "Saved") -> str:
    """What the stopping rule has spared, as the middle of a sentence; nothing if that is nothing."""
    if not saved.trials:
        return ""
    about = f" (about {brief(saved.seconds, 3)} s of training)" if saved.seconds is not None else ""
    return f"stopping early saved {saved.epochs} epochs{about}; "


def is_over(trial: "Trial") -> bool:
    """Whether nothing more will happen to a trial by itself."""
    return trial.state not in GOING

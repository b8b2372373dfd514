"""Waits for a queued sweep: a progress bar on stderr, a line on stdout for each trial that ends.

`WorkerLiveness` and `explain_interrupt` also serve the commands that wait for a preflight or an autopilot.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.operations.exit_codes import DONE, FAILED
from app.reports import transcript
from app.text.formats import format_trial
from learning.errors import Failure, NoWorker
from learning.number_format import format_number
from learning.states import SWEEP_STATES, TRIAL_STATES

if TYPE_CHECKING:
    from store.db.database import Connection, Database
    from store.queue.workers import Worker
    from store.read.summaries import Savings
    from store.read.sweeps import Sweep
    from store.read.trials import Trial

POLL_SECONDS = 0.2  # between looks at the database's version, which are cheap
WORKER_CHECK_SECONDS = 2.0  # between looks at the workers
WORKER_START_SECONDS = 10.0  # for the workers of a Lossdeck that was just started to report
WORKER_SILENCE_SECONDS = 30.0  # without a sign of life from any worker: as long as a lease
TRIALS_PER_PAGE = 500

ShowProgress = Callable[[int, int], None]  # epochs done, epochs in all


class SweepProgress:
    """The state of one sweep and of each of its trials, as last read."""

    def __init__(self, sweep_id: int) -> None:
        self.sweep: Sweep | None = None
        self._id = sweep_id
        self._cursor = 0
        self._trials: dict[int, Trial] = {}

    def read_changes(self, connection: "Connection") -> list["Trial"]:
        """Reads what has changed since the last call; returns the trials that ended, in that order."""
        from store.read import sweeps, trials

        ended = []
        while page := trials.list_since(connection, self._cursor, [self._id], TRIALS_PER_PAGE):
            self._cursor = page[-1].changed
            ended += [trial for trial in page if self._update(trial)]
        self.sweep = sweeps.get(connection, self._id)
        if self.sweep is None:
            raise Failure(f"Sweep {self._id} was deleted.")
        return ended

    def count_epochs(self) -> tuple[int, int]:
        """Epochs done and epochs in all; those that an ended trial will never run count as done."""
        done = sum(
            trial.epochs_total if has_ended(trial) else trial.epochs_done for trial in self._trials.values()
        )
        return done, sum(trial.epochs_total for trial in self._trials.values())

    def _update(self, trial: "Trial") -> bool:
        """Stores the trial; whether it has ended since it was last read."""
        before = self._trials.get(trial.id)
        self._trials[trial.id] = trial
        return has_ended(trial) and (before is None or not has_ended(before))


class WorkerLiveness:
    """Whether any worker is alive: its `seen_at` changes. No clock but this process's own is compared."""

    def __init__(self, awaited: str) -> None:
        self._awaited = awaited  # such as "Sweep 3"
        self._changed: dict[str, tuple[float, float]] = {}  # by token: last `seen_at`, when it changed
        self._started, self._checked = time.monotonic(), float("-inf")

    def wait(self, database: "Database") -> None:
        """Sleeps until the next look at the database. Raises NoWorker when no worker is alive."""
        from store.queue import workers

        if (now := time.monotonic()) - self._checked >= WORKER_CHECK_SECONDS:
            self._checked = now
            with database.read() as connection:
                alive = self.update(workers.list_all(connection), now)
            if not alive and now - self._started >= WORKER_START_SECONDS:
                raise NoWorker(
                    f"{self._awaited} is queued, but no worker is alive: "
                    "start one with `lossdeck worker` or `lossdeck up`."
                )
        time.sleep(POLL_SECONDS)

    def update(self, workers: "Sequence[Worker]", now: float) -> bool:
        """Takes in the workers' rows as read at monotonic time `now`; whether any worker is alive."""
        for worker in workers:
            if worker.gone_at is not None:
                self._changed.pop(worker.token, None)
            elif self._changed.get(worker.token, (None,))[0] != worker.seen_at:
                self._changed[worker.token] = worker.seen_at, now
        return any(now - since < WORKER_SILENCE_SECONDS for _, since in self._changed.values())


@contextmanager
def explain_interrupt(queued: str) -> Iterator[None]:
    """At Ctrl-C, says that what was queued, such as "Sweep 3", keeps running without this command."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"{queued} goes on without you.", file=sys.stderr)
        raise


def follow_sweep(database: "Database", sweep_id: int, *, print_lines: bool) -> int:
    """Waits for the end of the sweep; returns the exit code: 1 if it was cancelled or a trial failed.

    Raises NoWorker when no worker is alive.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # On a terminal rich lifts printed lines above the bar; into a pipe they must go as they are.
    progress = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
    bar = progress.add_task("epochs", total=None)
    with progress:
        ended = watch_sweep(
            database,
            sweep_id,
            print_lines,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    print(summary(ended), file=sys.stderr)
    return FAILED if ended.state == "cancelled" or ended.counts.get("failed") else DONE


def watch_sweep(
    database: "Database", sweep_id: int, print_lines: bool, show_progress: ShowProgress
) -> "Sweep":
    """Prints what the lecture's programs would, until the sweep has ended."""
    progress, liveness = SweepProgress(sweep_id), WorkerLiveness(f"Sweep {sweep_id}")
    version, cursor = None, 0
    while progress.sweep is None or SWEEP_STATES[progress.sweep.state].living:
        if (newest := database.version()) != version:
            version = newest
            with database.read() as connection:
                ended = progress.read_changes(connection)
                assert progress.sweep is not None
                text, cursor = (
                    format_news(connection, progress, ended, cursor) if print_lines else ("", cursor)
                )
            print(text, end="", flush=True)
            show_progress(*progress.count_epochs())
            continue
        liveness.wait(database)
    return progress.sweep


def format_news(
    connection: "Connection", progress: SweepProgress, ended: "Sequence[Trial]", cursor: int
) -> tuple[str, int]:
    """The text to print next, and the cursor up to which epochs are printed.

    A sweep of one trial prints every epoch, any other only the trials that ended.
    """
    from store.queue import epochs

    sweep = progress.sweep
    assert sweep is not None
    if sweep.trials > 1:
        rows = [row for trial in ended for row in epochs.list_by_trial(connection, trial.id)]
        shown = rows if sweep.trials <= transcript.MOST_DETAILED_TRIALS else ()
        return transcript.format_sweep(ended, shown, sweep.trials), cursor
    new, cursor = epochs.list_by_sweep(connection, sweep.id, cursor, sys.maxsize)
    lines = [transcript.format_epoch(row, progress.count_epochs()[1]) for row in new]
    return "".join(f"{line}\n" for line in [*lines, *map(transcript.format_end, ended)]), cursor


def summary(sweep: "Sweep") -> str:
    """How a sweep ended, in a sentence."""
    counts = ", ".join(f"{count} {state}" for state, count in sweep.counts.items() if count)
    text = f"Sweep {sweep.id} {sweep.state}: {counts}; {describe_saved(sweep.saved)}"
    if sweep.best is None:
        return f"{text}no trial to rank."
    return f"{text}best is {format_trial(sweep.best)}, {transcript.format_result(sweep.best, sweep.trials)}"


def describe_saved(saved: "Savings") -> str:
    """What the stopping rule has saved, as the middle of a sentence; empty if nothing."""
    if not saved.trials:
        return ""
    about = f" (about {format_number(saved.seconds, 3)} s of training)" if saved.seconds is not None else ""
    return f"stopping early saved {saved.epochs} epochs{about}; "


def has_ended(trial: "Trial") -> bool:
    """Whether nothing more will happen to a trial by itself."""
    return TRIAL_STATES[trial.state].ended

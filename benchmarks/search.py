"""Owns `python -m benchmarks.search`: seconds from the start of a search to its first good trial.

Lossdeck trains 100 trials with successive halving; Optuna trains the same ones in turn, pruned by the median.
A search that ends or runs out of its time without a good trial counts as that whole time.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import crew, whole
from benchmarks.contestants import CONTESTANTS
from benchmarks.records import Reached, Results
from benchmarks.task import Task, coarse
from learning.errors import DatasetError
from store.config import Config

SPACE = {"momentum": {"choice": [0.0, 0.9]}}  # beside the lecture's
EPOCHS = 20  # of a trial, at most
# A good net is wanted soon: of the first 20 trials the best five go on after one epoch, the best after four.
HALVING = {"halving": {"factor": 4, "bracket": 20}}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a search is for, and how long it may take. Its processes tell each other by files in a folder."""

    folder: Path
    val_acc: float
    limit: float  # seconds

    def begin(self) -> None:
        """The clock of the machine starts, which all its processes share."""
        (self.folder / "begun").write_text(repr(time.monotonic()))

    def over(self, val_acc: float = 0.0) -> bool:
        """Whether the search is, now that a trial has come to this."""
        if val_acc >= self.val_acc and self.seconds is None:
            (self.folder / "reached").write_text(repr(time.monotonic()))
        return self.seconds is not None or time.monotonic() - self._time("begun") > self.limit

    @property
    def seconds(self) -> float | None:
        """From the beginning until a trial was good enough; None without one."""
        if not (self.folder / "reached").exists():
            return None
        return self._time("reached") - self._time("begun")

    def _time(self, name: str) -> float:
        return float((self.folder / name).read_text())


def lossdeck(task: Task, val_acc: float, limit: float) -> float | None:
    """Seconds from the POST until the API tells of a good trial; None without one."""
    with whole.server(task) as server:
        started = time.monotonic()
        sweep = server.ask("/api/sweeps", whole.body(task) | {"stopping": HALVING})
        while sweep["state"] not in whole.OVER and time.monotonic() - started < limit:
            time.sleep(whole.POLL)
            sweep = server.ask(f"/api/sweeps/{sweep['id']}")
            if sweep["best"] and sweep["best"]["best_val_acc"] >= val_acc:
                return time.monotonic() - started
    return None


def optuna(task: Task, val_acc: float, limit: float) -> float | None:
    """Seconds from the making of the study until one of its processes sees a good trial; None without one."""
    from benchmarks import optuna_torch

    with tempfile.TemporaryDirectory(dir=task.home, prefix="optuna-") as name:
        goal = Goal(Path(name), val_acc, limit)

        def begin() -> None:
            goal.begin()
            optuna_torch.begin(goal.folder)

        crew.run(optuna_torch.load, (task, goal.folder, goal.over), task.numbers, begin)
        return goal.seconds


SEARCHES: dict[str, Callable[[Task, float, float], float | None]] = {"f": lossdeck, "d": optuna}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 the data is not there, 2 wrong usage."""
    config = Config()
    options = _parser(config.home).parse_args(arguments)
    results, limit = Results(options.out), 60 * options.minutes
    done = {(one.contestant, one.dataset, one.seed) for one in results.reached()}
    for seed in range(options.seeds):
        try:
            task = coarse(options.dataset, config.home, config.data, seed=seed, epochs=EPOCHS, beside=SPACE)
        except DatasetError as error:
            print(error, file=sys.stderr)
            return 1
        for name in options.only.split(","):
            if (name, options.dataset, seed) in done or not CONTESTANTS[name].here:
                continue
            seconds = SEARCHES[name](task, options.val_acc, limit)
            one = Reached(name, options.dataset, seed, options.val_acc, seconds, limit)
            results.add_reached(one)
            told = "never" if seconds is None else f"{seconds:.1f} s"
            print(f"seed {seed}  {told:>8} to val accuracy {options.val_acc}  {name}", flush=True)
    return 0


def _parser(home: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.search", description=__doc__)
    add = parser.add_argument
    add("--dataset", default="cifar10", help="cifar10, or digits for a quick look")
    add("--only", default="f,d", help="f: Lossdeck, d: Optuna (%(default)s)")
    add("--val-acc", type=float, default=0.5, help="of a good trial (%(default)s)")
    add("--seeds", type=int, default=5, help="searches of each (%(default)s); those in the file are left out")
    add("--minutes", type=float, default=10.0, help="that a search may take (%(default)s)")
    add("--out", type=Path, default=home / "bench" / "results.jsonl", help="results (%(default)s)")
    return parser


if __name__ == "__main__":
    crew.end_in_order()
    sys.exit(main())

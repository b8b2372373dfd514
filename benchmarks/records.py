"""Owns the results file: a line of JSON for each run and each description of the machine (judges nothing)."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.task import Outcome, Sizes, Task

LIMIT = "sgemm"  # stands for the machine's own rate where a contestant's letter stands else


@dataclass(frozen=True, slots=True)
class Run:
    """One contestant on one slice of the search. Of the machine's own rate: a process's flop/s as `flops`."""

    contestant: str
    round: int
    dataset: str
    trials: int
    epochs: int
    momentum: float
    seed: int
    seconds: float
    flops: float  # of the products of all trials
    exploded: int = 0
    pruned: int = 0
    best_val_accs: tuple[float | None, ...] = ()  # of each trial that trained to its end

    @property
    def place(self) -> tuple[object, ...]:
        """What a run is repeated for: a second one of the same place would be the same once more."""
        return self.contestant, self.round, self.search

    @property
    def search(self) -> tuple[object, ...]:
        """Equal for runs that may be compared."""
        return self.dataset, self.trials, self.epochs, self.momentum, self.seed


@dataclass(frozen=True, slots=True)
class Reached:
    """How long a search took to its first good trial."""

    contestant: str
    dataset: str
    seed: int
    val_acc: float
    seconds: float | None  # None: it never came to one
    limit: float  # seconds; the time that counts then

    @property
    def counted(self) -> float:
        return self.limit if self.seconds is None else self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of its own: a ratio, or MB."""

    name: str
    figure: float


def summary(
    contestant: str, round: int, task: Task, sizes: Sizes, seconds: float, outcomes: Sequence[Outcome]
) -> Run:
    """The record of a run."""
    flops = math.fsum(sizes.flops(task.settings[one.number], one) for one in outcomes)
    ended = [one.ended for one in outcomes]
    best = tuple(None if one.ended else max(one.val_accs) for one in outcomes)
    return Run(
        contestant,
        round,
        *_search(task),
        seconds,
        flops,
        ended.count("exploded"),
        ended.count("pruned"),
        best,
    )


def limit(round: int, task: Task, seconds: float, rate: float) -> Run:
    """The record of the machine's own rate, measured beside the runs of a round."""
    return Run(LIMIT, round, *_search(task), seconds, rate)


def place(contestant: str, round: int, task: Task) -> tuple[object, ...]:
    """Of a run that is still to come."""
    return Run(contestant, round, *_search(task), 0.0, 0.0).place


def _search(task: Task) -> tuple[str, int, int, float, int]:
    one = task.settings[0]
    return task.dataset, len(task.settings), one.epochs, one.momentum, task.seed


class Results:
    """The file, read as a whole and written to by appending."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def add(self, run: Run) -> None:
        self._append({"run": asdict(run)})

    def add_machine(self, about: dict[str, str]) -> None:
        self._append({"machine": about})

    def add_reached(self, one: Reached) -> None:
        self._append({"reached": asdict(one)})

    def add_measured(self, one: Measured) -> None:
        self._append({"measured": asdict(one)})

    def measured(self) -> dict[str, float]:
        """By name, each as it was measured last."""
        found = [Measured(**line["measured"]) for line in self._lines() if "measured" in line]
        return {one.name: one.figure for one in found}

    def reached(self) -> list[Reached]:
        return [Reached(**line["reached"]) for line in self._lines() if "reached" in line]

    def runs(self) -> list[Run]:
        found = [line["run"] for line in self._lines() if "run" in line]
        return [Run(**{**run, "best_val_accs": tuple(run["best_val_accs"])}) for run in found]

    def machine(self) -> dict[str, str]:
        """As it was described last."""
        return next((line["machine"] for line in reversed(self._lines()) if "machine" in line), {})

    def _append(self, line: dict[str, object]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _lines(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []
        )

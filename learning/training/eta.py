"""Pace: how long the rest of a sweep will take, from how fast its epochs were so far (measures nothing)."""

from __future__ import annotations

import math
from dataclasses import dataclass

FEWEST = 5  # epochs of whole groups: from fewer nothing can be said
SURE = 2.0  # standard deviations to either side
DRIFT = 0.1  # of the time: what the machine will do beside training need not be what it did so far


@dataclass(frozen=True, slots=True)
class Pace:
    """What a sweep's training has taken so far."""

    steps: int  # epochs of whole groups
    epochs: int  # of single trials, in those steps
    seconds: float  # of all epochs: each is its trial's share of its step
    squares: float  # of the seconds of each epoch, added up

    @property
    def mean(self) -> float:
        """Seconds of a trial's epoch."""
        return self.seconds / self.epochs

    @property
    def spread(self) -> float:
        """Standard deviation from step to step, as a share of the mean."""
        variance = self.squares / self.epochs - self.mean**2  # below 0 only by rounding
        return math.sqrt(max(0.0, variance)) / self.mean if self.mean else 0.0


@dataclass(frozen=True, slots=True)
class Rest:
    """What a sweep has still to train."""

    epochs: float  # of single trials
    groups: int  # that these trials are in
    workers: int  # busy with them
    lost: float  # share of its epochs that a trial, on average, has not trained so far because it ended early


def seconds_left(pace: Pace, rest: Rest) -> tuple[float, float] | None:
    """From and to how many seconds the rest will take, most likely; None while it is too early to say.

    The lower end expects trials to end early as often as so far and the workers to share the groups evenly;
    the upper one that none ends early, and that the last group is trained while the other workers are idle.
    """
    if pace.steps < FEWEST or rest.epochs <= 0:
        return None
    ahead = rest.epochs * pace.steps / pace.epochs  # steps
    off = 1 + DRIFT + SURE * pace.spread * math.sqrt(1 / pace.steps + 1 / ahead)
    even = rest.epochs * pace.mean / max(1, rest.workers)
    alone = (1 - 1 / max(1, rest.workers)) * rest.epochs * pace.mean / max(1, rest.groups)
    return even * (1 - rest.lost) / off, (even + alone) * off

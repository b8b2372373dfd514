"""How long training takes: the arithmetic of an epoch, an estimate for a sweep, and the time it has left."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from learning.settings import Settings
from learning.training.group import batch_rows, count_mini_batches
from learning.training.trainer import TRAIN_SAMPLE_ROWS

# A step of a group takes about 0.3 ms besides its arithmetic, as long as 9 Mflop at the 30 Gflop/s of a small
# net's products, measured with 8 and 25 nets on the digits; a trial bears its share in a group of 16.
STEP_FLOPS = 560_000

# Operations for each weight and step, counted in the update rules: the L2 term (2) and the rule's own.
UPDATE_FLOPS = {"sgd": 4, "momentum": 6, "nesterov": 8, "adagrad": 9, "rmsprop": 11, "adam": 14}

MIN_GROUP_EPOCHS = 5  # with fewer, nothing can be said about the time left
RANGE_DEVIATIONS = 2.0  # standard deviations to either side
DRIFT_SHARE = 0.1  # of the time: what the machine does besides training may change


def epoch_flops(settings: Settings, n_train: int, n_val: int, n_features: int, n_classes: int) -> float:
    """Floating point operations of one epoch of one trial, its evaluation included.

    `n_train` and `n_val` are the examples the two parts can have; train_count and val_count = 0 (validate on
    the training part) are applied here. A product (a, b) @ (b, c) counts 2abc; element-wise work on the
    activations is left out, being a few per cent for any net with more than a handful of inputs.
    """
    n_train = min(n_train, settings.train_count or n_train)
    n_val = n_val if settings.val_count else n_train
    weights, first = _count_weights(settings, n_features, n_classes)
    forward = 2 * weights
    backward = 2 * weights + 2 * (weights - first)  # into the weights, and into every input but the pixels
    steps = _steps_per_epoch(settings, n_train)
    evaluated = n_val + min(TRAIN_SAMPLE_ROWS, n_train)
    training = n_train * (forward + backward) + steps * weights * UPDATE_FLOPS[settings.update]
    return float(training + evaluated * forward)


def epoch_work(settings: Settings, n_train: int, n_val: int, n_features: int, n_classes: int) -> float:
    """The operations of an epoch plus the fixed cost of its steps, converted to operations."""
    flops = epoch_flops(settings, n_train, n_val, n_features, n_classes)
    return flops + STEP_FLOPS * _steps_per_epoch(settings, min(n_train, settings.train_count or n_train))


def estimate_sweep_seconds(
    all_settings: Sequence[Settings],
    n_train: int,
    n_val: int,
    n_features: int,
    n_classes: int,
    flops_per_second: float,
    workers: int,
    expected: Callable[[int], float] = float,
) -> float:
    """Wall time of a sweep if no trial diverges: shared evenly, but at least that of its longest trial.

    `flops_per_second` is what one worker achieves in epoch_work; `expected` says how many of so many epochs a
    trial trains on average, where a stopping rule makes it fewer. Raises ValueError unless it and `workers`
    are above 0.
    """
    if not (flops_per_second > 0 and workers > 0):
        raise ValueError(
            f"flops_per_second is {flops_per_second} and workers {workers}; both must be above 0."
        )
    each = [epoch_work(s, n_train, n_val, n_features, n_classes) for s in all_settings]
    work = sum(flops * expected(s.epochs) for s, flops in zip(all_settings, each, strict=True))
    longest = max((flops * s.epochs for s, flops in zip(all_settings, each, strict=True)), default=0.0)
    return max(work / workers, longest) / flops_per_second


@dataclass(frozen=True, slots=True)
class Pace:
    """What the training of a sweep has taken so far."""

    group_epochs: int
    epochs: int  # of single trials, in those of the groups
    seconds: float  # of all epochs: each is its trial's share of its group's epoch
    squares: float  # the sum of the squared seconds of each epoch

    @property
    def mean(self) -> float:
        """Seconds of a trial's epoch."""
        return self.seconds / self.epochs

    @property
    def spread(self) -> float:
        """Standard deviation between epochs of groups, as a share of the mean."""
        variance = self.squares / self.epochs - self.mean**2  # below 0 only by rounding
        return math.sqrt(max(0.0, variance)) / self.mean if self.mean else 0.0


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """What is left to train of a sweep."""

    epochs: float  # of single trials
    groups: int  # that these trials are in
    workers: int  # busy with them
    lost_share: float  # of its epochs, which a trial so far did not train on average because it ended early


def estimate_seconds_left(pace: Pace, rest: RemainingWork) -> tuple[float, float] | None:
    """From and to how many seconds the rest will most likely take; None while it is too early to say.

    The lower end expects trials to end early as often as so far and the workers to share the groups evenly;
    the upper one that none ends early, and that the last group is trained while the other workers are idle.
    """
    if pace.group_epochs < MIN_GROUP_EPOCHS or rest.epochs <= 0:
        return None
    ahead = rest.epochs * pace.group_epochs / pace.epochs  # epochs of groups
    off = 1 + DRIFT_SHARE + RANGE_DEVIATIONS * pace.spread * math.sqrt(1 / pace.group_epochs + 1 / ahead)
    even = rest.epochs * pace.mean / max(1, rest.workers)
    alone = (1 - 1 / max(1, rest.workers)) * rest.epochs * pace.mean / max(1, rest.groups)
    return even * (1 - rest.lost_share) / off, (even + alone) * off


def _steps_per_epoch(settings: Settings, n_train: int) -> int:
    return count_mini_batches(n_train, batch_rows(settings, n_train))


def _count_weights(settings: Settings, n_features: int, n_classes: int) -> tuple[int, int]:
    """How many weights the net has, and how many of them in its first matrix."""
    sizes = itertools.pairwise((n_features, *settings.hidden, n_classes))
    counts = [fan_in * fan_out for fan_in, fan_out in sizes]
    return sum(counts), counts[0]

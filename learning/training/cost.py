"""Cost: the arithmetic of training a net and the time a sweep will take. Measures nothing itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from learning.settings import Settings

# Training examples on which train accuracy is measured after each epoch, as the lecture does.
TRAIN_SAMPLE = 1000

# A step of a group takes about 0.3 ms besides its arithmetic, as long as 9 Mflop at the 30 Gflop/s of a small
# net's products, measured with 8 and 25 nets on the digits; a trial bears its share in a group of 16.
STEP_WORK = 560_000

# Operations for each weight and step, counted in the update rules: the L2 term (2) and the rule's own.
UPDATE_FLOPS = {"sgd": 4, "momentum": 6, "nesterov": 8, "adagrad": 9, "rmsprop": 11, "adam": 14}


def epoch_flops(settings: Settings, n_train: int, n_val: int, n_features: int, n_classes: int) -> float:
    """Floating point operations of one epoch of one trial, its evaluation included.

    `n_train` and `n_val` are the examples the two parts can have; train_count and val_count = 0 (validate on
    the training part) are applied here. A product (a, b) @ (b, c) counts 2abc; element-wise work on the
    activations is left out, being a few per cent for any net with more than a handful of inputs.
    """
    n_train = min(n_train, settings.train_count or n_train)
    n_val = n_val if settings.val_count else n_train
    weights, first = _weights(settings, n_features, n_classes)
    forward = 2 * weights
    backward = 2 * weights + 2 * (weights - first)  # into the weights, and into every input but the pixels
    steps = _steps(settings, n_train)
    evaluated = n_val + min(TRAIN_SAMPLE, n_train)
    training = n_train * (forward + backward) + steps * weights * UPDATE_FLOPS[settings.update]
    return float(training + evaluated * forward)


def epoch_work(settings: Settings, n_train: int, n_val: int, n_features: int, n_classes: int) -> float:
    """The operations of an epoch, and what its steps cost whatever they compute, as if it were operations."""
    flops = epoch_flops(settings, n_train, n_val, n_features, n_classes)
    return flops + STEP_WORK * _steps(settings, min(n_train, settings.train_count or n_train))


def _steps(settings: Settings, n_train: int) -> int:
    return 1 if settings.batch_size == "full" else -(-n_train // int(settings.batch_size))


def estimate_seconds(
    all_settings: Sequence[Settings],
    n_train: int,
    n_val: int,
    n_features: int,
    n_classes: int,
    flops_per_second: float,
    workers: int,
    expected: Callable[[int], float] = float,
) -> float:
    """Wall time of a sweep, were no trial to diverge: shared evenly, but no less than its longest trial.

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


def _weights(settings: Settings, n_features: int, n_classes: int) -> tuple[int, int]:
    """How many weights the net has, and how many of them in its first matrix."""
    sizes = itertools.pairwise((n_features, *settings.hidden, n_classes))
    counts = [fan_in * fan_out for fan_in, fan_out in sizes]
    return sum(counts), counts[0]

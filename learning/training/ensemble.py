"""Ensemble: how well the mean of several nets' probabilities does beside each of them (picks no nets)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.training.net import Array
from learning.training.prediction import Net, accuracy, probabilities

SURE = 2.0  # standard errors of the difference at which the average is told apart from the best net


@dataclass(frozen=True, slots=True)
class Measured:
    """Accuracies on the same examples. `gain` is that of the average over the best single net."""

    examples: int
    each: tuple[float, ...]  # of the nets, in their order
    accuracy: float  # of the average
    error: float  # its standard error, sqrt(p (1 - p) / n)
    gain: float
    gain_error: float  # standard error of the gain, from the examples on which the two differ


def measure(nets: Sequence[Net], X: Array, y: Array) -> Measured:
    """Of raw rows X (N, D) and their classes y (N,), for at least one net and one row."""
    said = [probabilities(net, X) for net in nets]
    each = tuple(accuracy(one, y) for one in said)
    together = np.mean(said, axis=0).argmax(axis=1) == y
    alone = said[int(np.argmax(each))].argmax(axis=1) == y
    p, n = float(together.mean()), len(y)
    difference = together.astype(np.float64) - alone
    gain, gain_error = float(difference.mean()), float(difference.std() / math.sqrt(n))
    return Measured(n, each, p, math.sqrt(p * (1 - p) / n), gain, gain_error)


def sentence(found: Measured, on_train: bool = False) -> str:
    """What the average is worth, with the numbers and what they do not show."""
    part = "training" if on_train else "validation"
    best, more = max(found.each), "more" if found.gain >= 0 else "less"
    told = (
        f"The average of {len(found.each)} nets gets {found.accuracy:.4f} of the {found.examples:,} {part} "
        f"examples right (standard error {found.error:.4f}), the best single one {best:.4f}: "
        f"{abs(found.gain):.4f} {more}, with a standard error of {found.gain_error:.4f}"
    )
    return f"{told}{_doubt(found)}. {_ON_TRAIN if on_train else _CAVEAT}"


_CAVEAT = "The same examples chose the nets, so all these figures are a little too good."
_ON_TRAIN = "The nets were trained on these examples, so the figures say nothing about new ones."


def _doubt(found: Measured) -> str:
    if abs(found.gain) >= SURE * found.gain_error and found.gain != 0:
        return ""
    return ", so it may be chance"

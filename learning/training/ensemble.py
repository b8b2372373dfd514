"""Ensembles: how accurate the average of several nets' probabilities is, beside each net alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.training.net import Array
from learning.training.prediction import TrainedNet, measure_accuracy, predict_probabilities

SURE_GAIN_ERRORS = 2.0  # from so many standard errors on, a gain is no chance


@dataclass(frozen=True, slots=True)
class EnsembleAccuracy:
    """Accuracies on the same examples. `gain` is how much better the average is than the best single net."""

    examples: int
    each: tuple[float, ...]  # of the nets, in their order
    accuracy: float  # of the average
    error: float  # its standard error, sqrt(p (1 - p) / n)
    gain: float
    gain_error: float  # standard error of the gain, from the examples on which the two differ


def measure_average(nets: Sequence[TrainedNet], X: Array, y: Array) -> EnsembleAccuracy:
    """Measure at least one net on at least one raw row X (N, D) of class y (N,)."""
    by_net = [predict_probabilities(net, X) for net in nets]
    each = tuple(measure_accuracy(probabilities, y) for probabilities in by_net)
    average_right = np.mean(by_net, axis=0).argmax(axis=1) == y
    best_right = by_net[int(np.argmax(each))].argmax(axis=1) == y
    p, n = float(average_right.mean()), len(y)
    difference = average_right.astype(np.float64) - best_right
    gain, gain_error = float(difference.mean()), float(difference.std() / math.sqrt(n))
    return EnsembleAccuracy(n, each, p, math.sqrt(p * (1 - p) / n), gain, gain_error)


def describe_average(found: EnsembleAccuracy, on_train: bool = False) -> str:
    """What the average gains, in numbers, and what they do not show."""
    part = "training" if on_train else "validation"
    best, more = max(found.each), "more" if found.gain >= 0 else "less"
    gain = (
        f"The average of {len(found.each)} nets gets {found.accuracy:.4f} of the {found.examples:,} {part} "
        f"examples right (standard error {found.error:.4f}), the best single one {best:.4f}: "
        f"{abs(found.gain):.4f} {more}, with a standard error of {found.gain_error:.4f}"
    )
    return f"{gain}{_note_chance(found)}. {_TRAINING_EXAMPLES if on_train else _SAME_EXAMPLES}"


_SAME_EXAMPLES = "The same examples chose the nets, so all these figures are a little too good."
_TRAINING_EXAMPLES = "The nets were trained on these examples, so the figures say nothing about new ones."


def _note_chance(found: EnsembleAccuracy) -> str:
    if abs(found.gain) >= SURE_GAIN_ERRORS * found.gain_error and found.gain != 0:
        return ""
    return ", so it may be chance"

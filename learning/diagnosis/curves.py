"""The curve and the result of a trial, as the rules read them, and the form of a finding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.settings import Settings

Series = NDArray[np.float64]
Trace = Sequence[tuple[float, float, float]]

RANGE_OVER_SPREAD = (
    4.0  # of some twenty normal numbers: largest - smallest, in standard deviations (3.7 to 3.9)
)


class CurvePoint(NamedTuple):
    """One epoch of a curve; any number may be nan or inf."""

    epoch: int
    loss: float
    data_loss: float
    train_acc: float
    val_loss: float
    val_acc: float
    noise: float
    update_ratio: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One row per epoch, in order. All arrays have the length of `epoch` and may hold nan and inf."""

    epoch: NDArray[np.int64]  # 1, 2, ...
    loss: Series  # mean cost of the epoch: cross-entropy + L2 penalty
    data_loss: Series  # its cross-entropy alone
    train_acc: Series  # 0..1
    val_loss: Series
    val_acc: Series
    noise: Series  # standard deviation of the cost from mini-batch to mini-batch; nan: not known
    update_ratio: Mapping[str, Series]  # norm of an update / norm of the matrix
    diverged: str | None = None  # why the last epoch ended the trial

    @classmethod
    def from_points(cls, points: Sequence[CurvePoint], diverged: str | None = None) -> Curve:
        """The epochs in order; a matrix that is missing in one of them has nan there."""
        table = np.array([point[1:7] for point in points], dtype=np.float64).reshape(-1, 6)
        loss, data_loss, train_acc, val_loss, val_acc, noise = (table[:, column] for column in range(6))
        names = sorted({name for point in points for name in point.update_ratio})
        ratios = {name: [point.update_ratio.get(name, math.nan) for point in points] for name in names}
        return cls(
            np.array([point.epoch for point in points], dtype=np.int64),
            loss,
            data_loss,
            train_acc,
            val_loss,
            val_acc,
            noise,
            {name: np.array(series, dtype=np.float64) for name, series in ratios.items()},
            diverged,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a trial. `state` is a trial state; best_val_acc is None before the first epoch."""

    settings: Settings
    state: str
    best_val_acc: float | None
    verdict: str | None = None  # the code of the first finding on its curve; None: not known


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark on a curve or a sweep: one sentence with its numbers, one of advice."""

    code: str  # stable, kebab-case
    severity: str  # good | info | warning | bad
    epochs: tuple[int, int] | None  # the stretch it speaks of, both ends included
    sentence: str
    advice: str


def estimate_noise(trace: Trace) -> float:
    """Standard deviation of the mini-batch cost about its trend, from min, mean, max of parts of an epoch.

    The larger of two estimates, either of which may fall short: how far the parts' means lie off the line
    through their neighbours (all there is if a part is a single mini-batch), and the width of the parts (if
    a part has many), less what the cost falls or rises along its trend meanwhile.
    """
    if len(trace) < 3:
        return math.nan
    means = [mean for _, mean, _ in trace]
    bends = [a - 2 * b + c for a, b, c in zip(means, means[1:], means[2:], strict=False)]
    jumps = sum(bend * bend for bend in bends) / (6 * len(bends))  # of white noise 1 + 4 + 1 variances
    slopes = [abs(b - a) for a, b in itertools.pairwise(means)]
    course = [min(a, b) for a, b in itertools.pairwise([slopes[0], *slopes, slopes[-1]])]
    widths = [high - low - fall for (low, _, high), fall in zip(trace, course, strict=True)]
    return max(math.sqrt(jumps), sum(max(width, 0.0) for width in widths) / len(widths) / RANGE_OVER_SPREAD)

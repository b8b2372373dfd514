"""The finished trials of a sweep in order, and where each lies on a searched range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.diagnosis.curves import Result
from learning.search.space import Integer, LogUniform, Uniform
from learning.settings import Settings

NumericRange = Uniform | LogUniform | Integer


def sort_finished(trials: Sequence[Result]) -> list[Result]:
    """The finished trials, best first; those that still train or ended otherwise are left out."""
    finished = [t for t in trials if t.state == "finished" and t.best_val_acc is not None]
    return sorted(finished, key=lambda t: -(t.best_val_acc or 0.0))


def take_best(best_first: Sequence[Result], count: int) -> list[Result]:
    """The first `count` of a ranking, and all that equal the last of them."""
    if len(best_first) <= count:
        return list(best_first)
    last = best_first[count - 1].best_val_acc
    return list(best_first[:count]) + [trial for trial in best_first[count:] if trial.best_val_acc == last]


def read_number(settings: Settings, parameter: str) -> float | None:
    """A numeric setting as a number; None if this trial has a word or nothing there."""
    value = getattr(settings, parameter)
    if parameter == "hidden":
        value = value[0] if len(value) == 1 else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def positions_on_axis(
    distribution: NumericRange, parameter: str, trials: Sequence[Result]
) -> NDArray[np.float64]:
    """Where each trial lies on the axis of the range: 0 low end, 1 high end, nan unknown."""
    values = [read_number(trial.settings, parameter) for trial in trials]
    return np.array([np.nan if v is None else distribution.position(v) for v in values])

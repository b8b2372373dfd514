"""Ranking: the trials of a sweep best first, and where each lies on a searched range (concludes nothing)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.diagnosis.curves import Result
from learning.search.space import Integer, LogUniform, Uniform
from learning.settings import Settings

Range = Uniform | LogUniform | Integer


def ranked(trials: Sequence[Result]) -> list[Result]:
    """The finished trials, best first; diverged, stopped and failed ones have no say."""
    finished = [t for t in trials if t.state == "finished" and t.best_val_acc is not None]
    return sorted(finished, key=lambda t: -(t.best_val_acc or 0.0))


def leaders(best_first: Sequence[Result], count: int) -> list[Result]:
    """The first so many of a ranking, and all who reached as much as the last of them."""
    if len(best_first) <= count:
        return list(best_first)
    last = best_first[count - 1].best_val_acc
    return list(best_first[:count]) + [one for one in best_first[count:] if one.best_val_acc == last]


def value_of(settings: Settings, parameter: str) -> float | None:
    """A numeric setting as a number; None where this trial has a word or nothing instead."""
    value = getattr(settings, parameter)
    if parameter == "hidden":
        value = value[0] if len(value) == 1 else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def positions(distribution: Range, parameter: str, trials: Sequence[Result]) -> NDArray[np.float64]:
    """Where each trial lies on the range's own axis: 0 low end, 1 high end, nan unknown."""
    values = [value_of(trial.settings, parameter) for trial in trials]
    return np.array([np.nan if v is None else distribution.position(v) for v in values])

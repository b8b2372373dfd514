"""Curves: what a trial recorded, as arrays, and its result. The verdicts on them are in findings.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from learning.settings import Settings

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One row an epoch, in order; every array has the length of `epoch` and may hold nan and inf."""

    epoch: NDArray[np.int64]  # 1, 2, ...
    loss: Series  # mean cost of the epoch: cross-entropy + L2 penalty
    data_loss: Series  # its cross-entropy alone
    train_acc: Series  # 0..1
    val_loss: Series
    val_acc: Series
    update_ratio: Mapping[str, Series] = field(default_factory=dict)  # norm of an update / norm of the matrix
    diverged: str | None = None  # why the last epoch ended the trial


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial came out. `state` is a trial state; best_val_acc is None before the first epoch."""

    settings: Settings
    state: str
    best_val_acc: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict on a curve or a sweep: one sentence with the numbers in it, one of advice."""

    code: str  # stable, kebab-case
    severity: str  # good | info | warning | bad
    epochs: tuple[int, int] | None  # the stretch it speaks of, both ends included
    sentence: str
    advice: str

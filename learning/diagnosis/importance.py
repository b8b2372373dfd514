"""Importance: how much each searched setting explains which trials are best (PED-ANOVA).

After Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces" (IJCAI 2023): the Pearson divergence between where the top trials lie and where all of them do.
What that is by chance, with as few trials as there are, is measured on random subsets and taken off (ours).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.diagnosis.curves import Result
from learning.diagnosis.finished_trials import read_number
from learning.search.space import Choice, Distribution, Space

TOP_SHARE = 0.2  # of the trials are the top (the paper takes a tenth, of thousands)
MIN_TOP = 5
MIN_IMPORTANCE_TRIALS = 15  # fewer say nothing: of ten, any five would do (ours)
CELLS = 32  # that a range is divided into
BANDWIDTH = 0.12  # of the range on its own axis: standard deviation of the kernel
SUBSETS = 200  # random ones, of as many trials as the top has
CONFIDENCE = 0.95  # of them lie nearer to all the trials than the top does, where a setting matters

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one setting. The shares of a sweep add up to 1, or are all 0 if none is beyond chance."""

    parameter: str
    share: float
    matters: bool  # surely more than chance


@dataclass(frozen=True, slots=True)
class Importance:
    """The settings, most important first; none below MIN_IMPORTANCE_TRIALS."""

    shares: tuple[Share, ...]
    trials: int  # what it rests on: those that finished or diverged
    top: int  # the best of them, whose places are compared with all

    def matters(self, parameter: str) -> bool:
        return any(share.matters for share in self.shares if share.parameter == parameter)


def measure_importance(space: Space, trials: Sequence[Result]) -> Importance:
    """Which settings tell the best trials from the rest; a diverged trial counts as worst of all."""
    ended = [
        t for t in trials if t.state == "diverged" or (t.state == "finished" and t.best_val_acc is not None)
    ]
    top = max(MIN_TOP, math.ceil(TOP_SHARE * len(ended)))
    if len(ended) < MIN_IMPORTANCE_TRIALS or not space.distributions:
        return Importance((), len(ended), top)
    worth = np.array([-1.0 if t.state == "diverged" else t.best_val_acc for t in ended], dtype=np.float64)
    subsets = np.vstack([_select_best(worth, top), _draw_random_subsets(len(worth), top)])
    beyond, matters = {}, {}
    for name, distribution in space.distributions.items():
        found = _divergence(_kernel_weights(distribution, name, ended), subsets).round(
            9
        )  # no share of a rounding
        beyond[name] = max(float(found[0] - found[1:].mean()), 0.0)
        matters[name] = bool(found[0] > np.quantile(found[1:], CONFIDENCE))
    whole = sum(beyond.values()) or 1.0
    shares = [Share(name, value / whole, matters[name]) for name, value in beyond.items()]
    return Importance(tuple(sorted(shares, key=lambda share: -share.share)), len(ended), top)


def _select_best(worth: FloatArray, top: int) -> FloatArray:
    """(1, n): 1 for the top trials; equal ones in their order."""
    chosen = np.zeros((1, len(worth)))
    chosen[0, np.argsort(-worth, kind="stable")[:top]] = 1.0
    return chosen


def _draw_random_subsets(n: int, top: int) -> FloatArray:
    """(SUBSETS, n): always the same, so that the same trials give the same answer."""
    order = np.random.default_rng(0).random((SUBSETS, n)).argpartition(top - 1, axis=1)[:, :top]
    chosen = np.zeros((SUBSETS, n))
    np.put_along_axis(chosen, order, 1.0, axis=1)
    return chosen


def _kernel_weights(distribution: Distribution, name: str, trials: Sequence[Result]) -> FloatArray:
    """(cells, n): the weight of each trial in each cell of the range, or for each choice."""
    if isinstance(distribution, Choice):
        values = [getattr(t.settings, name) for t in trials]
        return np.array([[float(v == choice) for v in values] for choice in distribution.values])
    numbers = [read_number(t.settings, name) for t in trials]
    places = np.array([np.nan if v is None else distribution.position(v) for v in numbers])
    cells = (np.arange(CELLS) + 0.5) / CELLS
    near = np.exp(-0.5 * ((cells[:, None] - places) / BANDWIDTH) ** 2)
    return np.where(np.isfinite(near), near, 0.0)


def _divergence(near: FloatArray, subsets: FloatArray) -> FloatArray:
    """(subsets,) Pearson divergence of each subset's density from that of all trials."""
    density = near.sum(axis=1)
    seen = density > 0
    ratio = (subsets @ near[seen].T) / density[seen] * (subsets.shape[1] / subsets.sum(axis=1))[:, None]
    return np.asarray(((ratio - 1.0) ** 2) @ (density[seen] / density.sum()))

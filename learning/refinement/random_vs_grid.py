"""Random search against grid search: which values of each setting both tried, and how far they came.

After Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization" (JMLR 13, 2012): where few of the
settings matter, a grid spends its trials on few values of those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.diagnosis.curves import Result, Series
from learning.diagnosis.finished_trials import sort_finished
from learning.diagnosis.importance import measure_importance
from learning.diagnosis.sweep_rules import TIE_ERRORS
from learning.search.samplers import grid_shape
from learning.search.space import Space
from learning.settings import Settings

MAX_CURVE_POINTS = 100  # of the expected best


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two searches: all trials drawn, and the results of those that ended."""

    sampler: str
    trials: tuple[Settings, ...]
    results: tuple[Result, ...]


def count_distinct_values(space: Space, trials: Sequence[Settings]) -> dict[str, int]:
    """How many different values of each searched setting the trials try."""
    return {name: len({getattr(trial, name) for trial in trials}) for name in space.distributions}


def find_most_important(space: Space, sides: Sequence[Side]) -> str | None:
    """The setting that surely tells good trials from poor ones, by both sides together; None if none does."""
    shares = measure_importance(space, [result for side in sides for result in side.results]).shares
    return next((share.parameter for share in shares if share.matters), None)


def expected_best(reached: Sequence[float]) -> list[tuple[int, float]]:
    """The expected best of k trials drawn at random from these: (k, value) for k from one to all of them.

    Exact: the i-th smallest of n is the best of k draws in C(i - 1, k - 1) of C(n, k) ways.
    """
    ordered, n = np.sort(np.asarray(reached, dtype=np.float64)), len(reached)
    ks = (
        np.unique(np.linspace(1, n, min(n, MAX_CURVE_POINTS)).round().astype(int))
        if n
        else np.array([], dtype=int)
    )
    bests = np.array([_best_draw_shares(n, int(k)) @ ordered for k in ks])
    rising = np.minimum(np.maximum.accumulate(bests), ordered[-1:])  # rounding may let it fall by a last bit
    return [(int(k), float(best)) for k, best in zip(ks, rising, strict=True)]


def full_grid_size(space: Space, trials: int) -> int:
    """The size of the largest full grid of the space with at most so many trials."""
    return math.prod(grid_shape(space.levels(), trials))


def describe_sides(space: Space, sides: Sequence[Side]) -> str:
    """What each side tried, what matters and, once all have ended, which came further."""
    important = find_most_important(space, sides)
    names = [important] if important else list(space.distributions)
    tried = " and ".join(_describe_values(space, side, names) for side in sides)
    if important:
        why = (
            f"{important} is what matters here, and each value of it that is tried is a chance to come close"
        )
    elif all(len(side.results) == len(side.trials) for side in sides):
        why = "No setting surely tells the good trials from the poor ones: add trials, or widen the ranges"
    else:
        why = "Which of them matters is not known before more trials have ended"
    return f"{tried[0].upper()}{tried[1:]}. {why}.{_describe_outcome(sides)}"


def _describe_values(space: Space, side: Side, names: Sequence[str]) -> str:
    """How many values of these settings one side tries."""
    counts = count_distinct_values(space, side.trials)
    values = " and ".join(f"{counts[name]} values of {name}" for name in names)
    return (
        f"{len(side.trials)} {'trials on a grid' if side.sampler == 'grid' else 'random trials'} try {values}"
    )


def _describe_outcome(sides: Sequence[Side]) -> str:
    """How far each side came, once all its trials have ended, and whether they differ by more than chance."""
    tops = [trial for side in sides for trial in sort_finished(side.results)[:1]]
    if len(tops) < len(sides) or any(len(side.results) < len(side.trials) for side in sides):
        return ""
    bests = [top.best_val_acc or 0.0 for top in tops]
    if len(set(bests)) == 1:
        return f" Both came to val accuracy {bests[0]:.3f}: this time it is a tie."
    reached = ", ".join(
        f"the {side.sampler} search {'came ' if side is sides[0] else ''}to {best:.3f}"
        for side, best in zip(sides, bests, strict=True)
    )
    n = tops[0].settings.val_count
    error = math.sqrt(sum(p * (1 - p) for p in bests) / n) if n else 0.0
    tie = (
        f", with {n} validation examples as good as a tie"
        if max(bests) - min(bests) <= TIE_ERRORS * error
        else ""
    )
    return f" {reached[0].upper()}{reached[1:]}{tie}."


def _best_draw_shares(n: int, k: int) -> Series:
    """C(i - 1, k - 1) / C(n, k) for i = 1..n, from the largest down, where it is k / n."""
    ways = np.zeros(n)
    ways[n - 1] = k / n
    for i in range(n - 1, k - 1, -1):
        ways[i - 1] = ways[i] * (i - k + 1) / i
    return ways

"""Samplers: where the trials of a sweep lie in the unit cube.

A sampler is a function of (levels of each dimension, seed, start, stop). Its random streams come from the
sweep's seed and the trial's number, never from what was drawn before, so that adding trials leaves the
earlier ones as they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Cube = NDArray[np.float64]  # (trials, dimensions), each entry in [0, 1]
Levels = Sequence[int | None]  # for each dimension how many distinct values it has, None = a continuum

TRIAL_STREAM = 0  # spawn_key (0, number): the values of one trial
SOBOL_STREAM = 3  # spawn_key (3,): the scrambling of a sweep's Sobol sequence; training uses 1, 2 and 5
GRID_STREAM = 4  # spawn_key (4,): the order of a sweep's grid cells


def trial_stream(seed: int, number: int) -> np.random.SeedSequence:
    """The only source of randomness of trial `number` of a sweep with this seed."""
    return np.random.SeedSequence(seed, spawn_key=(TRIAL_STREAM, number))


def random_points(levels: Levels, seed: int, start: int, stop: int) -> Cube:
    """Independent uniform points; row n comes from trial n's own stream."""
    rows = [np.random.default_rng(trial_stream(seed, n)).random(len(levels)) for n in range(start, stop)]
    return np.array(rows, dtype=np.float64).reshape(stop - start, len(levels))


def sobol_points(levels: Levels, seed: int, start: int, stop: int) -> Cube:
    """Points start..stop-1 of one scrambled Sobol sequence.

    The sequence is drawn to the next power of two and cut, because only whole powers of two are balanced;
    the rows do not depend on how far it is drawn.
    """
    from scipy.stats import qmc  # slow to import: a second at every start, for this sampler alone

    if not levels or stop <= start:
        return np.empty((max(stop - start, 0), len(levels)))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SOBOL_STREAM,)))
    engine = qmc.Sobol(d=len(levels), scramble=True, rng=rng)
    return np.asarray(engine.random_base2((stop - 1).bit_length())[start:stop], dtype=np.float64)


def grid_points(levels: Levels, seed: int, start: int, stop: int) -> Cube:
    """A full grid over the first draw, its cells shuffled; what does not fit the grid is random by number.

    A first draw (start = 0) of n trials fixes the grid: `grid_shape(levels, n)`, both ends of each range
    included. The trials left over when n is no full grid, and all trials added later (start > 0), are the
    random sampler's points of the same numbers. So a grid's first draw depends on its size, but adding never
    changes it.
    """
    if start > 0:
        return random_points(levels, seed, start, stop)
    shape = grid_shape(levels, stop)
    cells = math.prod(shape) if stop > 0 else 0
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(GRID_STREAM,))).permutation(cells)
    columns = [
        _grid_positions(size)[index] for size, index in zip(shape, _unravel(order, shape), strict=True)
    ]
    grid = np.array(columns, dtype=np.float64).T.reshape(cells, len(shape))
    return np.concatenate([grid, random_points(levels, seed, cells, stop)])


def grid_shape(levels: Levels, count: int) -> tuple[int, ...]:
    """How many levels each dimension gets when the full grid may have at most `count` cells.

    Levels go up one at a time, always the dimension with the fewest first, as long as the grid still fits.
    """
    shape = [1] * len(levels)
    while True:
        open_to_more = [i for i, limit in enumerate(levels) if limit is None or shape[i] < limit]
        for i in sorted(open_to_more, key=lambda i: shape[i]):
            if math.prod(shape) // shape[i] * (shape[i] + 1) <= count:
                shape[i] += 1
                break
        else:
            return tuple(shape)


SAMPLERS: Mapping[str, Callable[[Levels, int, int, int], Cube]] = {
    "random": random_points,
    "grid": grid_points,
    "sobol": sobol_points,
}


def _unravel(order: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.unravel_index(order, shape)) if shape else ()


def _grid_positions(size: int) -> Cube:
    return np.linspace(0.0, 1.0, size) if size > 1 else np.array([0.5])

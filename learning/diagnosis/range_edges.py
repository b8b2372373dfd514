"""Edges: whether the best trials lie at an end of a searched range, and how far to extend it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.diagnosis.curves import Result
from learning.diagnosis.finished_trials import (
    NumericRange,
    positions_on_axis,
    read_number,
    sort_finished,
    take_best,
)
from learning.diagnosis.importance import measure_importance
from learning.errors import Invalid
from learning.search.space import Integer, LogUniform, Space
from learning.settings import read_field

OUTER = 0.10  # of the range, on its own (log) axis: the outer tenth at each end
NEAR = 0.35  # the outer third, into which others must lead where few trials cannot show what matters
TOP_TRIALS = 5  # trials that are looked at
MOST_OF_TOP = 3  # of the top five
FIT_SHARE = 0.5  # the better half of the trials takes part in the fit: far from the top no parabola holds
MIN_FIT = 12  # trials in the fit, below which it says nothing
FIT_CONFIDENCE = 2.0  # standard errors by which the fit must still rise at the end (about 2.5 % false alarms)
EXTENSIONS = (0.5, 0.25, 0.1)  # of the range; the largest that the setting allows


@dataclass(frozen=True, slots=True)
class Edge:
    """One end of one range that the best trials touch."""

    parameter: str
    end: str  # low | high
    best_value: float  # of the best trial
    best_there: bool  # it lies in the outer tenth
    top_there: int  # of the best in the outer tenth
    top: int  # how many the best are: five, and those that reached as much as the fifth
    opposed: str | None  # the verdict that most of those there have, if it says that this way lies no good
    fit_beyond: bool  # a parabola through the better half still rises at this end
    clear: (
        bool  # more than chance: the setting matters, or, while that is not known, others lead the same way
    )
    extended: float | None  # a new end further out; None where the setting itself ends


# Verdicts on a curve that speak against going further at an end.
OPPOSING_VERDICTS = {
    ("reg", "high"): frozenset({"reg-crushing"}),
    ("lr", "high"): frozenset({"lr-too-high", "exploding", "broke-out", "nan-at-once"}),
    ("lr", "low"): frozenset({"lr-too-low", "lr-bit-low"}),
}


def touched_edges(space: Space, trials: Sequence[Result]) -> tuple[Edge, ...]:
    """The ends that the best trials touch, in the order of the parameters.

    An end is touched when the best trial or three of the best five lie in its outer tenth, or when a parabola
    fitted through the better half surely still rises there. Where a setting does not matter
    (see importance), the best trial lies in one outer tenth or the other of every fifth range by chance,
    so that edge is not clear. While there are too few trials to know, a single best trial is clear only when
    three of the best five lead the same way, into the outer third. Nor is an edge clear where most of the
    best that lie there have curves that speak against it. Trials that equal the fifth count with it.
    """
    best_first = sort_finished(trials)
    ranges = space.numeric_ranges()
    if not best_first or not ranges:
        return ()
    places = {name: positions_on_axis(dist, name, best_first) for name, dist in ranges.items()}
    beyond = _find_rising_ends(places, np.array([t.best_val_acc for t in best_first], dtype=np.float64))
    known = measure_importance(space, trials)
    edges = []
    for name, distribution in ranges.items():
        matters = known.matters(name) if known.shares else None
        for end in ("low", "high"):
            fitted = (name, end) in beyond
            edge = _read_end(name, distribution, end, places[name], matters, fitted, best_first)
            if edge is not None:
                edges.append(edge)
    return tuple(edges)


def extend_end(parameter: str, distribution: NumericRange, end: str) -> float | None:
    """Move an end outwards by up to half the range; None if the setting allows no such value."""
    for share in EXTENSIONS:
        value = round_value(
            distribution, value_at_position(distribution, -share if end == "low" else 1 + share)
        )
        try:
            read_field(parameter, value)
        except Invalid:
            continue
        if value < distribution.low or value > distribution.high:
            return value
    return None


def value_at_position(distribution: NumericRange, u: float) -> float:
    """The value at a position on the range's axis, also outside 0..1 (where `value_at` stops at the end)."""
    if isinstance(distribution, LogUniform):
        return float(distribution.low * (distribution.high / distribution.low) ** u)
    return distribution.low + u * (distribution.high - distribution.low)


def round_value(distribution: NumericRange, value: float) -> float:
    """Round to two significant digits, so that a proposal reads well; to a whole number for an Integer."""
    return round(value) if isinstance(distribution, Integer) else float(f"{value:.1e}")


def _read_end(
    name: str,
    distribution: NumericRange,
    end: str,
    places: NDArray[np.float64],
    matters: bool | None,
    beyond: bool,
    best_first: Sequence[Result],
) -> Edge | None:
    top, equal = take_best(best_first, TOP_TRIALS), take_best(best_first, 1)
    inwards = places[: len(top)] if end == "low" else 1.0 - places[: len(top)]
    best_there = bool((inwards[: len(equal)] <= OUTER).all())
    there, near = int((inwards <= OUTER).sum()), int((inwards <= NEAR).sum())
    many = max(MOST_OF_TOP, math.ceil(len(top) * MOST_OF_TOP / TOP_TRIALS))
    lead = near >= min(many, len(top)) if matters is None else matters
    beyond = beyond and matters is not False
    if not (best_there or there >= many or beyond):
        return None
    outer = [trial for trial, inward in zip(top, inwards, strict=True) if inward <= OUTER]
    opposed = _opposing_verdict(name, end, outer)
    clear = opposed is None and matters is not False and (there >= many or lead or beyond)
    value = read_number(best_first[0].settings, name)
    found = np.nan if value is None else value
    extended = extend_end(name, distribution, end)
    return Edge(name, end, found, best_there, there, len(top), opposed, beyond, clear, extended)


def _opposing_verdict(name: str, end: str, there: Sequence[Result]) -> str | None:
    """The commonest verdict that speaks against this end, if most of the trials there have one."""
    verdicts = Counter(
        trial.verdict for trial in there if trial.verdict in OPPOSING_VERDICTS.get((name, end), ())
    )
    return verdicts.most_common(1)[0][0] if verdicts and 2 * verdicts.total() > len(there) else None


def _find_rising_ends(
    places: dict[str, NDArray[np.float64]], accuracy: NDArray[np.float64]
) -> set[tuple[str, str]]:
    """Ends at which a parabola through the better half (least squares, no cross terms) surely still rises.

    If it opens upwards and rises at both, only the higher end counts.
    """
    count = max(MIN_FIT, int(len(accuracy) * FIT_SHARE))
    x = np.column_stack([p[:count] for p in places.values()]) - 0.5
    design = np.column_stack([np.ones(len(x)), x, x * x])
    freedom = len(x) - design.shape[1]
    if len(x) < MIN_FIT or freedom < 3 or not np.isfinite(design).all():
        return set()
    coefficients, _, rank, _ = np.linalg.lstsq(design, accuracy[:count], rcond=None)
    if rank < design.shape[1]:
        return set()
    residual = accuracy[:count] - design @ coefficients
    covariance = np.linalg.inv(design.T @ design) * float(residual @ residual) / freedom
    d = len(places)
    found = set()
    for i, name in enumerate(places):
        for end, sign in (("low", -1.0), ("high", 1.0)):
            gradient = np.zeros(1 + 2 * d)
            gradient[1 + i], gradient[1 + d + i] = sign, 1.0  # d/dx (b x + c x^2) outwards, at x = sign / 2
            error = float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))
            higher = sign * coefficients[1 + i] > 0  # than at the other end
            if higher and float(gradient @ coefficients) > FIT_CONFIDENCE * error:
                found.add((name, end))
    return found

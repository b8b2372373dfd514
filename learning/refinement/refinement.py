"""The refinement of a search: a finer one, proposed from its trials, and how its ranges changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from learning.diagnosis.curves import Result
from learning.diagnosis.finished_trials import NumericRange, positions_on_axis, sort_finished, take_best
from learning.diagnosis.range_edges import (
    MOST_OF_TOP,
    TOP_TRIALS,
    Edge,
    round_value,
    touched_edges,
    value_at_position,
)
from learning.errors import NothingToRefine
from learning.number_format import format_number
from learning.search.space import Choice, Distribution, Integer, LogUniform, Space, Uniform
from learning.settings import MAX_EPOCHS, format_setting

SPREAD_PADDING = (
    0.3  # of the spread of the top trials, added at each end: the true optimum need not lie among them
)
MIN_RANGE_SHARE = 0.3  # of the old range, so that one lucky cluster cannot pin the next search down
MIN_CHOICE_TRIALS = 4  # trials a choice must have had before it may be dropped
EPOCHS_FACTOR = 2  # times the epochs
TRIALS_DIVISOR = 2  # times fewer trials, so that the longer search costs about as much
MIN_PROPOSED_TRIALS, MAX_PROPOSED_TRIALS = 20, 200
EQUAL_ENDS = 1e-9  # relative; two ends that lie nearer are one


@dataclass(frozen=True, slots=True)
class RefinedRange:
    """The new range of one parameter (None, None for a choice), and why its ends lie where they do."""

    parameter: str
    low: float | None
    high: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Refinement:
    """The proposed search: its space, changes of the fixed settings, number of trials, and the reasons."""

    space: Space
    settings_changes: dict[str, object]
    trials: int
    reasons: tuple[RefinedRange, ...]


def refine(space: Space, trials: Sequence[Result]) -> Refinement:
    """Shrink each range to where the best trials cluster, extend it where they touch an end, or keep it.

    Works on the axis of each range (log for log_uniform). On simulated noisy surfaces over two parameters two
    rounds of 100 and 50 trials keep the optimum inside in 97 %, and in 97 % leave a tenth of the volume or
    less. Raises NothingToRefine if nothing varies or no trial has finished.
    """
    best_first = sort_finished(trials)
    if not space.distributions:
        raise NothingToRefine("Nothing varies in this sweep, so there is no range to refine.")
    if not best_first:
        raise NothingToRefine(
            f"None of the {len(trials)} trials has finished; a refinement needs at least one."
        )
    touched = touched_edges(space, trials)
    edges = {(edge.parameter, edge.end): edge for edge in touched if edge.clear or edge.opposed}
    refined: dict[str, Distribution] = {}
    reasons: list[RefinedRange] = []
    for name, distribution in space.distributions.items():
        if isinstance(distribution, Choice):
            refined[name], bound = _refine_choice(name, distribution, best_first)
        else:
            refined[name], bound = _refine_range(name, distribution, best_first, edges)
        reasons.append(bound)
    many = min(max(len(trials) // TRIALS_DIVISOR, MIN_PROPOSED_TRIALS), MAX_PROPOSED_TRIALS)
    return Refinement(
        Space(MappingProxyType(refined)), _extend_epochs(space, best_first[0]), many, tuple(reasons)
    )


def _extend_epochs(space: Space, best: Result) -> dict[str, object]:
    if "epochs" in space.distributions:
        return {}
    return {"epochs": min(best.settings.epochs * EPOCHS_FACTOR, MAX_EPOCHS)}


def _refine_range(
    name: str, old: NumericRange, best_first: Sequence[Result], edges: Mapping[tuple[str, str], Edge]
) -> tuple[NumericRange, RefinedRange]:
    top = positions_on_axis(old, name, take_best(best_first, TOP_TRIALS))
    top = top[np.isfinite(top)]
    if not len(top):
        sentence = f"{name}: kept as it is, since none of the best trials gives it a number."
        return old, RefinedRange(name, old.low, old.high, sentence)
    low, high = _find_window(top)
    low_end, low_words = _place_end(old, "low", low, top, edges.get((name, "low")))
    high_end, high_words = _place_end(old, "high", high, top, edges.get((name, "high")))
    if not low_end < high_end:  # whole numbers, or rounding, left no room
        low_end, high_end = old.low, old.high
    sentence = f"{name}: low end {low_words}; high end {high_words}."
    return _rebuild_range(old, low_end, high_end), RefinedRange(name, low_end, high_end, sentence)


def _find_window(top: NDArray[np.float64]) -> tuple[float, float]:
    """The part of 0..1 where the top trials lie; all of it if they spread as by chance."""
    spread = float(top.max() - top.min())
    by_chance = (len(top) - 1) / (len(top) + 1)  # the expected spread of so many uniform points
    if len(top) > 1 and spread >= by_chance:
        return 0.0, 1.0
    middle = float(top.max() + top.min()) / 2
    half = max(spread * (0.5 + SPREAD_PADDING), MIN_RANGE_SHARE / 2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _place_end(
    old: NumericRange, end: str, place: float, top: NDArray[np.float64], edge: Edge | None
) -> tuple[float, str]:
    """The new end and why, as the second half of a sentence."""
    was = old.low if end == "low" else old.high
    if edge is not None and edge.opposed:
        but = f"best trials lie there, but most of them are called {edge.opposed}"
        return was, f"kept at {format_number(was, 3)}: {but}"
    if edge is not None and edge.extended is None:
        return was, f"kept at {format_number(was, 3)}, where this setting itself ends"
    if edge is not None and edge.extended is not None:
        new = edge.extended
        return (
            new,
            f"extended from {format_number(was, 3)} to {format_number(new, 3)}, because "
            f"{_explain_edge(edge)}",
        )
    if not 0.0 < place < 1.0:
        return was, f"kept at {format_number(was, 3)}, because the best trials do not favour a side"
    new = min(max(round_value(old, value_at_position(old, place)), old.low), old.high)
    if new == was:
        return was, f"kept at {format_number(was, 3)}, because the best {len(top)} come close to it"
    nearest = value_at_position(old, float(top.min() if end == "low" else top.max()))
    moved, side = ("raised", "at or above") if end == "low" else ("lowered", "at or below")
    why = f"the best {len(top)} lie {side} {format_number(nearest, 3)}"
    return new, f"{moved} from {format_number(was, 3)} to {format_number(new, 3)}, because {why}"


def _explain_edge(edge: Edge) -> str:
    if edge.best_there:
        return f"the best trial lies at {format_number(edge.best_value, 3)}"
    if edge.top_there >= MOST_OF_TOP:
        return f"{edge.top_there} of the best {edge.top} lie in the outer tenth"
    return "a fit through the better half still rises there"


def _refine_choice(name: str, old: Choice, best_first: Sequence[Result]) -> tuple[Choice, RefinedRange]:
    """Values that were tried often enough and never came near the top are dropped."""
    tried = Counter(getattr(t.settings, name) for t in best_first)
    top = {getattr(t.settings, name) for t in best_first[: max(TOP_TRIALS, len(best_first) // TOP_TRIALS)]}
    kept = tuple(v for v in old.values if v in top or tried[v] < MIN_CHOICE_TRIALS)
    if not kept or kept == old.values:
        return old, RefinedRange(
            name, None, None, f"{name}: all values kept, because none of them is clearly worse."
        )
    dropped = ", ".join(format_setting(v) for v in old.values if v not in kept)
    sentence = f"{name}: {dropped} dropped, because no trial with it is among the better fifth."
    return Choice(kept), RefinedRange(name, None, None, sentence)


def _rebuild_range(old: NumericRange, low: float, high: float) -> NumericRange:
    if isinstance(old, Integer):
        return Integer(int(low), int(high))
    return LogUniform(low, high) if isinstance(old, LogUniform) else Uniform(low, high)


@dataclass(frozen=True, slots=True)
class RangeChange:
    """One end of a parameter's range in one search and in the next."""

    parameter: str
    end: Literal["low", "high"]
    was: float
    now: float
    kind: Literal["shrunk", "extended", "kept"]


def list_range_changes(old: Space, new: Space) -> tuple[RangeChange, ...]:
    """Both ends of every range that both searches have, in the order of the new one."""
    changes = []
    for name, after in new.distributions.items():
        before = old.distributions.get(name)
        if before is None or isinstance(before, Choice) or isinstance(after, Choice):
            continue
        low = _classify_change(after.low - before.low, before.low)
        high = _classify_change(before.high - after.high, before.high)
        changes.append(RangeChange(name, "low", before.low, after.low, low))
        changes.append(RangeChange(name, "high", before.high, after.high, high))
    return tuple(changes)


def _classify_change(inwards: float, was: float) -> Literal["shrunk", "extended", "kept"]:
    if abs(inwards) <= EQUAL_ENDS * abs(was):
        return "kept"
    return "shrunk" if inwards > 0 else "extended"

"""Autopilot: what to do next, and why, from what the stages so far have found (runs and stores nothing).

preflight -> coarse -> fine -> finer. Each search is narrower than the one before it, twice as long and half
as large, so that all cost about the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from learning.diagnosis.curves import Result
from learning.diagnosis.range_edges import rounded, touched_edges
from learning.diagnosis.ranking import ranked
from learning.errors import NothingToRefine
from learning.number_format import format_number
from learning.preflight.check_result import Check, verdict
from learning.refinement.refinement import Bound, refine
from learning.search.space import LogUniform, Space

CHECKS = "preflight"
SEARCHES = ("coarse", "fine", "finer")
STAGES = (CHECKS, *SEARCHES)
LEAST_TRIALS = 4
MARGIN = math.sqrt(10)  # half a decade, as far as the probe's rates lie apart: neither end is known better


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: the coarse search as it is without a preflight, and whether one comes first."""

    space: Space
    settings: Mapping[str, object]  # fixed in all searches but for the epochs, which are the coarse search's
    trials: int  # of the coarse search
    preflight: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that is over."""

    space: Space
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Checks:
    """Next: the preflight."""

    why: str
    name: str = CHECKS


@dataclass(frozen=True, slots=True)
class Search:
    """Next: a search; `settings` are what is fixed in it, in their JSON form."""

    name: str
    why: str
    space: Space
    settings: Mapping[str, object]
    trials: int


@dataclass(frozen=True, slots=True)
class End:
    """Nothing comes next: finished as planned, stopped by the user, or failed: going on makes no sense."""

    state: Literal["finished", "stopped", "failed"]
    why: str


Step = Checks | Search | End


def next_step(plan: Plan, checks: Sequence[Check] | None, searches: Sequence[Searched]) -> Step:
    """What follows on the checks (None: not made) and the searches that are over, in their order."""
    if searches:
        return _after_search(plan, searches)
    if checks is None:
        return Checks(_WHY_CHECKS) if plan.preflight else _coarse(plan, plan.space, _WHY_UNCHECKED)
    failed = [check for check in checks if not check.passed]
    if failed:
        return End("failed", _failed_words(failed))
    return _after_checks(plan, checks)


def trials_of(name: str, coarse: int) -> int:
    """How many trials a search has: half of those before, by the number of the coarse one."""
    return max(coarse >> SEARCHES.index(name), min(LEAST_TRIALS, coarse))


_WHY_CHECKS = (
    "Before a search: are the data, the loss and the gradients right, can the net learn at all, and at which "
    "learning rates?"
)
_WHY_UNCHECKED = "No preflight was asked for, so the ranges are those of the coarse recipe."


def _failed_words(failed: Sequence[Check]) -> str:
    sentences = " ".join(check.sentence for check in failed)
    return (
        f"The preflight did not pass, so no search was started: {verdict(failed)}. {sentences} "
        "Or start again without the preflight."
    )


def _after_checks(plan: Plan, checks: Sequence[Check]) -> Search:
    found = next((check.span for check in checks if check.code == "lr-probe"), None)
    old = plan.space.distributions.get("lr")
    if found is None or not isinstance(old, LogUniform):
        return _coarse(plan, plan.space, "The preflight passed.")
    low, high = found
    lr = LogUniform(rounded(old, low / MARGIN), rounded(old, high * MARGIN))
    why = (
        f"The preflight passed. Its probe found learning rates from {format_number(low)} to "
        f"{format_number(high)} workable; half a decade more at each end leaves room for what a few hundred "
        f"steps cannot show: {format_number(lr.low)} to {format_number(lr.high)}."
    )
    return _coarse(plan, Space({**plan.space.distributions, "lr": lr}), why)


def _coarse(plan: Plan, space: Space, why: str) -> Search:
    reg = space.distributions.get("reg")
    if isinstance(reg, LogUniform):
        ends = f"{format_number(reg.low, 6)} to {format_number(reg.high, 6)}"
        why += f" reg goes from {ends}, wide enough to show where it begins to hurt."
    return Search(SEARCHES[0], why, space, plan.settings, plan.trials)


def _after_search(plan: Plan, searches: Sequence[Searched]) -> Step:
    last, name = searches[-1], SEARCHES[len(searches) - 1]
    best_first = ranked(last.results)
    if not best_first:
        return End("failed", f"None of the {len(last.results)} trials of the {name} search finished.")
    if len(searches) == len(SEARCHES):
        return End("finished", "All searches are done.")
    if len(searches) > 1 and (enough := _enough(searches)):
        return End("finished", enough)
    try:
        refined = refine(last.space, last.results)
    except NothingToRefine as reason:
        return End("failed", str(reason))
    following = SEARCHES[len(searches)]
    trials = trials_of(following, plan.trials)
    settings = {**plan.settings, **refined.settings_changes}
    why = _closer_words(name, best_first[0], trials, settings, refined.words)
    return Search(following, why, refined.space, settings, trials)


def _closer_words(
    name: str, best: Result, trials: int, settings: Mapping[str, object], words: Sequence[Bound]
) -> str:
    epochs = f"{settings['epochs']} epochs" if "epochs" in settings else "as many epochs as are drawn"
    return "\n".join(  # a line for each parameter
        [
            f"The {name} search reached val accuracy {best.best_val_acc:.3f}. Closer and longer: "
            f"{trials} trials of {epochs}.",
            *(bound.sentence for bound in words),
        ]
    )


def _enough(searches: Sequence[Searched]) -> str | None:
    """Why one more search would chase noise, if it would: nothing gained, and no end clearly touched."""
    (before, *_), (last, *_) = (ranked(one.results) for one in searches[-2:])
    then, now = before.best_val_acc or 0.0, last.best_val_acc or 0.0
    last_search = searches[-1]
    if now > then or any(edge.clear for edge in touched_edges(last_search.space, last_search.results)):
        return None
    return (
        f"The {SEARCHES[len(searches) - 1]} search came to val accuracy {now:.3f}, no further than the "
        f"{then:.3f} of the one before, and touches no end of its ranges: one more would chase noise."
    )

"""The autopilot: what to do next, and why, given the stages so far.

preflight -> coarse -> fine -> finer. Each search is narrower than the one before, twice as long and half as
large, so that all cost about the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from learning.diagnosis.curves import Result
from learning.diagnosis.finished_trials import sort_finished
from learning.diagnosis.range_edges import round_value, touched_edges
from learning.errors import NothingToRefine
from learning.number_format import format_number
from learning.preflight.check_result import Check, summarise_checks
from learning.refinement.refinement import RefinedRange, refine
from learning.search.space import LogUniform, Space

PREFLIGHT_STAGE = "preflight"
SEARCH_STAGES = ("coarse", "fine", "finer")
AUTOPILOT_STAGES = (PREFLIGHT_STAGE, *SEARCH_STAGES)
MIN_SEARCH_TRIALS = 4
TEST_GAP_ERRORS = 3.0  # of the difference; the best of many val accuracies is up to 2 too good by luck
LR_MARGIN = math.sqrt(10)  # half a decade, the distance of the probe's rates: neither end is known better


@dataclass(frozen=True, slots=True)
class AutopilotPlan:
    """What the user asked for: the coarse search, and whether a preflight comes first."""

    space: Space
    settings: Mapping[str, object]  # fixed in all searches; the epochs are those of the coarse search
    trials: int  # of the coarse search
    preflight: bool


@dataclass(frozen=True, slots=True)
class FinishedSearch:
    space: Space
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class NextPreflight:
    """The preflight comes next."""

    why: str
    name: str = PREFLIGHT_STAGE


@dataclass(frozen=True, slots=True)
class NextSearch:
    """A search comes next; `settings` are what is fixed in it, in JSON form."""

    name: str
    why: str
    space: Space
    settings: Mapping[str, object]
    trials: int


@dataclass(frozen=True, slots=True)
class AutopilotEnd:
    """The end: finished as planned, stopped by the user, or failed because going on makes no sense."""

    state: Literal["finished", "stopped", "failed"]
    why: str


NextStep = NextPreflight | NextSearch | AutopilotEnd


def choose_next_step(
    plan: AutopilotPlan, checks: Sequence[Check] | None, searches: Sequence[FinishedSearch]
) -> NextStep:
    """What follows the checks (None: not made) and the finished searches, in order."""
    if searches:
        return _plan_following_search(plan, searches)
    if checks is None:
        return (
            NextPreflight(_WHY_CHECKS)
            if plan.preflight
            else _plan_coarse_search(plan, plan.space, _WHY_UNCHECKED)
        )
    failed = [check for check in checks if not check.passed]
    if failed:
        return AutopilotEnd("failed", _explain_failure(failed))
    return _plan_first_search(plan, checks)


def count_search_trials(name: str, coarse: int) -> int:
    """The number of trials of a search, halved for each after the coarse one."""
    return max(coarse >> SEARCH_STAGES.index(name), min(MIN_SEARCH_TRIALS, coarse))


_WHY_CHECKS = (
    "Before a search: are the data, the loss and the gradients right, can the net learn at all, and at which "
    "learning rates?"
)
_WHY_UNCHECKED = "No preflight was asked for, so the ranges are those of the coarse recipe."


def _explain_failure(failed: Sequence[Check]) -> str:
    sentences = " ".join(check.sentence for check in failed)
    return (
        f"The preflight did not pass, so no search was started: {summarise_checks(failed)}. {sentences} "
        "Or start again without the preflight."
    )


def _plan_first_search(plan: AutopilotPlan, checks: Sequence[Check]) -> NextSearch:
    found = next((check.span for check in checks if check.code == "lr-probe"), None)
    old = plan.space.distributions.get("lr")
    if found is None or not isinstance(old, LogUniform):
        return _plan_coarse_search(plan, plan.space, "The preflight passed.")
    low, high = found
    lr = LogUniform(round_value(old, low / LR_MARGIN), round_value(old, high * LR_MARGIN))
    why = (
        f"The preflight passed. Its probe found learning rates from {format_number(low)} to "
        f"{format_number(high)} workable; half a decade more at each end leaves room for what a few hundred "
        f"steps cannot show: {format_number(lr.low)} to {format_number(lr.high)}."
    )
    return _plan_coarse_search(plan, Space({**plan.space.distributions, "lr": lr}), why)


def _plan_coarse_search(plan: AutopilotPlan, space: Space, why: str) -> NextSearch:
    reg = space.distributions.get("reg")
    if isinstance(reg, LogUniform):
        ends = f"{format_number(reg.low, 6)} to {format_number(reg.high, 6)}"
        why += f" reg goes from {ends}, wide enough to show where it begins to hurt."
    return NextSearch(SEARCH_STAGES[0], why, space, plan.settings, plan.trials)


def _plan_following_search(plan: AutopilotPlan, searches: Sequence[FinishedSearch]) -> NextStep:
    last, name = searches[-1], SEARCH_STAGES[len(searches) - 1]
    best_first = sort_finished(last.results)
    if not best_first:
        return AutopilotEnd(
            "failed", f"None of the {len(last.results)} trials of the {name} search finished."
        )
    if len(searches) == len(SEARCH_STAGES):
        return AutopilotEnd("finished", "All searches are done.")
    if len(searches) > 1 and (enough := _explain_enough(searches)):
        return AutopilotEnd("finished", enough)
    try:
        refined = refine(last.space, last.results)
    except NothingToRefine as reason:
        return AutopilotEnd("failed", str(reason))
    following = SEARCH_STAGES[len(searches)]
    trials = count_search_trials(following, plan.trials)
    settings = {**plan.settings, **refined.settings_changes}
    why = _explain_following_search(name, best_first[0], trials, settings, refined.reasons)
    return NextSearch(following, why, refined.space, settings, trials)


def _explain_following_search(
    name: str, best: Result, trials: int, settings: Mapping[str, object], reasons: Sequence[RefinedRange]
) -> str:
    epochs = f"{settings['epochs']} epochs" if "epochs" in settings else "as many epochs as are drawn"
    return "\n".join(  # a line for each parameter
        [
            f"The {name} search reached val accuracy {best.best_val_acc:.3f}. Closer and longer: "
            f"{trials} trials of {epochs}.",
            *(bound.sentence for bound in reasons),
        ]
    )


def _explain_enough(searches: Sequence[FinishedSearch]) -> str | None:
    """Why one more search would chase noise, if it would: nothing gained, and no end clearly touched."""
    (before, *_), (last, *_) = (sort_finished(search.results) for search in searches[-2:])
    then, now = before.best_val_acc or 0.0, last.best_val_acc or 0.0
    last_search = searches[-1]
    if now > then or any(edge.clear for edge in touched_edges(last_search.space, last_search.results)):
        return None
    return (
        f"The {SEARCH_STAGES[len(searches) - 1]} search came to val accuracy {now:.3f}, no further than the "
        f"{then:.3f} of the one before, and touches no end of its ranges: one more would chase noise."
    )


def explain_test_gap(val: float, n_val: int, test: float, n_test: int) -> str | None:
    """What it means that a test accuracy is further below val than chance explains; None if it is not."""
    gap, error = val - test, math.hypot(_standard_error(val, n_val), _standard_error(test, n_test))
    if gap <= TEST_GAP_ERRORS * error:
        return None
    return (
        f"The test accuracy lies {gap:.3f} below the val accuracy, with a standard error of {error:.3f}: too "
        "far for chance and for having picked the best of many. So the test part is unlike the rest, as from "
        "other writers, another camera or a later day; for such examples the test accuracy is what to expect."
    )


def _standard_error(p: float, n: int) -> float:
    return math.sqrt(p * (1 - p) / n)

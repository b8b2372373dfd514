"""What an autopilot does next: each step from what was found, with a reason that has the numbers."""

import math

import numpy as np
import pytest

from learning.diagnosis.curves import Result
from learning.preflight.check_result import Check
from learning.refinement.autopilot import (
    SEARCH_STAGES,
    TEST_GAP_ERRORS,
    AutopilotEnd,
    AutopilotPlan,
    FinishedSearch,
    NextPreflight,
    NextSearch,
    choose_next_step,
    count_search_trials,
    explain_test_gap,
)
from learning.search.space import LogUniform, Space
from learning.settings import Settings

SPACE = Space({"lr": LogUniform(1e-6, 1e-3), "reg": LogUniform(1e-5, 1e5)})
SETTINGS = {"epochs": 5, "val_count": 1000}
PLAN = AutopilotPlan(SPACE, SETTINGS, trials=32, preflight=True)
DATA = Check("data", "The data", True, 0.0, "<=", 0.0, "All is well.", ())
TEST_GAP_ERROR = math.sqrt(0.98 * 0.02 / 300 + 0.9 * 0.1 / 300)
PROBE = Check("lr-probe", "Learning rate", True, 0.5, ">=", 0.02, "Workable.", (), span=(1e-3, 1e-1))


def searched(accuracies: list[float], space: Space = SPACE, state: str = "finished") -> FinishedSearch:
    """Trials with the best in the middle of every range, the others spread around it."""
    rng = np.random.default_rng(0)
    results = []
    for n, accuracy in enumerate(sorted(accuracies, reverse=True)):
        spread = min(0.4, 0.02 * n)
        drawn = space.values_at(0.5 + spread * rng.uniform(-1, 1, len(space.distributions)))
        settings = Settings.parse({**SETTINGS, **drawn})
        results.append(Result(settings, state, accuracy if state == "finished" else None))
    return FinishedSearch(space, results)


def coarse() -> FinishedSearch:
    return searched([0.4 - 0.01 * n for n in range(32)])


def test_the_checks_come_first_or_the_recipes_own_range() -> None:
    assert isinstance(choose_next_step(PLAN, None, []), NextPreflight)
    step = choose_next_step(AutopilotPlan(SPACE, SETTINGS, 32, preflight=False), None, [])
    assert isinstance(step, NextSearch)
    assert (step.name, step.space, step.trials, step.settings) == ("coarse", SPACE, 32, SETTINGS)
    assert "No preflight" in step.why


def test_the_probe_gives_the_coarse_searchs_learning_rates() -> None:
    step = choose_next_step(PLAN, [DATA, PROBE], [])
    assert isinstance(step, NextSearch)
    assert step.space.to_dict() == {
        "lr": {"log_uniform": [3.2e-4, 3.2e-1]},
        "reg": {"log_uniform": [1e-5, 1e5]},
    }
    assert "from 0.001 to 0.1 workable" in step.why
    assert "3.2e-4 to 0.32" in step.why


def test_without_a_range_of_the_probes_it_is_the_recipes() -> None:
    step = choose_next_step(PLAN, [DATA], [])
    assert isinstance(step, NextSearch)
    assert step.space == SPACE


def test_a_learning_rate_that_is_given_is_not_searched() -> None:
    plan = AutopilotPlan(Space({"reg": LogUniform(1e-5, 1e5)}), {**SETTINGS, "lr": 0.1}, 32, preflight=True)
    step = choose_next_step(plan, [DATA, PROBE], [])
    assert isinstance(step, NextSearch)
    assert list(step.space.distributions) == ["reg"]


def test_a_check_that_fails_ends_it_with_the_checks_own_sentence() -> None:
    failed = Check("overfit-tiny", "Twenty", False, 2.3, "<=", 0.01, "The first 20 came to cost 2.3.", ())
    step = choose_next_step(PLAN, [DATA, failed], [])
    assert isinstance(step, AutopilotEnd)
    assert step.state == "failed"
    assert "overfit-tiny" in step.why
    assert failed.sentence in step.why


def test_each_search_is_closer_longer_and_smaller() -> None:
    fine = choose_next_step(PLAN, [DATA, PROBE], [coarse()])
    assert isinstance(fine, NextSearch)
    assert (fine.name, fine.trials, fine.settings["epochs"]) == ("fine", 16, 10)
    for name, old in SPACE.distributions.items():
        new = fine.space.distributions[name]
        assert isinstance(old, LogUniform)
        assert isinstance(new, LogUniform)
        assert old.low < new.low < new.high < old.high
        assert f"{name}: low end raised" in fine.why
    better = searched([0.5 - 0.01 * n for n in range(16)], fine.space)
    finer = choose_next_step(PLAN, [DATA, PROBE], [coarse(), better])
    assert isinstance(finer, NextSearch)
    assert (finer.name, finer.trials) == ("finer", 8)
    done = choose_next_step(PLAN, [DATA, PROBE], [coarse(), better, searched([0.6] * 8, finer.space)])
    assert isinstance(done, AutopilotEnd)
    assert done.state == "finished"


def test_a_search_that_gained_nothing_is_the_last() -> None:
    same, better = (
        choose_next_step(PLAN, [DATA, PROBE], [coarse(), searched([best - 0.01 * n for n in range(16)])])
        for best in (0.400, 0.401)
    )
    assert isinstance(same, AutopilotEnd)
    assert same.state == "finished"
    assert "The fine search came to val accuracy 0.400, no further than the 0.400" in same.why
    assert isinstance(better, NextSearch)


def test_a_best_trial_at_an_end_is_followed_though_nothing_was_gained() -> None:
    space = Space({"lr": LogUniform(1e-6, 1e-3)})
    at_the_end = [
        Result(Settings.parse({**SETTINGS, "lr": 1e-3 * 0.9**n}), "finished", 0.4 - 0.01 * n)
        for n in range(16)
    ]
    step = choose_next_step(PLAN, [DATA, PROBE], [coarse(), FinishedSearch(space, at_the_end)])
    assert isinstance(step, NextSearch)
    assert "high end extended" in step.why


@pytest.mark.parametrize("state", ["diverged", "failed"])
def test_without_a_finished_trial_there_is_nothing_to_go_on_from(state: str) -> None:
    step = choose_next_step(PLAN, [DATA, PROBE], [searched([0.1] * 5, state=state)])
    assert step == AutopilotEnd("failed", "None of the 5 trials of the coarse search finished.")


def test_few_trials_stay_enough_to_refine() -> None:
    assert [count_search_trials(name, 32) for name in SEARCH_STAGES] == [32, 16, 8]
    assert [count_search_trials(name, 5) for name in SEARCH_STAGES] == [5, 4, 4]


def test_the_gap_is_told_with_its_standard_error() -> None:
    told = explain_test_gap(0.98, 300, 0.9, 300)
    assert told is not None
    assert f"lies 0.080 below the val accuracy, with a standard error of {TEST_GAP_ERROR:.3f}" in told


@pytest.mark.parametrize(("rows", "told"), [(1.02, True), (0.98, False)])
def test_a_gap_is_told_from_where_chance_does_not_explain_it(rows: float, told: bool) -> None:
    """On so many rows the gap of 0.08 is SURE standard errors wide, or a hundredth more or less."""
    n = round(300 * (TEST_GAP_ERRORS * TEST_GAP_ERROR / 0.08) ** 2 * rows)
    assert (explain_test_gap(0.98, n, 0.9, n) is not None) == told


@pytest.mark.parametrize(("val", "test"), [(1.0, 1.0), (0.9, 0.95), (1.0, 0.999)])
def test_no_gap_is_no_shortfall(val: float, test: float) -> None:
    assert explain_test_gap(val, 300, test, 1000) is None


def test_a_test_part_where_everything_is_wrong_has_no_standard_error() -> None:
    assert explain_test_gap(1.0, 300, 0.0, 300) is not None

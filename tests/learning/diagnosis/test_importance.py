"""Importance: who made the best trials best, on surfaces where that is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from learning.diagnosis.curves import Result
from learning.diagnosis.importance import MIN_IMPORTANCE_TRIALS, Importance, measure_importance
from learning.search.space import Space, draw_trials
from learning.settings import Settings

SPACE = Space.parse(
    {
        "lr": {"log_uniform": [1e-4, 1e-1]},
        "reg": {"log_uniform": [1e-5, 1e5]},
        "update": {"choice": ["sgd", "adam"]},
    }
)
NOISE = 0.015  # of an accuracy of 0.3 on a thousand images


def bump(s: Settings) -> float:
    return 0.1 + 0.4 * math.exp(-((math.log10(s.lr / 3e-3) / 1.0) ** 2))


def of(worth: Callable[[Settings], float], n: int, seed: int = 0, sampler: str = "random") -> Importance:
    noise = np.random.default_rng(seed).normal(0, NOISE, n).tolist()
    drawn = draw_trials(SPACE, {}, n, sampler, seed)
    return measure_importance(
        SPACE, [Result(s, "finished", worth(s) + e) for s, e in zip(drawn, noise, strict=True)]
    )


@pytest.mark.parametrize(("n", "share"), [(40, 0.7), (100, 0.85), (1000, 0.97)])
def test_the_one_that_matters_has_nearly_all(n: int, share: float) -> None:
    found = [of(bump, n, seed) for seed in range(20)]
    assert np.mean([one.shares[0].share for one in found]) >= share
    assert all(one.shares[0].parameter == "lr" and one.matters("lr") for one in found)


def test_what_does_not_matter_is_said_to_in_about_one_of_twenty() -> None:
    found = [of(bump, 100, seed) for seed in range(100)]
    for name in ("reg", "update"):
        assert sum(one.matters(name) for one in found) <= 10


def test_a_choice_may_be_what_matters() -> None:
    found = of(lambda s: 0.5 if s.update == "adam" else 0.3, 60)
    assert found.shares[0].parameter == "update"
    assert found.matters("update")


def test_divergence_is_a_result_too() -> None:
    """Where all that survive are alike, the setting that decides who survives is the important one."""
    drawn = draw_trials(SPACE, {}, 60, "random", 0)
    trials = [Result(s, "diverged", 0.9) if s.lr > 1e-3 else Result(s, "finished", 0.4) for s in drawn]
    assert measure_importance(SPACE, trials).shares[0].parameter == "lr"


@pytest.mark.parametrize("sampler", ["grid", "sobol"])
def test_points_that_are_not_random(sampler: str) -> None:
    assert of(bump, 64, sampler=sampler).shares[0].parameter == "lr"


def test_it_says_nothing_from_too_few_and_counts_what_it_rests_on() -> None:
    assert of(bump, MIN_IMPORTANCE_TRIALS - 1).shares == ()
    found = of(bump, MIN_IMPORTANCE_TRIALS)
    assert (len(found.shares), found.trials, found.top) == (3, MIN_IMPORTANCE_TRIALS, 5)
    running = [Result(s, "running", 0.9) for s in draw_trials(SPACE, {}, 50, "random", 0)]
    assert measure_importance(SPACE, running).trials == 0
    assert measure_importance(Space.parse({}), []).shares == ()


def test_shares_add_up_and_equal_trials_give_none() -> None:
    assert sum(one.share for one in of(bump, 50).shares) == pytest.approx(1.0)
    same = [Result(Settings(lr=1e-3, reg=1.0, update="sgd"), "finished", 0.4)] * 30
    assert [one.share for one in measure_importance(SPACE, same).shares] == [0.0, 0.0, 0.0]
    assert not any(one.matters for one in measure_importance(SPACE, same).shares)

"""Pace: the range of the time left by hand, wider the less is known, silent while nothing is."""

from dataclasses import replace

import pytest

from learning.training.eta import DRIFT, FEWEST, Pace, Rest, seconds_left

STEADY = Pace(steps=40, epochs=400, seconds=800.0, squares=1600.0)  # 2 s each, always
REST = Rest(epochs=300.0, groups=3, workers=1, lost=0.0)


def left(pace: Pace = STEADY, rest: Rest = REST) -> tuple[float, float]:
    found = seconds_left(pace, rest)
    assert found is not None
    return found


def test_a_steady_pace_leaves_only_what_the_machine_may_do() -> None:
    assert left() == pytest.approx((600 / (1 + DRIFT), 600 * (1 + DRIFT)))


def test_it_is_too_early_before_so_many_steps() -> None:
    early = Pace(FEWEST - 1, 10, 20.0, 40.0)
    assert seconds_left(early, REST) is None
    assert seconds_left(replace(early, steps=FEWEST), REST) is not None
    assert seconds_left(STEADY, replace(REST, epochs=0.0)) is None


def test_the_range_is_two_deviations_of_what_was_and_of_what_comes() -> None:
    """Half of the epochs took 1 s, half 3 s: a deviation of half the mean, over 40 steps and 30 more."""
    uneven = replace(STEADY, squares=200 * 1.0 + 200 * 9.0)
    off = 1 + DRIFT + 2 * 0.5 * (1 / 40 + 1 / 30) ** 0.5
    assert left(uneven) == pytest.approx((600 / off, 600 * off))


def test_what_ended_early_so_far_may_go_on_to_and_shortens_only_the_lower_end() -> None:
    low, high = left(rest=replace(REST, lost=0.25))
    assert (low, high) == pytest.approx((0.75 * left()[0], left()[1]))


def test_workers_share_but_may_wait_for_the_last_group() -> None:
    """Two workers, three groups of 200 s each: 300 s if shared evenly, 400 s as it is."""
    low, high = left(rest=replace(REST, workers=2))
    assert (low, high) == pytest.approx((300 / (1 + DRIFT), 400 * (1 + DRIFT)))

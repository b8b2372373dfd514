"""Time estimates: the arithmetic of an epoch by hand, and the range of the time left."""

from dataclasses import replace

import pytest

from learning.settings import Settings
from learning.training.time_estimate import (
    DRIFT_SHARE,
    MIN_GROUP_EPOCHS,
    Pace,
    RemainingWork,
    epoch_flops,
    epoch_work,
    estimate_seconds_left,
    estimate_sweep_seconds,
)

LECTURE = Settings(hidden=(50,), batch_size=100, epochs=5)
STEADY = Pace(group_epochs=40, epochs=400, seconds=800.0, squares=1600.0)  # 2 s each, always
REST = RemainingWork(epochs=300.0, groups=3, workers=1, lost_share=0.0)


def test_the_lectures_net_by_hand() -> None:
    """3072-50-10: 154,100 weights, of which 153,600 need no gradient into their input."""
    step = 100 * (2 * 154_100 + 2 * 154_100 + 2 * 500)  # forward, into the weights, into the hidden layer
    assert step == pytest.approx(61.7e6, rel=0.01)  # the figure measured for a step
    update = 6 * 154_100
    evaluation = (1000 + 1000) * 2 * 154_100
    assert epoch_flops(LECTURE, 49_000, 1000, 3072, 10) == 490 * (step + update) + evaluation


def test_counts_of_the_settings_bound_the_parts() -> None:
    tiny = Settings(train_count=20, val_count=0, batch_size="full")
    weights = 3072 * 50 + 50 * 10
    expected = 20 * (4 * weights + 2 * 500) + 6 * weights + (20 + 20) * 2 * weights
    assert epoch_flops(tiny, 50_000, 1000, 3072, 10) == expected


def test_softmax_regression_has_one_matrix() -> None:
    flat = Settings(hidden=(), update="sgd", batch_size=10)
    assert epoch_flops(flat, 100, 50, 64, 10) == 100 * 4 * 640 + 10 * 640 * 4 + 150 * 2 * 640


def test_deeper_nets_pass_gradients_between_their_layers() -> None:
    shallow = epoch_flops(Settings(hidden=(100,)), 1000, 100, 64, 10)
    deep = epoch_flops(Settings(hidden=(100, 100)), 1000, 100, 64, 10)
    assert deep - shallow > 1000 * 6 * 10_000


def test_a_sweep_is_shared_but_a_trial_is_not() -> None:
    one = 5 * epoch_work(LECTURE, 49_000, 1000, 3072, 10)
    many = estimate_sweep_seconds([LECTURE] * 100, 49_000, 1000, 3072, 10, 1e9, 2)
    assert many == pytest.approx(50 * one / 1e9)
    assert estimate_sweep_seconds([LECTURE], 49_000, 1000, 3072, 10, 1e9, 8) == pytest.approx(one / 1e9)
    assert estimate_sweep_seconds([], 49_000, 1000, 3072, 10, 1e9, 2) == 0.0


def test_many_small_steps_cost_more_than_their_arithmetic() -> None:
    """Of the digits' 1,200 examples, one at a time: 14 (25 nets) to 28 times (8) as long, as measured."""
    few, many = (epoch_work(Settings(hidden=(50,), batch_size=size), 1200, 300, 64, 10) for size in (100, 1))
    assert 10 < many / few < 30
    large = Settings(hidden=(50,), batch_size=100)
    assert epoch_work(large, 49_000, 1000, 3072, 10) < 1.01 * epoch_flops(large, 49_000, 1000, 3072, 10)


@pytest.mark.parametrize(("speed", "workers"), [(0.0, 2), (1e9, 0), (float("nan"), 1)])
def test_no_speed_is_refused(speed: float, workers: int) -> None:
    with pytest.raises(ValueError, match="both must be above 0"):
        estimate_sweep_seconds([LECTURE], 49_000, 1000, 3072, 10, speed, workers)


def left(pace: Pace = STEADY, rest: RemainingWork = REST) -> tuple[float, float]:
    found = estimate_seconds_left(pace, rest)
    assert found is not None
    return found


def test_a_steady_pace_leaves_only_what_the_machine_may_do() -> None:
    assert left() == pytest.approx((600 / (1 + DRIFT_SHARE), 600 * (1 + DRIFT_SHARE)))


def test_it_is_too_early_before_so_many_steps() -> None:
    early = Pace(MIN_GROUP_EPOCHS - 1, 10, 20.0, 40.0)
    assert estimate_seconds_left(early, REST) is None
    assert estimate_seconds_left(replace(early, group_epochs=MIN_GROUP_EPOCHS), REST) is not None
    assert estimate_seconds_left(STEADY, replace(REST, epochs=0.0)) is None


def test_the_range_is_two_deviations_of_what_was_and_of_what_comes() -> None:
    """Half of the epochs took 1 s, half 3 s: a deviation of half the mean, over 40 steps and 30 more."""
    uneven = replace(STEADY, squares=200 * 1.0 + 200 * 9.0)
    off = 1 + DRIFT_SHARE + 2 * 0.5 * (1 / 40 + 1 / 30) ** 0.5
    assert left(uneven) == pytest.approx((600 / off, 600 * off))


def test_what_ended_early_so_far_may_go_on_to_and_shortens_only_the_lower_end() -> None:
    low, high = left(rest=replace(REST, lost_share=0.25))
    assert (low, high) == pytest.approx((0.75 * left()[0], left()[1]))


def test_workers_share_but_may_wait_for_the_last_group() -> None:
    """Two workers, three groups of 200 s each: 300 s if shared evenly, 400 s as it is."""
    low, high = left(rest=replace(REST, workers=2))
    assert (low, high) == pytest.approx((300 / (1 + DRIFT_SHARE), 400 * (1 + DRIFT_SHARE)))

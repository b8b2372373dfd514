"""Cost: the arithmetic by hand, and how it grows."""

import pytest

from learning.settings import Settings
from learning.training.cost import epoch_flops, epoch_work, estimate_seconds

LECTURE = Settings(hidden=(50,), batch_size=100, epochs=5)


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
    many = estimate_seconds([LECTURE] * 100, 49_000, 1000, 3072, 10, 1e9, 2)
    assert many == pytest.approx(50 * one / 1e9)
    assert estimate_seconds([LECTURE], 49_000, 1000, 3072, 10, 1e9, 8) == pytest.approx(one / 1e9)
    assert estimate_seconds([], 49_000, 1000, 3072, 10, 1e9, 2) == 0.0


def test_many_small_steps_cost_more_than_their_arithmetic() -> None:
    """Of the digits' 1,200 examples, one at a time: 14 (25 nets) to 28 times (8) as long, as measured."""
    few, many = (epoch_work(Settings(hidden=(50,), batch_size=size), 1200, 300, 64, 10) for size in (100, 1))
    assert 10 < many / few < 30
    large = Settings(hidden=(50,), batch_size=100)
    assert epoch_work(large, 49_000, 1000, 3072, 10) < 1.01 * epoch_flops(large, 49_000, 1000, 3072, 10)


@pytest.mark.parametrize(("speed", "workers"), [(0.0, 2), (1e9, 0), (float("nan"), 1)])
def test_no_speed_is_refused(speed: float, workers: int) -> None:
    with pytest.raises(ValueError, match="both must be above 0"):
        estimate_seconds([LECTURE], 49_000, 1000, 3072, 10, speed, workers)

"""The average of nets, measured on rows whose answers are known by construction."""

import numpy as np
import pytest

from learning.data.preprocessing import Preprocessing
from learning.settings import Settings
from learning.training.ensemble import SURE_GAIN_ERRORS, EnsembleAccuracy, describe_average, measure_average
from learning.training.net import Array
from learning.training.prediction import TrainedNet


def linear(W: Array) -> TrainedNet:
    """Scores X @ W: a net without a hidden layer."""
    weights = {"W1": W, "b1": np.zeros(W.shape[1])}
    return TrainedNet(weights, Preprocessing("none"), Settings(hidden=()))


def test_nets_that_err_apart_are_better_together() -> None:
    """Each of three nets is sure of all classes but one, on which it leans the wrong way a little."""
    y = np.repeat(np.arange(3), 20)
    X = np.eye(3)[y]
    nets = []
    for wrong in range(3):
        W = 5 * np.eye(3)
        W[wrong] = 0
        W[wrong, (wrong + 1) % 3] = 0.5
        nets.append(linear(W))
    found = measure_average(nets, X, y)
    assert found.each == pytest.approx((2 / 3,) * 3)
    assert (found.accuracy, found.error) == (1.0, 0.0)
    assert found.gain == pytest.approx(1 / 3)
    assert found.gain_error == pytest.approx(np.sqrt(1 / 3 * 2 / 3 / 60))
    told = describe_average(found)
    assert "The average of 3 nets gets 1.0000 of the 60 validation examples right" in told
    assert "the best single one 0.6667: 0.3333 more" in told
    assert "The same examples chose the nets" in told
    assert "chance" not in told


def test_one_net_is_its_own_average() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4)), rng.integers(0, 3, 50)
    found = measure_average([linear(rng.normal(size=(4, 3)))], X, y)
    assert found.accuracy == found.each[0]
    assert (found.gain, found.gain_error) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("gain", "doubted"),
    [
        (SURE_GAIN_ERRORS * 0.01, False),
        (SURE_GAIN_ERRORS * 0.01 - 1e-6, True),
        (0.0, True),
        (-SURE_GAIN_ERRORS * 0.01 - 1e-6, False),
    ],
)
def test_a_gain_within_its_noise_is_told_as_that(gain: float, doubted: bool) -> None:
    told = describe_average(EnsembleAccuracy(1000, (0.5, 0.5), 0.5 + gain, 0.0158, gain, 0.01))
    assert ("may be chance" in told) == doubted
    assert ("less" in told) == (gain < 0)


def test_figures_on_the_training_examples_are_told_as_that() -> None:
    told = describe_average(EnsembleAccuracy(1000, (0.5, 0.5), 0.5, 0.0158, 0.0, 0.01), on_train=True)
    assert "training examples right" in told
    assert "say nothing about new ones" in told

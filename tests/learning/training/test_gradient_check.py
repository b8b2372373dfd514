from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from learning.settings import ACTIVATIONS, Settings
from learning.training.gradient_check import check_gradients

B, D, C = 5, 6, 4
RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((B, D)), RNG.integers(0, C, B)


def group(hidden, activation, regs=(0.0, 0.7)):
    shared = {"hidden": hidden, "activation": activation, "init": "xavier"}
    return [Settings.parse({**shared, "reg": reg, "seed": seed}) for seed, reg in enumerate(regs)]


def some_weights(hidden):
    """Biases too are off zero: a unit whose inputs are all dropped would sit exactly on the kink of ReLU."""
    rng, sizes = np.random.default_rng(3), [D, *hidden, C]
    weights = {}
    for layer, (fan_in, width) in enumerate(pairwise(sizes), start=1):
        weights[f"W{layer}"] = rng.standard_normal((2, fan_in, width)) / np.sqrt(fan_in)
        weights[f"b{layer}"] = 0.1 * rng.standard_normal((2, width))
    return weights


def masks(hidden, nets=2, rate=0.4):
    rng = np.random.default_rng(2)
    return [(rng.random((nets * width, B)) >= rate) / (1 - rate) for width in hidden]


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("hidden", [[], [7], [7, 5], [4, 3, 6]])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("method", "bound"), [("complex", 1e-12), ("centred", 1e-7)])
def test_backward_equals_the_numeric_derivative_of_every_parameter(
    method, bound, activation, hidden, dropped
):
    settings = group(hidden, activation)
    mask = masks(hidden) if dropped else None
    weights = some_weights(hidden)
    errors = check_gradients(settings, X, Y, classes=C, method=method, weights=weights, masks=mask)
    assert set(errors) == {f"{kind}{layer}" for kind in "Wb" for layer in range(1, len(hidden) + 2)}
    for name, error in errors.items():
        assert error.shape == (2,)
        assert (error <= bound).all(), (name, error)


def test_the_check_sees_a_wrong_gradient():
    """The net of another regularisation has another gradient; the check must say so."""
    from learning.training.gradient_check import (
        NUMERIC_METHODS,
        LossFunction,
        _choose_places,
        _init_stack_weights,
        _relative_error,
    )
    from learning.training.net import Shape

    settings = group([7], "relu")
    shape = Shape(D, (7,), C)
    weights = _init_stack_weights(shape, settings)
    right = LossFunction(shape, np.array([0.0, 0.7]), X, Y, None)
    wrong = LossFunction(shape, np.array([0.0, 0.70001]), X, Y, None)
    given = wrong.gradients(weights)["W1"]
    places = _choose_places(given, None)
    errors = _relative_error(given.reshape(2, -1), NUMERIC_METHODS["complex"](right, weights, "W1", places))
    assert errors[0] < 1e-12
    assert errors[1] > 1e-7


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backward_in_single_precision_is_right_to_single_precision(activation):
    errors = check_gradients(group([7, 5], activation), X, Y, classes=C, dtype=np.float32)
    assert all((error < 1e-5).all() for error in errors.values())


def test_gradients_are_right_at_the_nets_first_weights():
    errors = check_gradients(group([7, 5], "relu"), X, Y, classes=C)
    assert all((error < 1e-12).all() for error in errors.values())


def test_a_few_entries_of_each_parameter_tell_too(monkeypatch):
    """Those compared reach from the largest derivative to the smallest."""
    from learning.training.net import Pass

    assert all(
        (error < 1e-12).all() for error in check_gradients(group([7], "relu"), X, Y, entries=5).values()
    )
    backward = Pass.backward

    def wrong(self, X, y, scale):
        for one in backward(self, X, y, scale):
            yield replace(one, delta=one.delta * 1.001) if one.name == "W2" else one

    monkeypatch.setattr(Pass, "backward", wrong)
    errors = check_gradients(group([7], "relu"), X, Y, entries=5)
    assert [name for name, error in errors.items() if (error > 1e-7).any()] == ["W2"]


def test_zero_weights_give_no_false_alarm():
    weights = {
        "W1": np.zeros((1, D, 7)),
        "b1": np.zeros((1, 7)),
        "W2": np.zeros((1, 7, C)),
        "b2": np.zeros((1, C)),
    }
    errors = check_gradients(group([7], "relu", [0.0]), X, Y, classes=C, weights=weights)
    assert errors["W1"] == 0
    assert errors["b2"] < 1e-12

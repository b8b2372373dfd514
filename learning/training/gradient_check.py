"""The gradient check: backward compared with numeric derivatives of the loss.

Complex step: Im f(w + ih) / h, exact to rounding because nothing is subtracted (Squire and Trapp, 1998).
Centred differences: (f(w + h) - f(w - h)) / 2h.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learning.settings import Settings
from learning.training.net import Array, Pass, Shape, Stack, init_weights

COMPLEX_STEP = 1e-30
CENTRED_STEP = 1e-5  # the CS231n notes' choice for double precision

Weights = Mapping[str, Array]  # (K, ...) with the net first
Place = tuple[Any, ...]  # the index of one number of a parameter, in all nets


@dataclass(frozen=True, slots=True, eq=False)
class LossFunction:
    """The loss of K nets: mean cross-entropy on a few examples + 0.5 * reg * sum(W**2)."""

    shape: Shape
    reg: Array  # (K,)
    X: Array  # (B, D)
    y: Array  # (B,)
    masks: Sequence[Array] | None  # dropout, as for Pass.forward

    def cost(self, weights: Weights) -> Array:
        """(K,), complex if the weights are."""
        stack = Stack(self.shape, weights)
        net_pass = Pass(stack, len(self.X))
        net_pass.forward(self.X.astype(weights["W1"].dtype), self.masks)
        squares = np.sum([stack.squares(name) for name in _matrix_names(self.shape)], axis=0)
        return np.asarray(net_pass.losses(self.y) / len(self.y) + 0.5 * self.reg * squares)

    def gradients(self, weights: Weights) -> dict[str, Array]:
        """The result of backward, in the precision of the weights, each (K, ...) with the net first."""
        stack = Stack(self.shape, weights)
        net_pass = Pass(stack, len(self.X))
        X = self.X.astype(weights["W1"].dtype)
        net_pass.forward(X, self.masks)
        net_pass.losses(self.y)
        gradients = {
            gradient.name: stack.split(
                gradient.name, gradient.write_to(np.empty_like(stack.params[gradient.name]))
            )
            for gradient in net_pass.backward(X, self.y, np.full(stack.count, 1 / len(X), X.dtype))
        }
        for name in _matrix_names(self.shape):
            gradients[name] += self.reg[:, None, None].astype(X.dtype) * weights[name]
        return gradients


def check_gradients(
    settings: Sequence[Settings],
    X: Array,
    y: Array,
    *,
    classes: int | None = None,
    dtype: Any = np.float64,
    method: str = "complex",
    weights: Weights | None = None,
    masks: Sequence[Array] | None = None,
    entries: int | None = None,
) -> dict[str, Array]:
    """The error (K,) of each parameter's gradient: largest difference / largest value, 0 where all are 0.

    Every number of every parameter is compared, so X (B, D) should be small; or only `entries` of each,
    spread evenly from the largest derivative to the smallest. The settings must fit one stack. `method` is
    complex or centred. `weights` replaces the first weights, to check in the middle of training. `dtype` is
    that of the backward pass under test; the numeric derivatives are always in double precision.
    """
    classes = int(y.max()) + 1 if classes is None else classes
    shape = Shape(X.shape[1], settings[0].hidden, classes, settings[0].activation)
    weights = _cast(_init_stack_weights(shape, settings) if weights is None else weights, np.float64)
    loss = LossFunction(shape, np.array([each.reg for each in settings]), X, y, masks)
    exact = loss.gradients(_cast(weights, dtype))
    errors = {}
    for name in shape.names:
        places = _choose_places(exact[name], entries)
        given = np.stack([exact[name][at] for at in places], axis=1)
        errors[name] = _relative_error(given, NUMERIC_METHODS[method](loss, weights, name, places))
    return errors


def differentiate_by_complex_step(
    loss: LossFunction, weights: Weights, name: str, places: Sequence[Place]
) -> Array:
    """The derivatives with respect to these numbers of one parameter, (K, places)."""
    moved = _cast(weights, np.complex128)
    result = np.empty((len(weights[name]), len(places)))
    for n, at in enumerate(places):
        moved[name][at] += 1j * COMPLEX_STEP
        result[:, n] = loss.cost(moved).imag / COMPLEX_STEP
        moved[name][at] -= 1j * COMPLEX_STEP
    return result


def differentiate_by_centred_difference(
    loss: LossFunction, weights: Weights, name: str, places: Sequence[Place]
) -> Array:
    """The derivatives with respect to these numbers of one parameter, (K, places)."""
    moved = _cast(weights, np.float64)
    result = np.empty((len(weights[name]), len(places)))
    for n, at in enumerate(places):
        value = moved[name][at].copy()
        moved[name][at] = value + CENTRED_STEP
        above = loss.cost(moved)
        moved[name][at] = value - CENTRED_STEP
        result[:, n] = (above - loss.cost(moved)) / (2 * CENTRED_STEP)
        moved[name][at] = value
    return result


NUMERIC_METHODS: Mapping[str, Callable[[LossFunction, Weights, str, Sequence[Place]], Array]] = {
    "complex": differentiate_by_complex_step,
    "centred": differentiate_by_centred_difference,
}


def _matrix_names(shape: Shape) -> list[str]:
    return [name for name in shape.names if name[0] == "W"]


def _init_stack_weights(shape: Shape, settings: Sequence[Settings]) -> dict[str, Array]:
    nets = [init_weights(shape, each, np.float64) for each in settings]
    return {name: np.stack([net[name] for net in nets]) for name in shape.names}


def _cast(weights: Weights, dtype: Any) -> dict[str, Array]:
    return {name: array.astype(dtype) for name, array in weights.items()}


def _choose_places(exact: Array, count: int | None) -> list[Place]:
    """All places of a gradient, or `count` of them: the same for all nets, whose losses are independent."""
    sizes = np.abs(exact).sum(axis=0)
    if count is None or count >= sizes.size:
        return [(slice(None), *at) for at in np.ndindex(sizes.shape)]
    ranks = np.linspace(0, sizes.size - 1, count).astype(int)
    chosen = np.argsort(-sizes, axis=None, kind="stable")[ranks]
    return [(slice(None), *np.unravel_index(place, sizes.shape)) for place in chosen]


def _relative_error(exact: Array, numeric: Array) -> Array:
    axes = tuple(range(1, exact.ndim))
    largest = np.maximum(np.abs(exact).max(axis=axes), np.abs(numeric).max(axis=axes))
    difference = np.abs(exact - numeric).max(axis=axes)
    return np.asarray(difference / np.where(largest > 0, largest, 1))

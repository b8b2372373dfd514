"""K nets of one shape as one stack of arrays: their weights, and the forward and backward pass.

Notation: D features, B examples in a batch, K nets, H units of a layer, C classes. Every array has a row for
each unit, net after net: W1 (K*H, D), the units' values on a batch (K*H, B). The first layer reads the same
X (B, D) for every net, so it is one product for the whole stack, W1 @ X.T. Deeper layers are K products,
(K, C, H) @ (K, H, B).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.settings import Settings
from learning.training.gradient import (
    BiasGradient,
    DeeperLayerGradient,
    FirstLayerGradient,
    Gradient,
    SummedGradient,
)

Array = NDArray[Any]

LEAKY_SLOPE = 0.01  # slope of leaky ReLU below zero
BLOCK_BYTES = (
    1024 * 1024
)  # of weights updated at a time: they and the rule's arrays stay in a core's L2 cache
FOLD_BELOW = 1e-6  # a smaller scale is multiplied into the weights, which are large compared to it


@dataclass(frozen=True, slots=True)
class Shape:
    """The architecture that all nets of a stack share."""

    features: int
    hidden: tuple[int, ...]
    classes: int
    activation: str = "relu"

    @property
    def outputs(self) -> tuple[int, ...]:
        """Width of each layer's output, the scores last."""
        return (*self.hidden, self.classes)

    @property
    def layers(self) -> range:
        """1..L, as in W1..WL."""
        return range(1, len(self.hidden) + 2)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{kind}{layer}" for layer in self.layers for kind in "Wb")


def init_weights(shape: Shape, settings: Settings, dtype: Any) -> dict[str, Array]:
    """W1 (D, H), b1 (H,), W2, ... of one net, drawn in float64 from its own seed, biases zero."""
    if settings.seed is None:
        raise ValueError("seed must be filled in before a net is made.")
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    weights = {}
    for layer, (fan_in, width) in enumerate(_layer_sizes(shape), start=1):
        scale = _init_scale(settings, fan_in)
        weights[f"W{layer}"] = (scale * rng.standard_normal((fan_in, width))).astype(dtype)
        weights[f"b{layer}"] = np.zeros(width, dtype)
    return weights


def _layer_sizes(shape: Shape) -> list[tuple[int, int]]:
    return list(zip((shape.features, *shape.hidden), shape.outputs, strict=True))


def _init_scale(settings: Settings, fan_in: int) -> float:
    """Standard deviation; xavier and he as in the CS231n notes (1/sqrt(n), sqrt(2/n))."""
    if settings.init == "normal":
        return settings.init_scale
    return float(np.sqrt((2.0 if settings.init == "he" else 1.0) / fan_in))


class Stack:
    """The weights of K nets. params: W1 (K*H, D), W2 (K*C, H), ..., every b (K*H,).

    `join` and `split` convert from and to per-trial arrays, (K, D, H) and (K, H). The first layer's weights
    are `scale` (K,) times params["W1"]: shrinking them all by a factor then changes one number instead of
    passing over the memory (Bottou, "Stochastic Gradient Descent Tricks", 2012, section 5.1).
    """

    def __init__(self, shape: Shape, weights: Mapping[str, Array]) -> None:
        """Copies the weights, each (K, ...) with the net first."""
        self.shape = shape
        self.count = len(weights["W1"])
        self.params = {name: self.join(name, weights[name]) for name in shape.names}
        self.scale = np.ones(self.count)

    def join(self, name: str, array: Array) -> Array:
        """A copy of (K, ...) in the layout of parameter `name`."""
        if name[0] == "b":
            return array.reshape(-1).copy()
        return np.array(array.transpose(0, 2, 1), order="C").reshape(-1, array.shape[1])

    def split(self, name: str, array: Array) -> Array:
        """The inverse of `join`: a copy with the net first."""
        if name[0] == "b":
            return array.reshape(self.count, -1).copy()
        return array.reshape(self.count, -1, array.shape[1]).copy().transpose(0, 2, 1)

    def weights(self) -> dict[str, Array]:
        """A copy of all parameters, each (K, ...) with the net first."""
        self.fold()
        return {name: self.split(name, param) for name, param in self.params.items()}

    def by_net(self, array: Array) -> Array:
        """A view of (K*H, ...) as (K, H, ...)."""
        return array.reshape(self.count, -1, *array.shape[1:])

    def spread(self, name: str, per_net: Array) -> Array:
        """(K,) as an array that broadcasts against parameter `name`."""
        rows = np.repeat(per_net, self.shape.outputs[int(name[1:]) - 1])
        return rows if name[0] == "b" else rows[:, None]

    def blocks(self, name: str) -> list[slice]:
        """The rows of a parameter in blocks that fit the cache: several nets, one, or part of one."""
        param = self.params[name]
        net = len(param) // self.count
        rows = max(1, BLOCK_BYTES // param[0].nbytes)
        if rows >= net:
            rows -= rows % net
            return [slice(start, start + rows) for start in range(0, len(param), rows)]
        starts = [(n * net, start) for n in range(self.count) for start in range(0, net, rows)]
        return [slice(first + start, first + min(start + rows, net)) for first, start in starts]

    def shrink(self, name: str, factors: Array) -> None:
        """Multiply the weights of each net by its factor (K,)."""
        if name == "W1":
            self.scale *= factors
            if (self.scale < FOLD_BELOW).any():
                self.fold(FOLD_BELOW)
        else:
            self.params[name] *= self.spread(name, factors.astype(self.params[name].dtype))

    def add(self, gradient: Gradient) -> None:
        """Add a gradient to its parameter."""
        W = self.params[gradient.name]
        if (
            isinstance(gradient, FirstLayerGradient | SummedGradient)
            and gradient.name == "W1"
            and (self.scale != 1).any()
        ):
            gradient = gradient.scale_rows(self.spread("W1", (1 / self.scale).astype(W.dtype)))
        gradient.add_to(W)

    def fold(self, below: float = 1.0) -> None:
        """Multiply scales below this into the weights and reset them to 1."""
        for net in np.flatnonzero(self.scale < below):
            self.by_net(self.params["W1"])[net] *= self.scale[net].astype(self.params["W1"].dtype)
            self.scale[net] = 1

    def squares(self, name: str) -> Array:
        """(K,) in double precision: sum(W**2) of each net."""
        return self.sum_squares(name, sum_squares_by_row(self.params[name]))

    def sum_squares(self, name: str, by_row: Array) -> Array:
        """`squares` from the sum of squares of each row of params[name]."""
        return self.sum_rows(by_row) * (self.scale**2 if name == "W1" else 1)

    def sum_rows(self, by_row: Array) -> Array:
        """(K,) in double precision, from one number per row."""
        return np.asarray(self.by_net(by_row).sum(axis=1, dtype=np.result_type(by_row.dtype, np.float64)))


def sum_squares_by_row(W: Array) -> Array:
    """(rows,) sum(W**2) of each row; without conjugation where it is complex."""
    return np.asarray(np.vecdot(W, W) if np.isrealobj(W) else (W * W).sum(axis=1))


class Pass:
    """The forward and backward pass through a stack, with buffers for at most `rows` examples."""

    def __init__(self, stack: Stack, rows: int) -> None:
        dtype, K = stack.params["W1"].dtype, stack.count
        self.stack = stack
        self._outputs = [np.empty(rows * K * width, dtype) for width in stack.shape.outputs]
        self._dropped = [np.empty(0, dtype)] * len(stack.shape.hidden)
        self._deltas = [np.empty_like(output) for output in self._outputs]
        self._masks: Sequence[Array] | None = None
        self._max_rows = self._rows = rows

    def forward(self, X: Array, masks: Sequence[Array] | None = None) -> Array:
        """Scores (K, C, B) of X (B, D). masks: for each hidden layer (K*H, B) of 0 and 1/(1-dropout)."""
        self._rows, self._masks = len(X), masks
        last = len(self._outputs) - 1
        inputs = X
        for number, layer in enumerate(self.stack.shape.layers):
            z = self._view_front(self._outputs[number])
            self._multiply(layer, inputs, z)
            if layer == 1 and (self.stack.scale != 1).any():
                z *= self.stack.spread("W1", self.stack.scale.astype(z.real.dtype))
            z += self.stack.params[f"b{layer}"][:, None]
            if number < last:
                activate(self.stack.shape.activation, z)
                inputs = self._apply_mask(number, z)
        return self.stack.by_net(z)

    def losses(self, y: Array) -> Array:
        """(K,) cross-entropy summed over the examples of the last forward; backward needs it first."""
        scores = self.stack.by_net(self._view_front(self._outputs[-1]))
        scores -= scores.real.max(
            axis=1, keepdims=True
        )  # exp cannot overflow; the real part, for complex steps
        probabilities = self.stack.by_net(self._view_front(self._deltas[-1]))
        np.exp(scores, out=probabilities)
        totals = probabilities.sum(axis=1)
        probabilities /= totals[:, None]
        right = scores[:, y, np.arange(self._rows)]
        wide = np.result_type(scores.dtype, np.float64)
        return np.asarray((np.log(totals) - right).sum(axis=1, dtype=wide))

    def backward(self, X: Array, y: Array, scale: Array) -> Iterator[Gradient]:
        """The gradient of each net's summed cross-entropy times scale (K,), by parameter, after `losses`.

        All deltas are known before the first gradient is yielded, so the caller may change weights at once.
        """
        deltas = self._propagate(y, scale)
        for number, layer in enumerate(self.stack.shape.layers):
            delta = deltas[number]
            if layer == 1:
                yield FirstLayerGradient("W1", delta, X)
            else:
                yield DeeperLayerGradient(
                    f"W{layer}", self.stack.by_net(delta), self.stack.by_net(self._layer_inputs(number))
                )
            yield BiasGradient(f"b{layer}", delta)

    def _propagate(self, y: Array, scale: Array) -> list[Array]:
        """d(scaled loss)/dz of each layer, (K*H, B)."""
        deltas = [self._view_front(delta) for delta in self._deltas]
        by_net = self.stack.by_net
        scores = by_net(deltas[-1])
        scores[:, y, np.arange(self._rows)] -= 1
        scores *= scale[:, None, None]
        for number in range(len(deltas) - 1, 0, -1):
            W = by_net(self.stack.params[f"W{number + 1}"])
            delta = deltas[number - 1]
            np.matmul(W.transpose(0, 2, 1), by_net(deltas[number]), out=by_net(delta))
            multiply_by_slope(self.stack.shape.activation, delta, self._view_front(self._outputs[number - 1]))
            if self._masks is not None:
                delta *= self._masks[number - 1]
        return deltas

    def _multiply(self, layer: int, inputs: Array, out: Array) -> None:
        W, by_net = self.stack.params[f"W{layer}"], self.stack.by_net
        if layer == 1:
            np.matmul(W, inputs.T, out=out)
        else:
            np.matmul(by_net(W), by_net(inputs), out=by_net(out))

    def _apply_mask(self, number: int, h: Array) -> Array:
        """The input of the next layer; h itself is kept, because the slope of tanh is a function of it."""
        if self._masks is None:
            return h
        if not self._dropped[number].size:
            self._dropped[number] = np.empty_like(self._outputs[number])
        return np.multiply(h, self._masks[number], out=self._view_front(self._dropped[number]))

    def _layer_inputs(self, number: int) -> Array:
        """The input of layer number+1 in the last forward."""
        inputs = self._outputs if self._masks is None else self._dropped
        return self._view_front(inputs[number - 1])

    def _view_front(self, buffer: Array) -> Array:
        """The front of a flat buffer as a contiguous (K*H, B) for the current batch, whatever its size."""
        width = buffer.size // self._max_rows
        return buffer[: width * self._rows].reshape(width, self._rows)


def activate(name: str, z: Array) -> None:
    """Replace z by its activation, in place. A kink is decided by the sign of the real part."""
    if name == "tanh":
        np.tanh(z, out=z)
    elif name == "relu" and np.isrealobj(z):
        np.maximum(z, 0, out=z)
    else:
        z *= _slope(name, z)


def multiply_by_slope(name: str, delta: Array, h: Array) -> None:
    """delta *= the derivative of the activation where its value is h."""
    delta *= 1 - h * h if name == "tanh" else _slope(name, h)


def _slope(name: str, h: Array) -> Array:
    if name == "relu":
        return np.asarray(h.real > 0)
    real = h.real.dtype.type
    return np.asarray(np.where(h.real > 0, real(1), real(LEAKY_SLOPE)))

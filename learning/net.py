"""Owns the net: K same-shaped nets as one stack of arrays; forward, loss, backward (does not update weights).

Notation: D features, B examples in a batch, K nets, H units of a layer, C classes. Everything that belongs
to one batch is kept row by row for all nets, (B, K*H): the first layer reads the same X for every net, so it
is one product for the whole stack, X (B, D) @ W1 (D, K*H). Deeper layers are K products, (K, B, H) @
(K, H, C).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.settings import Settings

Array = NDArray[Any]
Piece = tuple[str, slice, Array]  # parameter, its rows, the gradient of these rows

LEAK = 0.01  # slope of leaky ReLU below zero
BLOCK_BYTES = 512 * 1024  # rows of W1 handled at a time: gradient, weights and velocity stay in a core's L2
WHOLE = slice(None)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the nets of one stack have in common."""

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
    for layer, (fan_in, width) in enumerate(_widths(shape), start=1):
        scale = _init_scale(settings, fan_in)
        weights[f"W{layer}"] = (scale * rng.standard_normal((fan_in, width))).astype(dtype)
        weights[f"b{layer}"] = np.zeros(width, dtype)
    return weights


def _widths(shape: Shape) -> list[tuple[int, int]]:
    return list(zip((shape.features, *shape.hidden), shape.outputs, strict=True))


def _init_scale(settings: Settings, fan_in: int) -> float:
    """Standard deviation; xavier and he as in the CS231n notes (1/sqrt(n), sqrt(2/n))."""
    if settings.init == "normal":
        return settings.init_scale
    return float(np.sqrt((2.0 if settings.init == "he" else 1.0) / fan_in))


class Stack:
    """The weights of K nets. params: W1 (D, K*H), W2.. (K, H, C), every b (K*H,).

    Per-trial arrays, (K, D, H) and (K, H), go in and come out: `split` and `join` say how.
    """

    def __init__(self, shape: Shape, weights: Mapping[str, Array]) -> None:
        """Copies the weights, each (K, ...) with the net first."""
        self.shape = shape
        self.count = len(weights["W1"])
        self.params = {name: self.join(name, weights[name]) for name in shape.names}

    def join(self, name: str, array: Array) -> Array:
        """A copy of (K, ...) in the layout of parameter `name`."""
        if name == "W1":
            return np.ascontiguousarray(array.transpose(1, 0, 2)).reshape(array.shape[1], -1)
        return array.copy() if name[0] == "W" else array.reshape(-1).copy()

    def split(self, name: str, array: Array) -> Array:
        """The reverse of `join`: a copy with the net first."""
        if name == "W1":
            return array.reshape(len(array), self.count, -1).transpose(1, 0, 2).copy()
        return array.copy() if name[0] == "W" else array.reshape(self.count, -1).copy()

    def weights(self) -> dict[str, Array]:
        """A copy of all parameters, each (K, ...) with the net first."""
        return {name: self.split(name, param) for name, param in self.params.items()}

    def spread(self, name: str, per_net: Array) -> Array:
        """(K,) as an array that broadcasts against parameter `name`."""
        if name[0] == "W" and name != "W1":
            return per_net.reshape(-1, 1, 1)
        return np.repeat(per_net, self.shape.outputs[int(name[1:]) - 1])

    def blocks(self, name: str) -> list[slice]:
        """The rows of a parameter in pieces that fit the cache; only W1 is ever large enough to be cut."""
        param = self.params[name]
        if name != "W1":
            return [WHOLE]
        rows = max(1, BLOCK_BYTES // param[0].nbytes)
        return [slice(start, start + rows) for start in range(0, len(param), rows)]

    def squares(self, name: str) -> Array:
        """(K,) float64: sum(W**2) of each net."""
        return sum_per_net(self, name, [squares(self, name, rows) for rows in self.blocks(name)])


def squares(stack: Stack, name: str, rows: slice) -> Array:
    """sum(W**2) of these rows: by column for W1, by net for the others."""
    W = stack.params[name][rows]
    return np.asarray(np.einsum("dk,dk->k" if name == "W1" else "khc,khc->k", W, W))


def sum_per_net(stack: Stack, name: str, pieces: Sequence[Array]) -> Array:
    """(K,) in double precision, from what `squares` gave for each block."""
    total = np.sum(pieces, axis=0, dtype=np.result_type(pieces[0].dtype, np.float64))
    return np.asarray(total.reshape(stack.count, -1).sum(axis=1))


class Pass:
    """Buffers for at most `rows` examples, and the way through the stack and back."""

    def __init__(self, stack: Stack, rows: int) -> None:
        dtype = stack.params["W1"].dtype
        self.stack = stack
        self._outputs = [np.empty((rows, stack.count * width), dtype) for width in stack.shape.outputs]
        self._dropped = [np.empty((0, 0), dtype)] * len(stack.shape.hidden)
        self._deltas = [np.empty_like(output) for output in self._outputs]
        self._block = np.empty_like(stack.params["W1"][stack.blocks("W1")[0]])
        self._masks: Sequence[Array] | None = None
        self._rows = rows

    def forward(self, X: Array, masks: Sequence[Array] | None = None) -> Array:
        """Scores (B, K, C) of X (B, D). masks: for each hidden layer (B, K*H) of 0 and 1/(1-dropout)."""
        self._rows, self._masks = len(X), masks
        last = len(self._outputs) - 1
        inputs = X
        for number, layer in enumerate(self.stack.shape.layers):
            z = self._outputs[number][: self._rows]
            self._product(layer, inputs, z)
            z += self.stack.params[f"b{layer}"]
            if number < last:
                activate(self.stack.shape.activation, z)
                inputs = self._drop(number, z)
        return self._by_net(z)

    def losses(self, y: Array) -> Array:
        """(K,) sum of the cross-entropy over the examples of the last forward; leaves the probabilities."""
        scores = self._by_net(self._outputs[-1][: self._rows])
        scores -= scores.real.max(
            axis=-1, keepdims=True
        )  # exp cannot overflow; the real part, for complex steps
        probabilities = self._by_net(self._deltas[-1][: self._rows])
        np.exp(scores, out=probabilities)
        totals = probabilities.sum(axis=-1)
        probabilities /= totals[:, :, None]
        right = scores[np.arange(self._rows), :, y]
        wide = np.result_type(scores.dtype, np.float64)
        return np.asarray((np.log(totals) - right).sum(axis=0, dtype=wide))

    def backward(self, X: Array, y: Array, scale: Array) -> Iterator[Piece]:
        """The gradient of each net's summed cross-entropy times scale (K,), piece by piece, after `losses`.

        A piece is valid until the next one is taken. All deltas are known before the first piece comes,
        so that the caller may update the weights at once.
        """
        deltas = self._propagate(y, scale)
        yield from self._first_layer(X, deltas[0])
        for number, layer in enumerate(self.stack.shape.layers):
            yield f"b{layer}", WHOLE, deltas[number].sum(axis=0)
            if number > 0:
                inputs = self._net_first(self._inputs(number))
                dW = np.matmul(inputs.transpose(0, 2, 1), self._net_first(deltas[number]))
                yield f"W{layer}", WHOLE, dW

    def _first_layer(self, X: Array, delta: Array) -> Iterator[Piece]:
        for rows in self.stack.blocks("W1"):
            XT = X[:, rows].T
            yield "W1", rows, np.matmul(XT, delta, out=self._block[: len(XT)])

    def _propagate(self, y: Array, scale: Array) -> list[Array]:
        """d(scaled loss)/dz of each layer, (B, K*H)."""
        deltas = [delta[: self._rows] for delta in self._deltas]
        self._by_net(deltas[-1])[np.arange(self._rows), :, y] -= 1
        deltas[-1] *= np.repeat(scale, self.stack.shape.classes)
        for number in range(len(deltas) - 1, 0, -1):
            W = self.stack.params[f"W{number + 1}"]
            delta = deltas[number - 1]
            np.matmul(self._net_first(deltas[number]), W.transpose(0, 2, 1), out=self._net_first(delta))
            times_slope(self.stack.shape.activation, delta, self._outputs[number - 1][: self._rows])
            if self._masks is not None:
                delta *= self._masks[number - 1]
        return deltas

    def _product(self, layer: int, inputs: Array, out: Array) -> None:
        W = self.stack.params[f"W{layer}"]
        if layer == 1:
            np.matmul(inputs, W, out=out)
        else:
            np.matmul(self._net_first(inputs), W, out=self._net_first(out))

    def _drop(self, number: int, h: Array) -> Array:
        """What the next layer sees; h itself is kept, because the slope of tanh is a function of it."""
        if self._masks is None:
            return h
        if len(self._dropped[number]) < len(h):
            self._dropped[number] = np.empty_like(self._outputs[number])
        return np.multiply(h, self._masks[number], out=self._dropped[number][: self._rows])

    def _inputs(self, number: int) -> Array:
        """What layer number+1 saw in the last forward."""
        kept = self._outputs if self._masks is None else self._dropped
        return kept[number - 1][: self._rows]

    def _by_net(self, flat: Array) -> Array:
        return flat.reshape(len(flat), self.stack.count, -1)

    def _net_first(self, flat: Array) -> Array:
        """(B, K*H) seen as (K, B, H): a view whose rows BLAS takes as they lie."""
        return self._by_net(flat).transpose(1, 0, 2)


def activate(name: str, z: Array) -> None:
    """z becomes the activation of z, in place; by the sign of the real part where there is a kink."""
    if name == "tanh":
        np.tanh(z, out=z)
    elif name == "relu" and np.isrealobj(z):
        np.maximum(z, 0, out=z)
    else:
        z *= _slope(name, z)


def times_slope(name: str, delta: Array, h: Array) -> None:
    """delta *= the derivative of the activation where its value is h."""
    delta *= 1 - h * h if name == "tanh" else _slope(name, h)


def _slope(name: str, h: Array) -> Array:
    if name == "relu":
        return np.asarray(h.real > 0)
    real = h.real.dtype.type
    return np.asarray(np.where(h.real > 0, real(1), real(LEAK)))

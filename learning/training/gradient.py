"""Owns one gradient of a stack: multiplied out, or added onto an array as it is multiplied (updates nothing).

The gradient of a weight matrix is a product, delta times inputs, and so large that writing it down and
reading it again costs as much as a part of the product itself; BLAS adds products onto what is there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Gradient(Protocol):
    """The gradient of the parameter `name`, valid until the next batch goes through the net."""

    @property
    def name(self) -> str: ...

    def into(self, out: Array) -> Array:
        """Written into `out`, which has the parameter's shape and is returned."""

    def onto(self, target: Array, factor: Any = 1.0) -> None:
        """target = factor * target + gradient. factor: a number, or an array that broadcasts."""


@dataclass(frozen=True, slots=True, eq=False)
class First:
    """Of W1, (K*H, D): delta (K*H, B) times the X (B, D) that all nets share."""

    name: str
    delta: Array
    X: Array

    def into(self, out: Array) -> Array:
        return np.matmul(self.delta, self.X, out=out)

    def onto(self, target: Array, factor: Any = 1.0) -> None:
        if np.ndim(factor):
            target *= factor
            factor = 1.0
        gemm = blas("gemm", target.dtype)
        gemm(1.0, self.X.T, self.delta.T, factor, target.T, overwrite_c=True)

    def times(self, factor: Array) -> "First":
        """The same with its rows multiplied by factor (K*H, 1)."""
        return replace(self, delta=self.delta * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Deeper:
    """Of W2, W3, ..., (K*C, H): delta (K, C, B) times the inputs (K, H, B), net by net."""

    name: str
    delta: Array
    inputs: Array

    def into(self, out: Array) -> Array:
        by_net = out.reshape(len(self.delta), -1, out.shape[1])
        np.matmul(self.delta, self.inputs.transpose(0, 2, 1), out=by_net)
        return out

    def onto(self, target: Array, factor: Any = 1.0) -> None:
        add(target, self.into(np.empty_like(target)), factor)


@dataclass(frozen=True, slots=True, eq=False)
class Biases:
    """Of a layer's biases, (K*H,): the sum of delta (K*H, B) over the batch."""

    name: str
    delta: Array

    def into(self, out: Array) -> Array:
        return np.asarray(self.delta.sum(axis=1, out=out))

    def onto(self, target: Array, factor: Any = 1.0) -> None:
        add(target, self.delta.sum(axis=1), factor)


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """Of any parameter, summed up over the parts of a batch that is too large to hold."""

    name: str
    total: Array

    def into(self, out: Array) -> Array:
        np.copyto(out, self.total)
        return out

    def onto(self, target: Array, factor: Any = 1.0) -> None:
        add(target, self.total, factor)

    def times(self, factor: Array) -> "Summed":
        """The same of a matrix with its rows multiplied by factor (rows, 1)."""
        return replace(self, total=self.total * factor)


def add(target: Array, gradient: Array, factor: Any) -> None:
    """target = factor * target + gradient"""
    if np.ndim(factor) or factor != 1.0:
        target *= factor
    target += gradient


@cache
def blas(routine: str, dtype: Any) -> Callable[..., Any]:
    """The BLAS routine, such as gemm, for single or double precision."""
    from scipy.linalg import get_blas_funcs  # a third of a second to import, and most programs never train

    found: Callable[..., Any] = get_blas_funcs(routine, dtype=dtype)
    return found

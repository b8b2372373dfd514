"""The gradient of one parameter as a product that is not computed before its place is known.

The gradient of a weight matrix is delta times inputs, and so large that writing and reading it again costs
as much as a part of the product itself. BLAS can add a product directly to an array.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Gradient(Protocol):
    """The gradient of parameter `name`, valid until the next batch goes through the net."""

    @property
    def name(self) -> str: ...

    def write_to(self, out: Array) -> Array:
        """Write it into `out`, which has the parameter's shape and is returned."""

    def add_to(self, target: Array, factor: Any = 1.0) -> None:
        """target = factor * target + gradient. factor: a number, or an array that broadcasts."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstLayerGradient:
    """The gradient of W1, (K*H, D): delta (K*H, B) times the X (B, D) that all nets share."""

    name: str
    delta: Array
    X: Array

    def write_to(self, out: Array) -> Array:
        return np.matmul(self.delta, self.X, out=out)

    def add_to(self, target: Array, factor: Any = 1.0) -> None:
        if np.ndim(factor):
            target *= factor
            factor = 1.0
        gemm = find_blas_routine("gemm", target.dtype)
        gemm(1.0, self.X.T, self.delta.T, factor, target.T, overwrite_c=True)

    def scale_rows(self, factor: Array) -> "FirstLayerGradient":
        """The gradient with its rows multiplied by factor (K*H, 1)."""
        return replace(self, delta=self.delta * factor)


@dataclass(frozen=True, slots=True, eq=False)
class DeeperLayerGradient:
    """The gradient of W2, W3, ..., (K*C, H): delta (K, C, B) times inputs (K, H, B), net by net."""

    name: str
    delta: Array
    inputs: Array

    def write_to(self, out: Array) -> Array:
        by_net = out.reshape(len(self.delta), -1, out.shape[1])
        np.matmul(self.delta, self.inputs.transpose(0, 2, 1), out=by_net)
        return out

    def add_to(self, target: Array, factor: Any = 1.0) -> None:
        scale_and_add(target, self.write_to(np.empty_like(target)), factor)


@dataclass(frozen=True, slots=True, eq=False)
class BiasGradient:
    """The gradient of biases, (K*H,): the sum of delta (K*H, B) over the batch."""

    name: str
    delta: Array

    def write_to(self, out: Array) -> Array:
        return np.asarray(self.delta.sum(axis=1, out=out))

    def add_to(self, target: Array, factor: Any = 1.0) -> None:
        scale_and_add(target, self.delta.sum(axis=1), factor)


@dataclass(frozen=True, slots=True, eq=False)
class SummedGradient:
    """The gradient of any parameter, summed over the parts of a batch too large for memory."""

    name: str
    total: Array

    def write_to(self, out: Array) -> Array:
        np.copyto(out, self.total)
        return out

    def add_to(self, target: Array, factor: Any = 1.0) -> None:
        scale_and_add(target, self.total, factor)

    def scale_rows(self, factor: Array) -> "SummedGradient":
        """The gradient of a matrix with its rows multiplied by factor (rows, 1)."""
        return replace(self, total=self.total * factor)


def scale_and_add(target: Array, gradient: Array, factor: Any) -> None:
    """target = factor * target + gradient"""
    if np.ndim(factor) or factor != 1.0:
        target *= factor
    target += gradient


@cache
def find_blas_routine(routine: str, dtype: Any) -> Callable[..., Any]:
    """A BLAS routine such as gemm, for single or double precision."""
    from scipy.linalg import get_blas_funcs  # a third of a second to import, and most programs never train

    found: Callable[..., Any] = get_blas_funcs(routine, dtype=dtype)
    return found

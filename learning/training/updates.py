"""The update rules: how gradients change the weights of a stack.

The rules are those of the CS231n notes ("Parameter updates"). lr, momentum and reg are one number per net.
sgd, momentum and nesterov take the gradient already times -lr, which costs nothing (see Updater.scale):
g stands for the gradient of the data loss, G for -lr * g. A rule that only ever adds G onto an array has it
added there as it is multiplied out (`gather`); what is left to do is done block by block, in cache (`step`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learning.settings import Settings
from learning.training.gradient import Gradient, find_blas_routine
from learning.training.net import Array, Stack, sum_squares_by_row
from learning.training.schedules import learning_rate

RMSPROP_DECAY = 0.99
ADAM_BETA1, ADAM_BETA2 = 0.9, 0.999
EPSILON = 1e-8  # keeps the adaptive rules from dividing by zero
FLUSH_BELOW = 1e-30  # smaller numbers become 0: denormals, below 1e-38, make the products many times slower
FLUSH_EVERY = 20  # steps


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one epoch for a block of one parameter: each a number, or an array that broadcasts.

    `keep` is for whole parameters: one number per net, (K,).
    """

    lr: Any
    momentum: Any
    reg: Any  # None: no net is regularised, or the parameter is a bias
    decay: Any  # lr * reg
    keep: Array | None  # 1 - lr * reg

    @classmethod
    def for_rows(
        cls, stack: Stack, name: str, rows: slice, lr: Array, momentum: Array, reg: Array
    ) -> "Rates":
        """The rates of some rows from one number per net, each (K,) in double precision."""

        def expand(values: Array) -> Any:
            spread = stack.spread(name, values).astype(stack.params[name].dtype)[rows]
            return spread[(0,) * spread.ndim] if (spread == spread[0]).all() else spread

        if name[0] == "b" or not reg.any():
            return cls(expand(lr), expand(momentum), None, None, None)
        return cls(expand(lr), expand(momentum), expand(reg), expand(lr * reg), 1 - lr * reg)


def sgd(stack: Stack, kept: Sequence[Array], gradient: Gradient, rates: Rates) -> None:
    """W += -lr * (g + reg * W)"""
    if rates.keep is not None:
        stack.shrink(gradient.name, rates.keep)
    stack.add(gradient)


def momentum(stack: Stack, kept: Sequence[Array], gradient: Gradient, rates: Rates) -> None:
    """v = mu * v - lr * g; `add_velocity` does the rest."""
    (v,) = kept
    gradient.add_to(v, rates.momentum)


def add_velocity(W: Array, G: None, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """v -= lr * reg * W; W += v"""
    (v,) = kept
    if rates.decay is not None:
        add_scaled(v, -rates.decay, W, scratch)
    W += v


def nesterov(W: Array, G: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """v = mu * v - lr * (g + reg * W); W += mu * v - lr * (g + reg * W)"""
    (v,) = kept
    if rates.decay is not None:
        add_scaled(G, -rates.decay, W, scratch)
    v *= rates.momentum
    v += G
    W += G
    W += np.multiply(v, rates.momentum, out=scratch)


def adagrad(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """cache += g**2; W -= lr * g / (sqrt(cache) + eps)"""
    (cache,) = kept
    _add_reg(g, W, scratch, rates)
    cache += np.multiply(g, g, out=scratch)
    _adaptive_step(W, g, cache, scratch, rates.lr, EPSILON)


def rmsprop(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """cache = 0.99 * cache + 0.01 * g**2; W -= lr * g / (sqrt(cache) + eps)

    What is stored is cache / 0.01, which saves a pass: its root is ten times the one above.
    """
    (cache,) = kept
    _add_reg(g, W, scratch, rates)
    cache *= RMSPROP_DECAY
    cache += np.multiply(g, g, out=scratch)
    root = (1 - RMSPROP_DECAY) ** 0.5
    _adaptive_step(W, g, cache, scratch, rates.lr / root, EPSILON / root)


def adam(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """m, v: running means of g, g**2; W -= lr * m^ / (sqrt(v^) + eps), ^ = corrected for their start at 0.

    What is stored are m / (1 - beta1) and v / (1 - beta2), which saves two passes. The step is then
    lr * b/a * m / (sqrt(v) + eps * b), a = (1 - beta1**t) / (1 - beta1), b**2 = (1 - beta2**t) / (1 - beta2).
    """
    m, v = kept
    _add_reg(g, W, scratch, rates)
    v *= ADAM_BETA2
    v += np.multiply(g, g, out=scratch)
    m *= ADAM_BETA1
    m += g
    a = (1 - ADAM_BETA1**step) / (1 - ADAM_BETA1)
    b = ((1 - ADAM_BETA2**step) / (1 - ADAM_BETA2)) ** 0.5
    _adaptive_step(W, m, v, scratch, rates.lr * (b / a), EPSILON * b)


def _add_reg(g: Array, W: Array, scratch: Array, rates: Rates) -> None:
    if rates.reg is not None:
        add_scaled(g, rates.reg, W, scratch)


def add_scaled(y: Array, factor: Any, x: Array, scratch: Array) -> None:
    """y += factor * x for contiguous arrays; in one pass if the factor is a single number."""
    if np.ndim(factor):
        y += np.multiply(x, factor, out=scratch)
    else:
        find_blas_routine("axpy", y.dtype)(x.reshape(-1), y.reshape(-1), a=factor)


def _adaptive_step(W: Array, g: Array, cache: Array, scratch: Array, lr: Any, epsilon: float) -> None:
    """W -= lr * g / (sqrt(cache) + epsilon)"""
    np.sqrt(cache, out=scratch)
    scratch += epsilon
    np.divide(g, scratch, out=scratch)
    add_scaled(W, -lr, scratch, scratch)


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """How one rule updates a parameter.

    keeps: the names of the arrays stored for each parameter. scaled: whether it takes -lr * g or g.
    gather: runs once for a whole parameter. step: runs for each block of it, with its gradient (which it may
    overwrite) unless `gather` has taken that; the last argument is the step 1, 2, ...
    """

    keeps: tuple[str, ...]
    scaled: bool
    gather: Callable[[Stack, Sequence[Array], Gradient, Rates], None] | None = None
    step: Callable[[Array, Any, Sequence[Array], Array, Rates, int], None] | None = None


UPDATE_RULES: Mapping[str, UpdateRule] = {
    "sgd": UpdateRule((), scaled=True, gather=sgd),
    "momentum": UpdateRule(("v",), scaled=True, gather=momentum, step=add_velocity),
    "nesterov": UpdateRule(("v",), scaled=True, step=nesterov),
    "adagrad": UpdateRule(("cache",), scaled=False, step=adagrad),
    "rmsprop": UpdateRule(("cache",), scaled=False, step=rmsprop),
    "adam": UpdateRule(("m", "v"), scaled=False, step=adam),
}


def choose_rule(settings: Sequence[Settings]) -> str:
    """The rule of a group. Momentum and nesterov without any momentum are sgd, and store nothing."""
    update = settings[0].update
    idle = update in ("momentum", "nesterov") and not any(each.momentum for each in settings)
    return "sgd" if idle else update


class Updater:
    """Applies one rule to a stack, parameter by parameter, and stores the rule's arrays."""

    def __init__(self, stack: Stack, settings: Sequence[Settings], kept: Mapping[str, Array]) -> None:
        """kept: (K, ...) arrays by names such as "v.W1"; those that are missing start at zero."""
        self._stack, self._settings = stack, settings
        self._rule = UPDATE_RULES[choose_rule(settings)]
        self._kept = {param: self._init_arrays(param, kept) for param in stack.shape.names}
        self._blocks = {name: stack.blocks(name) for name in stack.shape.names}
        self._scratch = {name: np.empty_like(W[self._blocks[name][0]]) for name, W in stack.params.items()}
        self._gradients = {
            name: np.empty_like(W) for name, W in stack.params.items() if self._rule.gather is None
        }
        self._reg = np.array([each.reg for each in settings])
        self._rates: dict[str, Rates] = {}  # of the whole parameter
        self._block_rates: dict[str, list[Rates]] = {}
        self._row_squares: dict[str, Array] = {}
        self._squares: dict[str, Array] = {}  # (K,) sum(W**2) of what is regularised

    def copy_state(self) -> dict[str, Array]:
        """A copy of the rule's arrays, (K, ...) with the net first, by names such as "v.W1"."""
        return {
            f"{name}.{param}": self._stack.split(param, array)
            for param, arrays in self._kept.items()
            for name, array in zip(self._rule.keeps, arrays, strict=True)
        }

    def begin(self, epoch: int) -> None:
        """Set the learning rates of epoch 1, 2, ..."""
        self._stack.fold()
        self._lr = np.array([learning_rate(each, epoch) for each in self._settings])
        mu = np.array([each.momentum for each in self._settings])

        def rates(name: str, rows: slice) -> Rates:
            return Rates.for_rows(self._stack, name, rows, self._lr, mu, self._reg)

        names = self._stack.shape.names
        self._rates = {name: rates(name, slice(None)) for name in names}
        self._block_rates = {name: [rates(name, rows) for rows in self._blocks[name]] for name in names}
        regularised = [name for name in names if self._rates[name].reg is not None]
        self._squares = {name: self._stack.squares(name) for name in regularised}
        self._row_squares = {name: np.empty_like(self._stack.params[name][:, 0]) for name in regularised}

    def penalty(self) -> Array:
        """(K,) float64: 0.5 * reg * sum(W**2) of the current weights."""
        total = np.zeros(len(self._settings))
        for sums in self._squares.values():
            total += 0.5 * self._reg * sums
        return total

    def scale(self, batch: int) -> Array:
        """(K,) the factor for the backward pass: 1/batch, times -lr if the rule takes that."""
        factor = -self._lr if self._rule.scaled else np.ones(len(self._settings))
        return (factor / batch).astype(self._stack.params["W1"].dtype)

    def apply(self, gradient: Gradient, step: int) -> None:
        """Update a parameter by its gradient. step: 1, 2, ... since the start of training."""
        name = gradient.name
        W, kept, dW = self._stack.params[name], self._kept[name], None
        if self._rule.gather is not None:
            self._rule.gather(self._stack, kept, gradient, self._rates[name])
        else:
            dW = gradient.write_to(self._gradients[name])
        for rows, rates in zip(self._blocks[name], self._block_rates[name], strict=True):
            part = [array[rows] for array in kept]
            scratch = self._scratch[name][: len(W[rows])]
            if self._rule.step is not None:
                self._rule.step(W[rows], None if dW is None else dW[rows], part, scratch, rates, step)
            if step % FLUSH_EVERY == 0 and self._can_underflow(name):
                for array in (W[rows], *part):
                    flush_denormals(array, scratch)
            if name in self._squares:  # here, where W is in cache
                self._row_squares[name][rows] = sum_squares_by_row(W[rows])
        if name in self._squares:
            self._squares[name] = self._stack.sum_squares(name, self._row_squares[name])

    def _can_underflow(self, name: str) -> bool:
        """Whether numbers may shrink geometrically, by regularisation or by a decaying average."""
        return self._rates[name].reg is not None or bool(self._rule.keeps)

    def _init_arrays(self, param: str, kept: Mapping[str, Array]) -> list[Array]:
        like, join = self._stack.params[param], self._stack.join
        found = [kept.get(f"{name}.{param}") for name in self._rule.keeps]
        return [np.zeros_like(like) if array is None else join(param, array) for array in found]


def flush_denormals(array: Array, scratch: Array) -> None:
    """Set numbers smaller than FLUSH_BELOW to exactly 0, in place; nan stays."""
    np.abs(array, out=scratch)
    np.copyto(array, 0, where=scratch < FLUSH_BELOW)

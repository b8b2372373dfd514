"""Owns the update rules: how gradients change the weights of a stack (does not compute gradients).

The rules are those of the CS231n notes ("Parameter updates"). lr, momentum and reg are one number per net.
sgd, momentum and nesterov take the gradient already times -lr, which costs nothing (see Updater.scale):
g stands for the gradient of the data loss, G for -lr * g.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.net import WHOLE, Array, Piece, Stack, squares, sum_per_net
from learning.schedules import learning_rate
from learning.settings import Settings

RMSPROP_DECAY = 0.99
ADAM_BETA1, ADAM_BETA2 = 0.9, 0.999
EPSILON = 1e-8  # keeps the adaptive rules from dividing by zero
FLUSH_BELOW = 1e-30  # smaller numbers become 0: denormals, below 1e-38, make the products many times slower
FLUSH_EVERY = 20  # steps


@dataclass(frozen=True, slots=True)
class Rates:
    """The numbers of one epoch for one parameter, each broadcastable against it."""

    lr: Array
    momentum: Array
    reg: Array | None  # None: no net is regularised, or the parameter is a bias
    decay: Array | None  # lr * reg
    keep: Array | None  # 1 - lr * reg

    @classmethod
    def spread(cls, stack: Stack, name: str, lr: Array, momentum: Array, reg: Array) -> "Rates":
        """From one number per net, each (K,) in double precision."""

        def over(values: Array) -> Array:
            return stack.spread(name, values).astype(stack.params[name].dtype)

        if name[0] == "b" or not reg.any():
            return cls(over(lr), over(momentum), None, None, None)
        return cls(over(lr), over(momentum), over(reg), over(lr * reg), over(1 - lr * reg))


Rule = Callable[[Array, Array, Sequence[Array], Array, Rates, int], None]  # the last: step 1, 2, ...


def sgd(W: Array, G: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """W += -lr * (g + reg * W)"""
    if rates.keep is not None:
        W *= rates.keep
    W += G


def momentum(W: Array, G: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """v = mu * v - lr * (g + reg * W); W += v"""
    (v,) = kept
    _add_decay(G, W, scratch, rates)
    v *= rates.momentum
    v += G
    W += v


def nesterov(W: Array, G: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """v = mu * v - lr * (g + reg * W); W += mu * v - lr * (g + reg * W)"""
    (v,) = kept
    _add_decay(G, W, scratch, rates)
    v *= rates.momentum
    v += G
    W += G
    W += np.multiply(v, rates.momentum, out=scratch)


def adagrad(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """cache += g**2; W -= lr * g / (sqrt(cache) + eps)"""
    (cache,) = kept
    _add_reg(g, W, scratch, rates)
    cache += np.multiply(g, g, out=scratch)
    _adaptive_step(W, g, cache, scratch, rates.lr)


def rmsprop(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """cache = 0.99 * cache + 0.01 * g**2; W -= lr * g / (sqrt(cache) + eps)"""
    (cache,) = kept
    _add_reg(g, W, scratch, rates)
    _running_mean(cache, np.multiply(g, g, out=scratch), RMSPROP_DECAY)
    _adaptive_step(W, g, cache, scratch, rates.lr)


def adam(W: Array, g: Array, kept: Sequence[Array], scratch: Array, rates: Rates, step: int) -> None:
    """m, v: running means of g, g**2; W -= lr * m^ / (sqrt(v^) + eps), ^ = corrected for their start at 0.

    With a = 1 - beta1**t and b = sqrt(1 - beta2**t) that is lr * b/a * m / (sqrt(v) + eps * b).
    """
    m, v = kept
    _add_reg(g, W, scratch, rates)
    _running_mean(v, np.multiply(g, g, out=scratch), ADAM_BETA2)
    g *= 1 - ADAM_BETA1
    m *= ADAM_BETA1
    m += g
    g[...] = m
    a, b = 1 - ADAM_BETA1**step, (1 - ADAM_BETA2**step) ** 0.5
    _adaptive_step(W, g, v, scratch, rates.lr * (b / a), EPSILON * b)


def _add_decay(G: Array, W: Array, scratch: Array, rates: Rates) -> None:
    if rates.decay is not None:
        G -= np.multiply(W, rates.decay, out=scratch)


def _add_reg(g: Array, W: Array, scratch: Array, rates: Rates) -> None:
    if rates.reg is not None:
        g += np.multiply(W, rates.reg, out=scratch)


def _running_mean(mean: Array, value: Array, decay: float) -> None:
    """mean = decay * mean + (1 - decay) * value; value is used up."""
    mean *= decay
    value *= 1 - decay
    mean += value


def _adaptive_step(
    W: Array, g: Array, cache: Array, scratch: Array, lr: Array, epsilon: float = EPSILON
) -> None:
    """W -= lr * g / (sqrt(cache) + epsilon); g is used up."""
    np.sqrt(cache, out=scratch)
    scratch += epsilon
    g /= scratch
    g *= lr
    W -= g


RULES: Mapping[
    str, tuple[Rule, tuple[str, ...]]
] = {  # the rule, and the arrays it keeps beside each parameter
    "sgd": (sgd, ()),
    "momentum": (momentum, ("v",)),
    "nesterov": (nesterov, ("v",)),
    "adagrad": (adagrad, ("cache",)),
    "rmsprop": (rmsprop, ("cache",)),
    "adam": (adam, ("m", "v")),
}
TAKE_SCALED = ("sgd", "momentum", "nesterov")


def rule_of(settings: Sequence[Settings]) -> str:
    """The update of a group. Momentum and nesterov without any momentum are sgd, and keep nothing."""
    update = settings[0].update
    idle = update in ("momentum", "nesterov") and not any(each.momentum for each in settings)
    return "sgd" if idle else update


class Updater:
    """Applies one rule to a stack, piece by piece, and holds what the rule keeps."""

    def __init__(self, stack: Stack, settings: Sequence[Settings], kept: Mapping[str, Array]) -> None:
        """kept: (K, ...) arrays by "v.W1" and the like; what the rule needs and is missing starts at zero."""
        name = rule_of(settings)
        self._stack, self._settings = stack, settings
        self._rule, self._names = RULES[name]
        self._scaled = name in TAKE_SCALED
        self._kept = {param: self._start(param, kept) for param in stack.shape.names}
        self._scratch = {
            param: np.empty_like(array[stack.blocks(param)[0]]) for param, array in stack.params.items()
        }
        self._reg = np.array([each.reg for each in settings])
        self._rates: dict[str, Rates] = {}
        self._squares: dict[str, list[Array]] = {}

    def kept(self) -> dict[str, Array]:
        """A copy of what the rule keeps, (K, ...) with the net first, by "v.W1" and the like."""
        return {
            f"{name}.{param}": self._stack.split(param, array)
            for param, arrays in self._kept.items()
            for name, array in zip(self._names, arrays, strict=True)
        }

    def begin(self, epoch: int) -> None:
        """Take the learning rates of epoch 1, 2, ..."""
        lr = np.array([learning_rate(each, epoch) for each in self._settings])
        mu = np.array([each.momentum for each in self._settings])
        self._lr = lr
        self._rates = {
            name: Rates.spread(self._stack, name, lr, mu, self._reg) for name in self._stack.shape.names
        }
        regularised = [name for name, rates in self._rates.items() if rates.reg is not None]
        self._squares = {
            name: [squares(self._stack, name, rows) for rows in self._stack.blocks(name)]
            for name in regularised
        }

    def penalty(self) -> Array:
        """(K,) float64: 0.5 * reg * sum(W**2) of the weights as they are now."""
        total = np.zeros(len(self._settings))
        for name, pieces in self._squares.items():
            total += 0.5 * self._reg * sum_per_net(self._stack, name, pieces)
        return total

    def scale(self, batch: int) -> Array:
        """(K,) what the backward pass must multiply by: 1/batch, times -lr where the rule wants it."""
        factor = -self._lr if self._scaled else np.ones(len(self._settings))
        return (factor / batch).astype(self._stack.params["W1"].dtype)

    def apply(self, piece: Piece, step: int) -> None:
        """Change the weights of a piece by its gradient, which is used up. step: 1, 2, ... of the run."""
        name, rows, gradient = piece
        W = self._stack.params[name][rows]
        kept = [array[rows] for array in self._kept[name]]
        self._rule(W, gradient, kept, self._scratch[name][: len(W)], self._rates[name], step)
        if step % FLUSH_EVERY == 0 and self._can_collapse(name):
            for array in (W, *kept):
                flush(array, self._scratch[name][: len(W)])
        if (
            name in self._squares
        ):  # summed up here, where W is in cache; `penalty` wants it before the next step
            number = 0 if rows == WHOLE else rows.start // len(self._scratch[name])
            self._squares[name][number] = squares(self._stack, name, rows)

    def _can_collapse(self, name: str) -> bool:
        """Whether numbers may shrink geometrically: by regularisation, or by a rule that forgets."""
        return self._rates[name].reg is not None or bool(self._names)

    def _start(self, param: str, kept: Mapping[str, Array]) -> list[Array]:
        like, join = self._stack.params[param], self._stack.join
        found = [kept.get(f"{name}.{param}") for name in self._names]
        return [np.zeros_like(like) if array is None else join(param, array) for array in found]


def flush(array: Array, scratch: Array) -> None:
    """Numbers smaller than FLUSH_BELOW become exactly 0, in place; nan stays."""
    np.abs(array, out=scratch)
    np.copyto(array, 0, where=scratch < FLUSH_BELOW)

"""Owns prediction: what trained nets say of rows (does not load weights)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.data.preprocessing import Preprocessing
from learning.settings import Settings
from learning.training.net import Array, activate

PREPROCESS = "preprocess."  # begins the names of the preprocessing's arrays among those of a kept net
BLOCK = 1_000  # rows scored at one time


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """A kept net: weights W1, b1, W2, ... and the preprocessing that its rows go through."""

    weights: Mapping[str, Array]
    preprocessing: Preprocessing
    settings: Settings

    @classmethod
    def of(cls, arrays: Mapping[str, Array], settings: Settings) -> "Net":
        """The net in the arrays of a model file."""
        names = [name for name in arrays if name.startswith(PREPROCESS)]
        kept = {name.removeprefix(PREPROCESS): arrays[name] for name in names}
        weights = {name: array for name, array in arrays.items() if name not in names}
        return cls(weights, Preprocessing.from_arrays(kept), settings)

    @property
    def n_features(self) -> int:
        return len(self.weights["W1"])


def arrays_of(weights: Mapping[str, Array], preprocessing: Preprocessing) -> dict[str, Array]:
    """The arrays of a model file; Net.of gives the net back."""
    return dict(weights) | {f"{PREPROCESS}{name}": a for name, a in preprocessing.to_arrays().items()}


def scores(weights: Mapping[str, Array], settings: Settings, X: Array) -> Array:
    """(N, C) class scores of preprocessed rows X (N, D); weights W1, b1, W2, ... as in a Best."""
    h, last = X, len(settings.hidden) + 1
    for layer in range(1, last + 1):
        h = h @ weights[f"W{layer}"] + weights[f"b{layer}"]
        if layer < last:
            activate(settings.activation, h)
    return h


def probabilities(net: Net, X: Array) -> Array:
    """(N, C) float64 class probabilities of raw rows X (N, D)."""
    blocks = [X[start : start + BLOCK] for start in range(0, len(X), BLOCK)] or [X]
    return np.concatenate(
        [
            softmax(scores(net.weights, net.settings, net.preprocessing.apply(block)).astype(np.float64))
            for block in blocks
        ]
    )


def mean_probabilities(nets: Sequence[Net], X: Array) -> Array:
    """What several nets say together: the mean of their probabilities, (N, C) float64."""
    total = probabilities(nets[0], X)
    for net in nets[1:]:
        total += probabilities(net, X)
    return np.asarray(total / len(nets))


def accuracy(probabilities: Array, y: Array) -> float:
    """The share of rows whose most probable class is the right one."""
    return float((probabilities.argmax(axis=1) == y).mean())


def softmax(scores: Array) -> Array:
    """Probabilities (N, C) of scores (N, C); shifted by each row's maximum, so that nothing overflows."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))

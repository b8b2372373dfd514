"""Predictions of trained nets: scores, probabilities and accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.data.preprocessing import Preprocessing
from learning.settings import Settings
from learning.training.net import Array, activate

PREPROCESSING_PREFIX = "preprocess."  # of the preprocessing's arrays in a model file
ROWS_PER_BLOCK = 1_000  # rows scored at one time


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNet:
    """Weights W1, b1, W2, ... and the preprocessing that rows go through first."""

    weights: Mapping[str, Array]
    preprocessing: Preprocessing
    settings: Settings

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], settings: Settings) -> "TrainedNet":
        """The net in the arrays of a model file."""
        names = [name for name in arrays if name.startswith(PREPROCESSING_PREFIX)]
        stored = {name.removeprefix(PREPROCESSING_PREFIX): arrays[name] for name in names}
        weights = {name: array for name, array in arrays.items() if name not in names}
        return cls(weights, Preprocessing.from_arrays(stored), settings)

    @property
    def n_features(self) -> int:
        return len(self.weights["W1"])


def to_model_arrays(weights: Mapping[str, Array], preprocessing: Preprocessing) -> dict[str, Array]:
    """The arrays of a model file; TrainedNet.from_arrays gives the net back."""
    return dict(weights) | {
        f"{PREPROCESSING_PREFIX}{name}": a for name, a in preprocessing.to_arrays().items()
    }


def compute_scores(weights: Mapping[str, Array], settings: Settings, X: Array) -> Array:
    """(N, C) class scores of preprocessed rows X (N, D); weights W1, b1, W2, ... as in a BestEpoch."""
    h, last = X, len(settings.hidden) + 1
    for layer in range(1, last + 1):
        h = h @ weights[f"W{layer}"] + weights[f"b{layer}"]
        if layer < last:
            activate(settings.activation, h)
    return h


def predict_probabilities(net: TrainedNet, X: Array) -> Array:
    """(N, C) float64 class probabilities of raw rows X (N, D)."""
    blocks = [X[start : start + ROWS_PER_BLOCK] for start in range(0, len(X), ROWS_PER_BLOCK)] or [X]
    return np.concatenate(
        [
            softmax(
                compute_scores(net.weights, net.settings, net.preprocessing.apply(block)).astype(np.float64)
            )
            for block in blocks
        ]
    )


def average_probabilities(nets: Sequence[TrainedNet], X: Array) -> Array:
    """The mean of several nets' probabilities, (N, C) float64."""
    total = predict_probabilities(nets[0], X)
    for net in nets[1:]:
        total += predict_probabilities(net, X)
    return np.asarray(total / len(nets))


def measure_accuracy(probabilities: Array, y: Array) -> float:
    """The share of rows whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == y).mean())


def softmax(scores: Array) -> Array:
    """Probabilities (N, C) of scores (N, C); shifted by each row's maximum, so that nothing overflows."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))

"""Owns prediction: the scores of one trained net (does not preprocess or load weights)."""

from collections.abc import Mapping

from learning.net import Array, activate
from learning.settings import Settings


def scores(weights: Mapping[str, Array], settings: Settings, X: Array) -> Array:
    """(N, C) class scores of preprocessed rows X (N, D); weights W1, b1, W2, ... as in a Best."""
    h, last = X, len(settings.hidden) + 1
    for layer in range(1, last + 1):
        h = h @ weights[f"W{layer}"] + weights[f"b{layer}"]
        if layer < last:
            activate(settings.activation, h)
    return h

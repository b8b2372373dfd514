"""The dropout masks of a group in one epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from learning.settings import Settings
from learning.training.net import Array


class Dropout:
    """Draws masks of 0 and 1/(1-rate): inverted dropout, so that prediction needs no change.

    Each trial draws from its own seed and the epoch, whatever the other trials of the group are.
    """

    def __init__(self, settings: Sequence[Settings], epoch: int, rows: int, dtype: Any) -> None:
        seeds = [np.random.SeedSequence(each.seed, spawn_key=(5, epoch)) for each in settings]
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._rates = [each.dropout for each in settings]
        self._widths = settings[0].hidden
        self._buffers = [np.empty(rows * len(settings) * width, dtype) for width in self._widths]

    def draw(self, rows: int) -> list[Array]:
        """For each hidden layer (K*H, rows); valid until the next draw."""
        masks = []
        for buffer, width in zip(self._buffers, self._widths, strict=True):
            mask = buffer[: len(self._rates) * width * rows].reshape(-1, width, rows)
            for net, (rng, rate) in enumerate(zip(self._generators, self._rates, strict=True)):
                stays = rng.random((width, rows), np.float32) >= rate
                np.multiply(stays, 1 / (1 - rate), out=mask[net], casting="same_kind")
            masks.append(mask.reshape(-1, rows))
        return masks

"""Owns the dropout masks of a group's epoch (does not apply them)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from learning.net import Array
from learning.settings import Settings


class Dropout:
    """Draws masks of 0 and 1/(1-rate): dropping in training is made up for then, so that prediction need not.

    Each trial draws from its own seed and the epoch, whoever its neighbours are.
    """

    def __init__(self, settings: Sequence[Settings], epoch: int, rows: int, dtype: Any) -> None:
        seeds = [np.random.SeedSequence(each.seed, spawn_key=(5, epoch)) for each in settings]
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._rates = [each.dropout for each in settings]
        self._masks = [np.empty((rows, len(settings), width), dtype) for width in settings[0].hidden]

    def draw(self, rows: int) -> list[Array]:
        """For each hidden layer (rows, K*H); valid until the next draw."""
        masks = [mask[:rows] for mask in self._masks]
        for mask in masks:
            for net, (rng, rate) in enumerate(zip(self._generators, self._rates, strict=True)):
                stays = rng.random((rows, mask.shape[2]), np.float32) >= rate
                np.multiply(stays, 1 / (1 - rate), out=mask[:, net], casting="same_kind")
        return [mask.reshape(rows, -1) for mask in masks]

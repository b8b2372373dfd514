"""Learning rate schedules."""

import math
from collections.abc import Callable, Mapping

from learning.settings import Settings

STEP_EPOCHS = 5  # the step schedule decays every five epochs (CS231n, "Annealing the learning rate")


def learning_rate(settings: Settings, epoch: int) -> float:
    """The rate of epoch 1, 2, ...; every schedule starts at lr."""
    return settings.lr * SCHEDULES[settings.schedule](settings, epoch - 1)


def _exponential(settings: Settings, epochs_past: int) -> float:
    return float(settings.lr_decay**epochs_past)


def _step(settings: Settings, epochs_past: int) -> float:
    return float(settings.lr_decay ** (epochs_past // STEP_EPOCHS))


def _cosine(settings: Settings, epochs_past: int) -> float:
    """Half a cosine, from 1 towards 0 after the last epoch; lr_decay has no part in it."""
    return 0.5 * (1 + math.cos(math.pi * epochs_past / settings.epochs))


def _inverse(settings: Settings, epochs_past: int) -> float:
    """1 / (1 + k t), with k such that the second epoch's rate is lr * lr_decay."""
    return 1 / (1 + (1 / settings.lr_decay - 1) * epochs_past)


def _constant(settings: Settings, epochs_past: int) -> float:
    return 1.0


SCHEDULES: Mapping[str, Callable[[Settings, int], float]] = {
    "exponential": _exponential,
    "step": _step,
    "cosine": _cosine,
    "inverse": _inverse,
    "constant": _constant,
}

"""Owns the task that all contestants are given: trials, data, arithmetic, outcomes (does not train)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learning.data import catalog
from learning.data.dataset import make_split
from learning.search.recipes import plan_recipe
from learning.search.space import LogUniform, Space, draw_trials
from learning.settings import Settings

RECIPE = "coarse"
WHOLE = 100  # trials of the whole search
TRAIN_SAMPLE = 1000  # training rows on which the train accuracy is measured after each epoch

AfterEpoch = Callable[[int, float], bool]  # (epoch 1.., val accuracy) -> whether the trial shall end there


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trial came to."""

    number: int  # position of its settings in the task
    val_accs: tuple[float, ...]  # after each whole epoch
    train_accs: tuple[float, ...]  # the same on the train sample
    steps: int  # mini-batches it was trained on, up to the explosion if it exploded
    ended: str | None = None  # "exploded", "pruned"; None: it trained to its last epoch


@dataclass(frozen=True)
class Task:
    """A search: these trials, on this data. `home` is for the decoded data and what contestants write."""

    dataset: str
    home: Path
    data: Path | None
    seed: int
    space: Mapping[str, object]  # that the settings were drawn from, in its JSON form
    settings: tuple[Settings, ...]

    @property
    def numbers(self) -> range:
        return range(len(self.settings))


@dataclass(frozen=True, eq=False)
class Data:
    """The two parts as they lie in the archive: X (N, D) uint8 or float32, y (N,) int64."""

    X_train: NDArray[np.generic]
    y_train: NDArray[np.int64]
    X_val: NDArray[np.generic]
    y_val: NDArray[np.int64]
    n_classes: int
    seed: int

    @cached_property
    def sample(self) -> NDArray[np.int64]:
        """The training rows that the train accuracy is measured on."""
        n = len(self.y_train)
        return np.sort(np.random.default_rng(self.seed).choice(n, min(n, TRAIN_SAMPLE), replace=False))

    def mini_batches(self, size: int, epoch: int) -> NDArray[np.int64]:
        """(S, size) rows, the same for all trials; what does not fill a mini-batch is left out."""
        n = len(self.y_train)
        order = np.random.default_rng((self.seed, epoch)).permutation(n)
        return order[: n // size * size].reshape(-1, size)

    def first_weights(self, settings: Settings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """W1 (D, H) and W2 (H, C)."""
        assert settings.init == "normal"
        rng, D, (H,) = np.random.default_rng(settings.seed), self.X_train.shape[1], settings.hidden
        W1, W2 = rng.standard_normal((D, H)), rng.standard_normal((H, self.n_classes))
        return settings.init_scale * W1, settings.init_scale * W2


def coarse(
    dataset: str,
    home: Path,
    data: Path | None,
    *,
    seed: int = 0,
    momentum: float = 0.0,
    epochs: int | None = None,
    beside: Mapping[str, object] | None = None,
) -> Task:
    """The lecture's coarse search. Raises DatasetError when the data is not there.

    With momentum the learning rates are multiplied by (1 - momentum), so that the steps sum up to the same.
    `beside` is searched beside the recipe's space.
    """
    plan = plan_recipe(RECIPE, dataset, catalog.find_summary(dataset, home, data).n_train)
    lr = Space.parse(plan.space).distributions["lr"]
    assert isinstance(lr, LogUniform)
    low, high = lr.low * (1 - momentum), lr.high * (1 - momentum)
    space = plan.space | {"lr": {"log_uniform": [low, high]}} | dict(beside or {})
    fixed = plan.settings | {"momentum": momentum} | ({"epochs": epochs} if epochs else {})
    fixed = {name: value for name, value in fixed.items() if name not in space}
    return Task(
        dataset, home, data, seed, space, draw_trials(Space.parse(space), fixed, WHOLE, plan.sampler, seed)
    )


def part(task: Task, trials: int, number: int) -> Task:
    """Slice `number` of the search: so many trials evenly out of all, another slice for each next number."""
    slices = max(1, len(task.settings) // trials)
    return replace(task, settings=task.settings[number % slices :: slices][:trials])


def load(task: Task) -> Data:
    """The data in memory, a copy for each process that loads it."""
    dataset = catalog.load(task.dataset, task.home, task.data)
    split = make_split(dataset, task.settings[0])
    X, y = np.asarray(dataset.X_train), dataset.y_train
    return Data(
        X[split.train_rows],
        y[split.train_rows],
        X[split.val_rows],
        y[split.val_rows],
        split.n_classes,
        task.seed,
    )


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the arithmetic of a task depends on."""

    features: int
    classes: int
    n_train: int
    n_val: int

    def flops(self, settings: Settings, outcome: Outcome) -> float:
        """Of the products alone: forward and backward of each mini-batch, forward of each evaluation.

        Nothing that was computed for a trial after its explosion counts.
        """
        (H,) = settings.hidden
        first, second = self.features * H, H * self.classes
        batch = settings.batch_size if isinstance(settings.batch_size, int) else self.n_train
        evaluated = len(outcome.val_accs) * (self.n_val + min(self.n_train, TRAIN_SAMPLE))
        # Backward: into both matrices and into the hidden layer, but not into the pixels.
        return outcome.steps * batch * (4 * first + 6 * second) + evaluated * 2 * (first + second)


def sizes(task: Task) -> Sizes:
    """Without loading the data."""
    summary = catalog.find_summary(task.dataset, task.home, task.data)
    held = task.settings[0].val_count
    return Sizes(summary.n_features, len(summary.classes), summary.n_train - held, held)

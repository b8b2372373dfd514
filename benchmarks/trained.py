"""Owns trained runs: trains nets by given recipes and keeps them, to be judged again (chooses no recipe)."""

from __future__ import annotations

import math
import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learning.data.dataset import Dataset, Split, make_split
from learning.diagnosis.curves import Curve
from learning.settings import Settings
from learning.training.net import Array
from learning.training.trainer import Epoch, Member, train
from worker.verdicts import build_point


@dataclass(frozen=True, slots=True)
class Run:
    """A trained net: by which recipe, and what came of it."""

    dataset: str
    seed: int
    recipe: str
    settings: Settings
    curve: Curve
    n_classes: int
    n_val: int
    dead: float  # share of the units that are 0 on every validation row, in the layer that has most

    @property
    def best(self) -> float:
        """Best val accuracy; 0 where it diverged in its first epoch."""
        known = self.curve.val_acc[: -1 if self.curve.diverged else None]
        return float(known.max()) if len(known) else 0.0

    @property
    def train(self) -> float:
        return float(np.mean(self.curve.train_acc[-3:]))

    @property
    def val(self) -> float:
        return float(np.mean(self.curve.val_acc[-3:]))

    @property
    def error(self) -> float:
        """Standard error of the best val accuracy."""
        return math.sqrt(max(self.best * (1 - self.best), 0.0) / self.n_val)


Recipe = tuple[str, Settings]
Outcome = tuple[list[Epoch], float]  # the epochs, and the share of dead units
Kept = dict[Recipe, Outcome]


def trained(dataset: Dataset, seed: int, recipes: Sequence[Recipe], folder: Path | None) -> list[Run]:
    """The recipes in their order; those that the folder does not hold yet are trained, in groups as a worker
    would, and put there."""
    file = folder / f"{dataset.name}-{seed}.pickle" if folder else None
    known: Kept = pickle.loads(file.read_bytes()) if file and file.exists() else {}
    stacks: dict[str, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        if recipe not in known:
            stacks[recipe[1].group_key()].append(recipe)
    for stack in stacks.values():
        known |= _group(seed, stack, make_split(dataset, stack[0][1]))
        if file:
            file.write_bytes(pickle.dumps(known))
    return [_run(dataset, seed, recipe, *known[recipe]) for recipe in recipes]


def _group(seed: int, stack: Sequence[Recipe], split: Split) -> Kept:
    epochs: dict[int, list[Epoch]] = defaultdict(list)
    dead: dict[int, float] = {}
    members = [Member(key, settings) for key, (_, settings) in enumerate(stack)]
    for step in train(members, split, seed=seed):
        for one in step.epochs:
            epochs[one.key].append(one)
        last = step.state
        if last.epoch == stack[0][1].epochs:
            dead = {key: _dead(last.weights(key), split) for key in last.keys}
    return {recipe: (epochs[key], dead.get(key, 0.0)) for key, recipe in enumerate(stack)}


def _dead(weights: Mapping[str, Array], split: Split) -> float:
    """Of ReLU nets, from the weights of the last epoch."""
    h = split.gather(split.val_rows, out=np.empty((len(split.val_rows), split.n_features), np.float32))
    worst = 0.0
    with np.errstate(all="ignore"):
        for layer in range(1, len(weights) // 2):
            h = np.maximum(h @ weights[f"W{layer}"] + weights[f"b{layer}"], 0)
            worst = max(worst, float((h == 0).all(axis=0).mean()))
    return worst


def _run(dataset: Dataset, seed: int, recipe: Recipe, epochs: Sequence[Epoch], dead: float) -> Run:
    name, settings = recipe
    curve = Curve.from_points([build_point(one) for one in epochs], epochs[-1].diverged)
    return Run(dataset.name, seed, name, settings, curve, len(dataset.classes), settings.val_count, dead)

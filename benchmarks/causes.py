"""Owns runs with known causes: how they are made and trained, and what may be said of each (judges no rule).

A label takes two things: the recipe the run was made by, and a criterion that looks at what
came of it beside other runs, by accuracies and weights alone. A run whose recipe did not do what it is for
(a tenfold learning rate may simply be fine) is labelled near the best if it is that, and else not at all.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learning import catalog
from learning.curves import Curve, Point, noise
from learning.dataset import Dataset, Split, make_split
from learning.net import Array
from learning.settings import Settings
from learning.train import Epoch, Member, train

HALF_DECADES = tuple(k / 2 for k in range(-6, 7))  # lr around the best, 10^-3 to 10^3
CLEARLY = 0.05  # of accuracy: what a cause must cost before it is one
BIG_GAP = 0.15  # of accuracy between train and val at the end
ERRORS = 2.0  # standard errors of val accuracy within which a run is as good as the best
DEAD = 0.999  # of the units of a hidden layer give 0 for every validation row

WILD = frozenset({"nan-at-once", "exploding", "broke-out"})
DEAD_TOO = frozenset({"dead-units"})


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


Beside = Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Task:
    """A data set, and a base that is near its best but for lr."""

    dataset: Dataset
    base: Mapping[str, Any]
    rates: tuple[float, ...]  # among which the best is looked for
    tiny: int  # training rows too few for the net


def tasks(home: Path, data: Path | None, small: bool) -> list[Task]:
    """Digits; unless small, also CIFAR-10's first 5,000 and Gaussian clusters of our own."""
    base = {"init": "he", "preprocess": "standardise", "lr_decay": 0.95, "batch_size": 50, "val_count": 500}
    digits = catalog.load("digits", home, data)
    found = [Task(digits, base | {"epochs": 20}, _rates(-3, 0.5), 60)]
    if small:
        return found
    clusters = _clusters()
    more = {"batch_size": 100, "val_count": 1000}
    found.append(Task(clusters, base | more | {"epochs": 15}, _rates(-3, 0.5), 60))
    if any(one.name == "cifar10" and one.ready for one in catalog.summaries(home, data)):
        cifar = catalog.load("cifar10", home, data)
        few = {"batch_size": 100, "val_count": 1000, "epochs": 12, "train_count": 8000}
        found.append(Task(cifar, base | few, _rates(-4, -0.5), 200))
    return found


def runs(task: Task, seed: int) -> list[Run]:
    """Every recipe once. First the rates, for the others stand on the best of them."""
    base = dict(task.base) | {"seed": seed}
    searched = _trained(task, seed, [(f"rate {lr:g}", base | {"lr": lr}) for lr in task.rates])
    top = max(searched, key=lambda run: run.best)
    as_good = [run.settings.lr for run in searched if run.best >= top.best - top.error]
    return _trained(task, seed, _recipes(task, base | {"lr": min(as_good)}))


def _recipes(task: Task, base: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    lr, epochs = base["lr"], base["epochs"]
    tiny = {"train_count": task.tiny, "batch_size": 20, "epochs": 4 * epochs}
    few = {"train_count": 600}
    tanh = {"activation": "tanh", "explosion": 0}
    deep = {"update": "adam", "hidden": [50, 50, 50]}
    bad = {"hidden": [50, 50, 50], "init": "normal"}
    return [
        *((f"lr {power:+g}", base | {"lr": lr * 10**power}) for power in HALF_DECADES),
        *((f"reg {reg:g}", base | {"reg": reg}) for reg in (1e-4, 0.1, 1.0, 10.0, 100.0)),
        ("tiny", base | tiny),
        ("tiny big", base | tiny | {"hidden": [300]}),
        ("tiny slow", base | tiny | {"lr": lr / 3}),
        ("big long", base | {"hidden": [500], "epochs": 3 * epochs, "lr_decay": 1.0}),
        ("deep", base | {"hidden": [50, 50, 50]}),
        ("bad init", base | bad | {"init_scale": 0.02, "lr_decay": 1.0}),
        ("bad init small", base | bad | {"init_scale": 1e-3, "lr_decay": 1.0}),
        ("bad init momentum", base | bad | {"init_scale": 0.01, "momentum": 0.9, "lr_decay": 1.0}),
        ("few epochs", base | {"epochs": max(4, epochs // 4), "lr": lr / 3}),
        ("one unit", base | {"hidden": [1]}),
        ("two units", base | {"hidden": [2]}),
        ("three units", base | {"hidden": [3]}),
        *((f"batch {n}", base | few | {"batch_size": n}) for n in (1, 2)),
        *((f"batch {n} slow", base | few | {"batch_size": n, "lr": lr / 3}) for n in (1, 2, 4)),
        *((f"high tanh {power:+g}", base | tanh | {"lr": lr * 10**power}) for power in (0.5, 1, 1.5, 2)),
        *((f"adam {rate:g}", base | {"update": "adam", "lr": rate}) for rate in (1e-3, 0.03, 0.1, 0.3, 1.0)),
        *((f"adam deep {rate:g}", base | deep | {"lr": rate}) for rate in (0.03, 0.1, 0.3)),
        ("no explosion rule", base | {"lr": lr * 30, "explosion": 0}),
        ("no explosion rule far", base | {"lr": lr * 300, "explosion": 0}),
        ("dead units", base | {"lr": lr * 30, "momentum": 0.9, "explosion": 0, "hidden": [20]}),
    ]


def label(run: Run, beside: Beside, top: float) -> tuple[str, frozenset[str]] | None:
    """The cause of a run, and the codes of which one must be among its first two findings; None: no label.

    `beside`: the runs of the same data set and seed by recipe; `top`: the best val accuracy of the data set.
    """
    if run.curve.diverged is not None or not np.isfinite(run.curve.loss[-1]):
        return "diverged", WILD
    plain = beside["lr +0"]
    for what, codes, holds in _CAUSES:
        if run.recipe.split()[0] in what and holds(run, plain, beside):
            name = "dead units" if run.dead >= DEAD else codes[0]
            return name, frozenset(codes) | (DEAD_TOO if run.dead >= DEAD else frozenset())
    fit = run.val >= run.best - ERRORS * run.error and run.train - run.val < CLEARLY * 2
    if top - run.best <= ERRORS * run.error and fit:
        return "healthy", frozenset({"healthy"})
    return None


def _costs(run: Run, plain: Run, beside: Beside) -> bool:
    """Val accuracy lies clearly below that of the base at its best rate."""
    return plain.best - run.best > CLEARLY


def _too_high(run: Run, plain: Run, beside: Beside) -> bool:
    adam = run.recipe.startswith("adam")
    return run.settings.lr > (beside["adam 0.001"] if adam else plain).settings.lr and _costs(
        run, plain, beside
    )


def _too_low(run: Run, plain: Run, beside: Beside) -> bool:
    return run.settings.lr < plain.settings.lr and _costs(run, plain, beside)


def _overfits(run: Run, plain: Run, beside: Beside) -> bool:
    return run.train - run.val >= BIG_GAP


def _too_short(run: Run, plain: Run, beside: Beside) -> bool:
    return plain.best - run.best > CLEARLY / 2


def _later(run: Run, plain: Run, beside: Beside) -> bool:
    """When the same net from good weights has a third of its epochs behind it, this one is far behind."""
    sound = beside["deep"]
    third = len(sound.curve.epoch) // 3
    return bool(sound.curve.val_acc[third] - run.curve.val_acc[third] > 0.2)


def _small(run: Run, plain: Run, beside: Beside) -> bool:
    """It does not overfit, and stopped getting better: the last quarter of its epochs gained nothing."""
    quarter = len(run.curve.epoch) // 4
    before, after = run.curve.train_acc[-2 * quarter : -quarter], run.curve.train_acc[-quarter:]
    if plain.train - run.train <= CLEARLY:
        return False
    return run.train - run.val < 0.02 and float(np.mean(after) - np.mean(before)) < 0.02


def _jumps(run: Run, plain: Run, beside: Beside) -> bool:
    return _rough(run) > 3 * _rough(plain)


def _rough(run: Run) -> float:
    """Mean jump of val accuracy in the second half."""
    half = run.curve.val_acc[len(run.curve.val_acc) // 2 :]
    return float(np.abs(np.diff(half)).mean()) + run.error / 10


# Recipes by their first word; the code that names the cause first; the criterion.
_CAUSES: tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[[Run, Run, Beside], bool]], ...] = (
    (("lr", "high", "adam", "dead", "no"), ("lr-too-high", "update-ratio"), _too_high),
    (("lr",), ("lr-too-low", "lr-bit-low"), _too_low),
    (("reg",), ("reg-crushing",), _costs),
    (("tiny", "big"), ("overfitting", "val-peaked"), _overfits),
    (("bad",), ("bad-init",), _later),
    (("few",), ("still-improving", "lr-bit-low", "lr-too-low"), _too_short),
    (("one", "two", "three"), ("no-gap",), _small),
    (("batch",), ("noisy-loss",), _jumps),
)


def _trained(task: Task, seed: int, recipes: Sequence[tuple[str, dict[str, Any]]]) -> list[Run]:
    """Trained in groups as a worker would; in the order of the recipes."""
    stacks: dict[str, list[tuple[int, str, Settings]]] = defaultdict(list)
    for key, (name, values) in enumerate(recipes):
        settings = Settings.parse(values)
        stacks[settings.group_key()].append((key, name, settings))
    found: dict[int, Run] = {}
    for stack in stacks.values():
        split = make_split(task.dataset, stack[0][2])
        found |= _group(task, seed, stack, split)
    return [found[key] for key in sorted(found)]


def _group(task: Task, seed: int, stack: Sequence[tuple[int, str, Settings]], split: Split) -> dict[int, Run]:
    epochs: dict[int, list[Epoch]] = defaultdict(list)
    dead: dict[int, float] = {}
    for step in train([Member(key, settings) for key, _, settings in stack], split, seed=seed):
        for one in step.epochs:
            epochs[one.key].append(one)
        last = step.state
        if last.epoch == stack[0][2].epochs:
            dead = {key: _dead(last.weights(key), split) for key in last.keys}
    return {
        key: Run(
            task.dataset.name,
            seed,
            name,
            settings,
            Curve.of([_point(one) for one in epochs[key]], epochs[key][-1].diverged),
            split.n_classes,
            len(split.val_rows),
            dead.get(key, 0.0),
        )
        for key, name, settings in stack
    }


def _dead(weights: Mapping[str, Array], split: Split) -> float:
    """Of ReLU nets, from the weights of the last epoch."""
    h = split.gather(split.val_rows, out=np.empty((len(split.val_rows), split.n_features), np.float32))
    worst = 0.0
    with np.errstate(all="ignore"):
        for layer in range(1, len(weights) // 2):
            h = np.maximum(h @ weights[f"W{layer}"] + weights[f"b{layer}"], 0)
            worst = max(worst, float((h == 0).all(axis=0).mean()))
    return worst


def _point(one: Epoch) -> Point:
    return Point(
        one.epoch,
        one.loss,
        one.data_loss,
        one.train_acc,
        one.val_loss,
        one.val_acc,
        noise(one.trace),
        one.update_ratio,
    )


def _rates(low: float, high: float) -> tuple[float, ...]:
    return tuple(10 ** (low + k / 2) for k in range(round((high - low) * 2) + 1))


def _clusters() -> Dataset:
    """Three clusters a class in thirty dimensions, so that no single unit tells the six classes apart."""
    rng = np.random.default_rng(0)
    n, classes, features = 6000, 6, 30
    centres = rng.normal(0, 1.0, (classes * 3, features))
    which = rng.integers(0, classes * 3, n)
    X = (centres[which] + rng.normal(0, 0.9, (n, features))).astype(np.float32)
    y = (which % classes).astype(np.int64)
    names = tuple(str(k) for k in range(classes))
    return Dataset("clusters", X, y, None, None, None, names, "Gaussian clusters")

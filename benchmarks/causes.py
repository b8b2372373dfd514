"""Owns runs with known causes: how they are made and trained, and what may be said of each (judges no rule).

A label takes two things: the recipe the run was made by, and a criterion that looks at what
came of it beside other runs, by accuracies and weights alone. A run whose recipe did not do what it is for
(a tenfold learning rate may simply be fine) is labelled near the best if it is that, and else not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trained import Run, trained
from learning.data import catalog
from learning.data.dataset import Dataset
from learning.settings import Settings

HALF_DECADES = tuple(k / 2 for k in range(-6, 7))  # lr around the best, 10^-3 to 10^3
CLEARLY = 0.05  # of accuracy: what a cause must cost before it is one
BIG_GAP = 0.15  # of accuracy between train and val at the end
ERRORS = 2.0  # standard errors of val accuracy within which a run is as good as the best
UNITS = (1, 2, 3, 4)  # far fewer than the base has
SLOW = ("big long", "batch 1", "batch 1 slow", "batch 1 loud", "batch 1 adam", "wrong labels adam")
EXPLODED = 3.0  # times the first cost, as in the lecture, also where the trainer let it go on
JUMP = 0.01  # of accuracy: a jump from epoch to epoch that is one
WRONG_ROWS, WRONG_SHARE = 500, 0.4  # training rows of which this share gets a label drawn at random
DEAD = 0.999  # of the units of a hidden layer give 0 for every validation row

WILD = frozenset({"nan-at-once", "exploding", "broke-out"})
DEAD_TOO = frozenset({"dead-units"})


Beside = Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Task:
    """A data set, and a base that is near its best but for lr."""

    dataset: Dataset
    base: Mapping[str, Any]
    rates: tuple[float, ...]  # among which the best is looked for
    tiny: int  # training rows too few for the net
    left_out: tuple[str, ...] = ()  # recipes


def tasks(home: Path, data: Path | None, small: bool) -> list[Task]:
    """Digits; unless small, also CIFAR-10's first 5,000 and Gaussian clusters of our own."""
    base = {"init": "he", "preprocess": "standardise", "lr_decay": 0.95, "batch_size": 50, "val_count": 500}
    digits = catalog.load("digits", home, data)
    found = [Task(digits, base | {"epochs": 20}, _rates(-3, 0.5), 60, SLOW if small else ())]
    if small:
        return found
    clusters = _clusters()
    more = {"batch_size": 100, "val_count": 1000}
    found.append(Task(clusters, base | more | {"epochs": 15}, _rates(-3, 0.5), 60))
    if any(one.name == "cifar10" and one.ready for one in catalog.list_summaries(home, data)):
        cifar = catalog.load("cifar10", home, data)
        few = {"batch_size": 100, "val_count": 1000, "epochs": 12, "train_count": 8000}
        found.append(Task(cifar, base | few, _rates(-4, -0.5), 200))
    return found


def runs(task: Task, seed: int, kept: Path | None) -> list[Run]:
    """Every recipe once. First the rates, for the others stand on the best of them."""
    base = dict(task.base) | {"seed": seed}

    def train(dataset: Dataset, recipes: Iterable[tuple[str, dict[str, Any]]]) -> list[Run]:
        parsed = [(name, Settings.parse(values)) for name, values in recipes]
        return trained(dataset, seed, parsed, kept)

    searched = train(task.dataset, ((f"rate {lr:g}", base | {"lr": lr}) for lr in task.rates))
    top = max(searched, key=lambda run: run.best)
    base["lr"] = min(run.settings.lr for run in searched if run.best >= top.best - top.error)
    mislabelled = _mislabelled(task.dataset, WRONG_ROWS)
    plain, wrong = (_kept_in(task, recipes) for recipes in (_recipes(task, base), _wrong_labels(base)))
    return train(task.dataset, plain) + train(mislabelled, wrong)


def _kept_in(task: Task, recipes: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [one for one in recipes if one[0] not in task.left_out]


def _wrong_labels(base: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Large nets learn the rule first and then the wrong labels by heart."""
    net = {"train_count": WRONG_ROWS, "hidden": [300], "batch_size": 20, "epochs": 4 * base["epochs"]}
    long = base | net | {"lr_decay": 1.0}
    return [("wrong labels", long), ("wrong labels adam", long | {"update": "adam", "lr": 1e-3})]


def _recipes(task: Task, base: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    lr, epochs = base["lr"], base["epochs"]
    tiny = {"train_count": task.tiny, "batch_size": 20, "epochs": 4 * epochs}
    few = {"train_count": 600}
    tanh = {"activation": "tanh", "explosion": 0}
    loud = {"train_count": 900, "explosion": 0, "lr_decay": 1.0, "hidden": [20]}  # not to be learned by heart
    adam = {"update": "adam", "lr": 0.01}
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
        ("two epochs", base | {"epochs": 2}),
        ("units 0", base | {"hidden": []}),
        *((f"units {n}", base | {"hidden": [n]}) for n in UNITS),
        *((f"units {n} long", base | {"hidden": [n], "epochs": 2 * epochs}) for n in UNITS),
        *((f"batch {n}", base | few | {"batch_size": n}) for n in (1, 2)),
        *((f"batch {n} slow", base | few | {"batch_size": n, "lr": lr / 3}) for n in (1, 2, 4)),
        *((f"batch {n} loud", base | loud | {"batch_size": n, "lr": lr / 30}) for n in (1, 2)),
        *((f"batch {n} loud", base | loud | {"batch_size": n, "lr": lr / 3}) for n in (4, 8)),
        *((f"batch {n} adam", base | loud | adam | {"batch_size": n}) for n in (1, 2, 4)),
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
    if run.curve.diverged is not None or not run.curve.loss[-1] <= EXPLODED * run.curve.loss[0]:
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


def _falls(run: Run, plain: Run, beside: Beside) -> bool:
    """The last epochs are clearly worse on val than the best three in a row were."""
    known = run.curve.val_acc
    return float(np.convolve(known, np.ones(3) / 3, "valid").max()) - run.val > CLEARLY


def _shapeless(run: Run, plain: Run, beside: Beside) -> bool:
    """Two epochs are no curve, whatever they reached."""
    return len(run.curve.epoch) < 3


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
    return run.train - run.val < 0.02 and float(np.mean(after) - np.mean(before)) < 0.01


def _jumps(run: Run, plain: Run, beside: Beside) -> bool:
    """Val accuracy jumps about from epoch to epoch, and does not at the base."""
    return _rough(run) > max(3 * _rough(plain), JUMP)


def _rough(run: Run) -> float:
    """Mean distance of val accuracy in the second half from the middle of its neighbours."""
    half = run.curve.val_acc[len(run.curve.val_acc) // 2 :]
    return float(np.abs(half[1:-1] - (half[:-2] + half[2:]) / 2).mean())


# Recipes by their first word; the code that names the cause first; the criterion.
_CAUSES: tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[[Run, Run, Beside], bool]], ...] = (
    (("lr", "high", "adam", "dead", "no"), ("lr-too-high", "update-ratio"), _too_high),
    (("lr",), ("lr-too-low", "lr-bit-low"), _too_low),
    (("reg",), ("reg-crushing",), _costs),
    (("tiny", "big"), ("overfitting", "val-peaked"), _overfits),
    (("wrong",), ("val-peaked",), _falls),
    (("bad",), ("bad-init",), _later),
    (("two",), ("too-early",), _shapeless),
    (("few",), ("still-improving", "lr-bit-low", "lr-too-low"), _too_short),
    (("units",), ("no-gap",), _small),
    (("batch",), ("noisy-loss",), _jumps),
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


def _mislabelled(dataset: Dataset, rows: int) -> Dataset:
    """The first rows with labels that are partly wrong; validation, drawn from the others, is as it was."""
    rng = np.random.default_rng(0)
    y = np.array(dataset.y_train)
    wrong = rng.random(rows) < WRONG_SHARE
    y[:rows][wrong] = rng.integers(0, len(dataset.classes), int(wrong.sum()))
    return replace(dataset, y_train=y)

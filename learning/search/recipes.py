"""Recipes: the lecture's checks and searches, ready to run, with numbers that fit the data set.

Numbers for `cifar10` are the lecture's own (raw 0..255 pixels minus the mean image). Those for `digits`
were measured. Every other data set gets a scaled guess: standardised inputs and He weights make the
useful learning rates depend little on the size of the pixels and of the net, so 1e-3 to 1 brackets them;
where it does not, the curves say so and the search is moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from learning.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe without numbers: what it is for."""

    name: str
    title: str
    note: str  # what the lecture says to expect


@dataclass(frozen=True, slots=True)
class RecipePlan:
    """A recipe with the numbers for one data set; `space` and `settings` are in JSON form."""

    name: str
    title: str
    note: str
    space: dict[str, object]
    settings: dict[str, object]
    trials: int
    sampler: str


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The numbers of one recipe for one data set."""

    settings: Mapping[str, object]
    space: Mapping[str, object] = field(default_factory=dict)
    trials: int = 1
    sampler: str = "random"


def plan_recipe(name: str, dataset_name: str, n_examples: int | None = None) -> RecipePlan:
    """The plan of a recipe for a data set. Raises Invalid (field `recipe`) for an unknown name.

    `n_examples`, the size of the training archive where known, makes the validation part of a small data set
    without numbers of its own no more than a fifth of it.
    """
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise Invalid(FieldError("recipe", name, f"recipe is {name!r}; the recipes are {known}."))
    recipe = RECIPES[name]
    numbers = _NUMBERS[name].get(dataset_name, _NUMBERS[name][OTHER])
    settings = {**_common_settings(dataset_name, n_examples), **numbers.settings}
    return RecipePlan(
        name, recipe.title, recipe.note, dict(numbers.space), settings, numbers.trials, numbers.sampler
    )


def _common_settings(dataset_name: str, n_examples: int | None) -> dict[str, object]:
    if dataset_name in _COMMON:
        return dict(_COMMON[dataset_name])
    common = dict(_COMMON[OTHER])
    if n_examples is not None:
        common["val_count"] = min(1000, max(1, n_examples // 5))
    return common


OTHER = "other"  # every data set without numbers of its own

_COMMON: Mapping[str, Mapping[str, object]] = {
    "cifar10": {
        "hidden": [50],
        "init": "normal",
        "init_scale": 1e-4,
        "preprocess": "mean_image",
        "batch_size": 100,
        "val_count": 1000,
    },
    "digits": {
        "hidden": [50],
        "init": "normal",
        "init_scale": 1e-2,
        "preprocess": "mean_image",
        "batch_size": 100,
        "val_count": 300,
    },
    OTHER: {
        "hidden": [50],
        "init": "he",
        "preprocess": "standardise",
        "batch_size": 100,
        "val_count": 1000,
    },
}

# Small weights make the scores nearly equal, so the cost starts at ln(C); 1e-3 is also large enough for a
# small net that a reg of 1e3 shows.
_AT_CHANCE = {"init": "normal", "init_scale": 1e-3}
_FROZEN = {"update": "sgd", "lr": 1e-9, "lr_decay": 1.0, "epochs": 1}  # too small a step to move anything
_REG_OFF_AND_ON: Mapping[str, object] = {"reg": {"choice": [0.0, 1e3]}}
_TINY = {
    "update": "sgd",
    "lr_decay": 1.0,
    "reg": 0.0,
    "train_count": 20,
    "val_count": 0,
    "batch_size": "full",
    "epochs": 200,
}
_ONE_RATE = {"update": "sgd", "lr_decay": 1.0, "reg": 1e-6, "epochs": 10}
_SEARCH = {"update": "momentum", "momentum": 0.0, "lr_decay": 0.9}


def _log_uniform(low: float, high: float) -> dict[str, object]:
    return {"log_uniform": [low, high]}


_NUMBERS: Mapping[str, Mapping[str, _Numbers]] = {
    "sanity-loss": {
        "cifar10": _Numbers(_FROZEN, _REG_OFF_AND_ON, 2, "grid"),
        OTHER: _Numbers({**_AT_CHANCE, **_FROZEN}, _REG_OFF_AND_ON, 2, "grid"),
    },
    "overfit-tiny": {
        "cifar10": _Numbers({**_TINY, "lr": 1e-3}),
        "digits": _Numbers({**_TINY, "lr": 1e-1}),
        OTHER: _Numbers({**_TINY, "lr": 5e-2, "epochs": 400}),
    },
    "lr-too-low": {
        "cifar10": _Numbers({**_ONE_RATE, "lr": 1e-6}),
        "digits": _Numbers({**_ONE_RATE, "lr": 1e-3, "init_scale": 1e-3}),  # small, or the cost falls too far
        OTHER: _Numbers({**_ONE_RATE, "lr": 1e-6}),
    },
    "lr-too-high": {
        OTHER: _Numbers({**_ONE_RATE, "lr": 1e6, "explosion": 0.0}),  # to see the nan itself
    },
    "lr-3e-3": {
        "cifar10": _Numbers({**_ONE_RATE, "lr": 3e-3, "explosion": 0.0}),  # the lecture's cost goes to inf
        "digits": _Numbers({**_ONE_RATE, "update": "momentum", "momentum": 0.9, "lr": 0.2}),
        OTHER: _Numbers({**_ONE_RATE, "update": "momentum", "momentum": 0.9, "lr": 3.0}),
    },
    "coarse": {
        "cifar10": _Numbers(
            {**_SEARCH, "epochs": 5},
            {"lr": _log_uniform(1e-6, 1e-3), "reg": _log_uniform(1e-5, 1e5)},
            100,
        ),
        "digits": _Numbers(
            {**_SEARCH, "lr_decay": 0.95, "epochs": 20},
            {"lr": _log_uniform(1e-2, 1.0), "reg": _log_uniform(1e-5, 10.0)},
            100,
        ),
        OTHER: _Numbers(
            {**_SEARCH, "lr_decay": 0.95, "epochs": 10},
            {"lr": _log_uniform(1e-3, 1.0), "reg": _log_uniform(1e-5, 10.0)},
            100,
        ),
    },
    "fine": {
        "cifar10": _Numbers(
            {**_SEARCH, "epochs": 10},
            {"lr": _log_uniform(1e-4, 1e-3), "reg": _log_uniform(1e-4, 1.0)},
            100,
        ),
        "digits": _Numbers(
            {**_SEARCH, "lr_decay": 0.95, "epochs": 40},
            {"lr": _log_uniform(3e-2, 5e-1), "reg": _log_uniform(1e-5, 1e-1)},
            100,
        ),
        OTHER: _Numbers(
            {**_SEARCH, "lr_decay": 0.95, "epochs": 20},
            {"lr": _log_uniform(1e-2, 3e-1), "reg": _log_uniform(1e-5, 1e-1)},
            100,
        ),
    },
}

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "sanity-loss",
            "Is the cost right before any learning?",
            "Two nets that do not learn. Without regularisation the cost of small random weights must be "
            "ln(C): 2.3026 for ten classes. With reg 1e3 it must be higher. If either fails, mend the "
            "loss first.",
        ),
        Recipe(
            "overfit-tiny",
            "Can it learn twenty examples by heart?",
            "The first twenty examples, no regularisation, plain SGD on all twenty at once. The cost must "
            "fall to almost nothing (0.0026 after 200 epochs in the lecture) and train accuracy must reach "
            "1.00. A net that cannot overfit twenty examples has a bug; do not search before it can.",
        ),
        Recipe(
            "lr-too-low",
            "A learning rate that is too low",
            "The cost barely changes (2.3026 to 2.3024 in the lecture): the learning rate is too low. "
            "Accuracy may climb all the same, since the few right steps already decide which score is "
            "largest.",
        ),
        Recipe(
            "lr-too-high",
            "A learning rate that is far too high",
            "A learning rate of a million: the cost is not a number, or infinite, in the first epoch. A "
            "cost of nan almost always means a learning rate that is too high.",
        ),
        Recipe(
            "lr-3e-3",
            "A learning rate that is still too high",
            "It looks well for a moment, then the cost explodes within a few epochs: still too high. "
            "Between this and the one that was too low lies the range to search. (The lecture's own 3e-3 "
            "on CIFAR-10; other data has its own number.)",
        ),
        Recipe(
            "coarse",
            "Coarse search: which values work at all?",
            "Short trials over wide ranges, learning rate and reg drawn in log space. Expect a few good "
            "ones, many poor ones and some that explode; those stop as soon as the cost is three times the "
            "first. Look for the region of the good ones, not yet for the best.",
        ),
        Recipe(
            "fine",
            "Fine search: closer and longer",
            "A narrower range around what worked, trained longer. In the lecture the best reached 0.53 "
            "with learning rates at the very edge of the range, which is a warning: the optimum may lie "
            "outside.",
        ),
    )
}

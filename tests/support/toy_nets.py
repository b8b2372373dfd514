"""Small data and groups for the tests of training."""

import numpy as np

from learning.data.dataset import Dataset, Split, make_split
from learning.settings import Settings
from learning.training.trainer import GroupEpoch, Member, train

CLASSES = 4
FIXED = {"hidden": [7], "init": "xavier", "batch_size": 10, "epochs": 5, "val_count": 40, "lr": 0.05}


def toy_data(rows: int = 160, features: int = 12, seed: int = 5) -> Dataset:
    """Byte rows around one centre per class: learnable, but not at once."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, rows)
    X = rng.integers(0, 4, (CLASSES, features))[y] + rng.integers(0, 4, (rows, features))
    names = tuple("abcd"[:CLASSES])
    return Dataset("toy", X.astype(np.uint8), y.astype(np.int64), None, None, None, names, "drawn")


def settings(**values: object) -> Settings:
    return Settings.parse({"seed": 0, **FIXED, **values})


def members(*each: dict[str, object], **shared: object) -> list[Member]:
    """Members 10, 11, ... with different seeds and learning rates."""
    values = each or ({}, {}, {})
    return [
        Member(10 + i, settings(**{"seed": i, "lr": 0.05 / (i + 1), **shared, **value}))
        for i, value in enumerate(values)
    ]


def toy_split(group: list[Member], **data: int) -> Split:
    return make_split(toy_data(**data), group[0].settings)


def run(group: list[Member], split: Split | None = None, **options: object) -> list[GroupEpoch]:
    """All steps, with a clock that stands still, so that steps compare."""
    split = toy_split(group) if split is None else split
    return list(train(group, split, **{"seed": 3, "clock": lambda: 0.0, **options}))

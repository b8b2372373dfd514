"""The lecture's numbers on the real images: net 3072-50-10, raw pixels minus the mean image, 49,000 rows."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from learning.data import catalog
from learning.data.dataset import Dataset, make_split
from learning.search.recipes import plan_recipe
from learning.search.space import build_trials
from learning.training.trainer import Epoch, Member, train

pytestmark = [pytest.mark.cifar10, pytest.mark.slow]

COARSE = [  # val accuracy, lr, reg: the first eleven lines of the coarse search, as the lecture prints them
    (0.412, 1.405206e-04, 4.793564e-01),
    (0.214, 7.231888e-06, 2.321281e-04),
    (0.208, 2.119571e-06, 8.011857e01),
    (0.196, 1.551131e-05, 4.374936e-05),
    (0.079, 1.753300e-05, 1.200424e03),
    (0.223, 4.215128e-05, 4.196174e01),
    (0.441, 1.750259e-04, 2.110807e-04),
    (0.241, 6.749231e-05, 4.226413e01),
    (0.482, 4.296863e-04, 6.642555e-01),
    (0.079, 5.401602e-06, 1.599828e04),
    (0.154, 1.618508e-06, 4.925252e-01),
]


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    if "LOSSDECK_DATA" not in os.environ:
        pytest.skip("LOSSDECK_DATA does not name a folder with the CIFAR-10 images")
    return catalog.load("cifar10", tmp_path_factory.mktemp("home"), Path(os.environ["LOSSDECK_DATA"]))


def curves(dataset: Dataset, *each: dict[str, object], **shared: object) -> list[list[Epoch]]:
    """The epochs of each trial of a sweep with seed 0."""
    drawn = build_trials(each, {"hidden": [50], **shared}, seed=0)
    group = [Member(number, settings) for number, settings in enumerate(drawn)]
    rows = [
        row for step in train(group, make_split(dataset, group[0].settings), seed=0) for row in step.epochs
    ]
    return [[row for row in rows if row.key == member.key] for member in group]


def test_the_coarse_search_comes_out_as_in_the_lecture(cifar10):
    """The order comes out because the trials share their first weights (docs/decisions/0004)."""
    points = [{"lr": lr, "reg": reg} for _, lr, reg in COARSE]
    shared = {"update": "momentum", "momentum": 0.0, "lr_decay": 0.9, "epochs": 5, "batch_size": 100}
    best = [max(row.val_acc for row in curve) for curve in curves(cifar10, *points, **shared)]
    expected = [accuracy for accuracy, _, _ in COARSE]
    assert np.abs(np.subtract(best, expected)).mean() <= 0.03, best
    assert spearmanr(best, expected).statistic >= 0.95, best


def recipes(dataset: Dataset, *names: str) -> list[list[Epoch]]:
    """The epochs of recipes of one trial, trained as one group."""
    plans = [plan_recipe(name, "cifar10") for name in names]
    return curves(dataset, *(plan.settings for plan in plans))


def test_twenty_examples_are_overfitted(cifar10):
    (curve,) = recipes(cifar10, "overfit-tiny")
    assert curve[0].loss == pytest.approx(np.log(10), abs=1e-3)
    assert len(curve) == 200
    assert curve[-1].train_acc == 1.0
    assert curve[-1].val_acc == 1.0
    assert curve[-1].loss < 0.01


def test_rates_too_low_and_too_high(cifar10):
    low, high, still_high = recipes(cifar10, "lr-too-low", "lr-too-high", "lr-3e-3")
    assert 5e-5 < low[0].loss - low[-1].loss < 5e-4  # barely moves, but teaches
    assert low[-1].val_acc > 0.15
    assert [row.diverged is not None for row in high] == [True]
    assert still_high[-1].diverged == "cost inf is not finite"
    assert 4 <= len(still_high) <= 9
    assert max(row.val_acc for row in still_high[:-1]) > 0.3


def test_three_thousandths_with_momentum_diverges_in_the_first_epochs(cifar10):
    (curve,) = curves(cifar10, {"momentum": 0.9, "lr": 3e-3, "reg": 1e-6})
    assert curve[-1].diverged is not None
    assert len(curve) <= 5

"""Recipes: each can be drawn, has the lecture's numbers, and does as it says (on CIFAR-10: test_lecture)."""

import dataclasses
import math

import pytest
from threadpoolctl import threadpool_limits

from learning.data import catalog
from learning.data.dataset import Dataset, make_split
from learning.errors import Invalid
from learning.search.recipes import RECIPES, RecipePlan, plan_recipe
from learning.search.space import Space, draw_trials
from learning.settings import Settings
from learning.training.trainer import Epoch, Member, train

LECTURE = ("sanity-loss", "overfit-tiny", "lr-too-low", "lr-too-high", "lr-3e-3", "coarse", "fine")


def trials_of(plan: RecipePlan, seed: int = 0) -> tuple[Settings, ...]:
    return draw_trials(Space.parse(plan.space), plan.settings, plan.trials, plan.sampler, seed)


def run(dataset: Dataset, trials: tuple[Settings, ...]) -> list[list[Epoch]]:
    """Train them as one group; the epochs of each."""
    rows: list[list[Epoch]] = [[] for _ in trials]
    members = [Member(i, settings) for i, settings in enumerate(trials)]
    with threadpool_limits(1):  # threads do not pay at these shapes, and ruin it on a busy machine
        for step in train(members, make_split(dataset, trials[0]), seed=0):
            for epoch in step.epochs:
                rows[epoch.key].append(epoch)
    return rows


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return catalog.load("digits", tmp_path_factory.mktemp("home"), None)


@pytest.mark.parametrize("name", LECTURE)
@pytest.mark.parametrize("dataset", ["cifar10", "digits", "mnist", "fashion_mnist", "flowers"])
def test_every_recipe_can_be_drawn_for_every_data_set(name: str, dataset: str) -> None:
    plan = plan_recipe(name, dataset)
    assert len(trials_of(plan)) == plan.trials
    assert plan.name == name
    assert plan.title
    assert len(plan.note) > 80


def test_the_recipes_are_the_lectures() -> None:
    assert tuple(RECIPES) == LECTURE


def test_an_unknown_recipe_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="the recipes are sanity-loss, overfit-tiny") as caught:
        plan_recipe("corse", "digits")
    assert caught.value.errors[0].field == "recipe"


def test_cifar10_has_the_lectures_numbers() -> None:
    coarse, fine = plan_recipe("coarse", "cifar10"), plan_recipe("fine", "cifar10")
    assert coarse.space == {"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"log_uniform": [1e-5, 1e5]}}
    assert fine.space == {"lr": {"log_uniform": [1e-4, 1e-3]}, "reg": {"log_uniform": [1e-4, 1.0]}}
    shared = {"hidden": [50], "init": "normal", "init_scale": 1e-4, "preprocess": "mean_image"}
    shared |= {"batch_size": 100, "val_count": 1000, "update": "momentum", "momentum": 0.0, "lr_decay": 0.9}
    assert coarse.settings == shared | {"epochs": 5}
    assert fine.settings == shared | {"epochs": 10}
    assert (coarse.trials, fine.trials) == (100, 100)


def test_a_small_data_set_keeps_most_examples_for_training() -> None:
    assert plan_recipe("coarse", "flowers", n_examples=150).settings["val_count"] == 30
    assert plan_recipe("coarse", "flowers", n_examples=60_000).settings["val_count"] == 1000
    assert plan_recipe("overfit-tiny", "flowers", n_examples=150).settings["val_count"] == 0
    assert plan_recipe("coarse", "digits", n_examples=150).settings["val_count"] == 300


def test_digits_sanity_loss_is_chance_and_reg_raises_it(digits: Dataset) -> None:
    trials = trials_of(plan_recipe("sanity-loss", "digits"))
    by_reg = {s.reg: epochs[0].loss for s, epochs in zip(trials, run(digits, trials), strict=True)}
    assert by_reg[0.0] == pytest.approx(math.log(10), abs=1e-3)
    assert by_reg[1e3] > by_reg[0.0] + 0.5


def test_digits_overfit_tiny_learns_twenty_examples(digits: Dataset) -> None:
    (epochs,) = run(digits, trials_of(plan_recipe("overfit-tiny", "digits")))
    assert epochs[-1].epoch == 200
    assert epochs[-1].train_acc == 1.0
    assert epochs[-1].loss < 0.01


def test_digits_learning_rates_too_low_and_too_high(digits: Dataset) -> None:
    (low,) = run(digits, trials_of(plan_recipe("lr-too-low", "digits")))
    assert 0 < low[0].loss - low[-1].loss < 5e-4  # the lecture's: 2.302576 to 2.302420, and yet
    assert low[-1].train_acc > 0.15 > low[0].train_acc
    assert low[-1].val_acc > 0.1 > low[0].val_acc
    (high,) = run(digits, trials_of(plan_recipe("lr-too-high", "digits")))
    assert len(high) == 1
    assert high[0].diverged is not None
    assert not math.isfinite(high[0].loss)
    (still,) = run(digits, trials_of(plan_recipe("lr-3e-3", "digits")))
    assert still[-1].diverged is not None
    assert still[0].loss > still[1].loss  # for a moment it looks well
    assert max(epoch.val_acc for epoch in still) > 0.8


def test_digits_fine_is_better_than_coarse(digits: Dataset) -> None:
    trials = trials_of(dataclasses.replace(plan_recipe("fine", "digits"), trials=16))
    best = [max((e.val_acc for e in rows if e.diverged is None), default=0.0) for rows in run(digits, trials)]
    assert max(best) >= 0.97
    assert sum(acc >= 0.95 for acc in best) >= 12


def test_digits_coarse_is_lively(digits: Dataset) -> None:
    """Good, slow and diverged ones; a sixth of the hundred trials stands for all."""
    trials = trials_of(dataclasses.replace(plan_recipe("coarse", "digits"), trials=32))
    epochs = run(digits, trials[:16]) + run(digits, trials[16:])
    best = [max((e.val_acc for e in rows if e.diverged is None), default=0.0) for rows in epochs]
    diverged = sum(rows[-1].diverged is not None for rows in epochs)
    assert max(best) >= 0.95
    assert sum(acc >= 0.9 for acc in best) >= 8
    assert 1 <= diverged <= 8
    assert sum(acc < 0.9 for acc in best) >= 8

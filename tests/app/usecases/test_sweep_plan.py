"""Plans: what a body becomes, one step either side of each limit."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from app.operations.process_supervisor import DEMO
from app.schemas.findings import RefinementIn
from app.schemas.sweeps import SweepIn
from app.schemas.trials import MoreTrials
from app.usecases import sweep_plan
from learning.data import catalog
from learning.data.dataset import make_split
from learning.errors import Invalid
from learning.refinement.refinement import RefinedRange, Refinement
from learning.search.recipes import RECIPES
from learning.search.space import LogUniform, Space
from learning.settings import Settings
from learning.training.trainer import Epoch, Member, train
from store.actions import sweep_actions
from store.config import Config
from store.db.database import Database
from store.read.sweeps import Sweep

SPACE: dict[str, Any] = {"lr": {"log_uniform": [1e-3, 1e-1]}}
FIXED: dict[str, Any] = {"epochs": 2, "val_count": 300}


@pytest.fixture
def config(home: Path) -> Config:
    return Config(home=home, workers=2)


def fields(invalid: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {error.field for error in invalid.value.errors}


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_every_recipe_runs_as_it_is_on_the_digits(recipe: str, config: Config) -> None:
    new = sweep_plan.plan_sweep(SweepIn(recipe=recipe), config)
    assert new.name == RECIPES[recipe].title
    assert len(new.trials) >= 1
    assert all(trial.seed is not None for trial in new.trials)


@pytest.mark.slow
def test_the_demo_shows_what_is_said_of_it(config: Config) -> None:
    """Of three rates from one end to the other nothing moves, one is good, one explodes."""
    new = sweep_plan.plan_sweep(SweepIn.model_validate(DEMO), config)
    found = new.space.distributions["lr"]
    assert isinstance(found, LogUniform)
    low, high = found.low, found.high
    each = [replace(new.trials[0], lr=lr, reg=1e-3) for lr in (low, math.sqrt(low * high) * 10, high)]
    curves: list[list[Epoch]] = [[], [], []]
    digits = catalog.load("digits", config.home, None)
    with threadpool_limits(1):
        for step in train(
            [Member(n, one) for n, one in enumerate(each)], make_split(digits, each[0]), seed=0
        ):
            for row in step.epochs:
                curves[row.key].append(row)
    still, good, wild = curves
    assert still[0].data_loss - still[-1].data_loss < 0.05
    assert max(row.val_acc for row in good) > 0.95
    assert wild[-1].diverged is not None


def test_what_a_body_says_beside_a_recipe_wins(config: Config) -> None:
    new = sweep_plan.plan_sweep(
        SweepIn(recipe="coarse", settings={"reg": 0.5}, trials=3, seed=4, name="mine"), config
    )
    assert (new.name, len(new.trials), new.seed, new.recipe) == ("mine", 3, 4, "coarse")
    assert set(new.space.distributions) == {"lr"}
    assert {trial.reg for trial in new.trials} == {0.5}


def test_a_name_in_both_the_body_s_space_and_settings_is_refused(config: Config) -> None:
    for recipe in (None, "coarse"):
        body = SweepIn(recipe=recipe, space=SPACE, settings={**FIXED, "lr": 0.1}, trials=2)
        with pytest.raises(Invalid) as invalid:
            sweep_plan.plan_sweep(body, config)
        assert "settings.lr" in fields(invalid)


@pytest.mark.parametrize(
    ("val", "train", "bad"),
    [
        (1499, None, None),
        (1500, None, "val_count"),
        (0, 1500, None),
        (300, 1200, None),
        (300, 1201, "train_count"),
    ],
)
def test_the_parts_must_fit_the_data_set(
    config: Config, val: int, train: int | None, bad: str | None
) -> None:
    assert catalog.find_summary("digits", config.home, None).n_train == 1500
    body = SweepIn(space=SPACE, trials=1, settings={"val_count": val, "train_count": train})
    if bad is None:
        assert len(sweep_plan.plan_sweep(body, config).trials) == 1
        return
    with pytest.raises(Invalid) as invalid:
        sweep_plan.plan_sweep(body, config)
    assert fields(invalid) == {f"settings.{bad}"}


def test_epochs_in_all_are_limited(config: Config) -> None:
    trials = sweep_plan.MAX_EPOCH_ROWS // 10_000
    settings = {"val_count": 300, "epochs": 10_000}
    assert sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=trials, settings=settings), config)
    with pytest.raises(Invalid) as invalid:
        sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=trials + 1, settings=settings), config)
    assert fields(invalid) == {"trials"}


def test_more_trials_go_on_where_the_sweep_ended(config: Config, sqlite_database: Database) -> None:
    stored = store(
        sqlite_database, sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=3, settings=FIXED, seed=2), config)
    )
    longer = sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=5, settings=FIXED, seed=2), config)
    assert sweep_plan.plan_more_trials(MoreTrials(trials=2), stored, 0, config) == longer.trials[3:]


def test_a_sweep_cannot_grow_past_the_epochs_it_may_have(config: Config, sqlite_database: Database) -> None:
    plan = sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=1, settings=FIXED), config)
    stored, more, most = store(sqlite_database, plan), MoreTrials(trials=1), sweep_plan.MAX_EPOCH_ROWS
    assert sweep_plan.plan_more_trials(more, stored, most - FIXED["epochs"], config)
    with pytest.raises(Invalid, match=r"beside 5,000,000 that the sweep has; a sweep may have 5,000,000"):
        sweep_plan.plan_more_trials(more, stored, most, config)


def test_the_finer_sweep_takes_what_is_proposed_and_what_is_asked(
    config: Config, sqlite_database: Database
) -> None:
    parent = store(
        sqlite_database, sweep_plan.plan_sweep(SweepIn(space=SPACE, trials=3, settings=FIXED, seed=2), config)
    )
    proposal = Refinement(
        Space.parse({"lr": {"log_uniform": [1e-2, 1e-1]}}),
        {"epochs": 4},
        20,
        (RefinedRange("lr", 1e-2, 1e-1, "Why."),),
    )
    body = sweep_plan.refinement_body(RefinementIn(), parent, proposal)
    assert (body.trials, body.seed, body.settings["epochs"], body.settings["val_count"]) == (20, 2, 4, 300)
    assert body.space == Space({"lr": LogUniform(1e-2, 1e-1)})
    fixed = sweep_plan.refinement_body(RefinementIn(settings={"lr": 0.05}, trials=2), parent, proposal)
    assert not fixed.space
    assert {trial.lr for trial in sweep_plan.plan_sweep(fixed, config, parent_id=parent.id).trials} == {0.05}


def test_an_estimate_grows_with_the_work_and_falls_with_the_workers(config: Config) -> None:
    summary = catalog.find_summary("digits", config.home, None)
    trials = [Settings.parse({"epochs": 10, "val_count": 300})] * 8
    one = sweep_plan.estimate_seconds(trials, summary, 1e9, 1)
    assert sweep_plan.estimate_seconds(trials, summary, 1e9, 2) == pytest.approx(one / 2)
    assert sweep_plan.estimate_seconds(trials * 2, summary, 1e9, 1) == pytest.approx(one * 2)
    assert sweep_plan.estimate_seconds(trials, summary, None, 1) > 0


def store(database: Database, new: sweep_actions.NewSweep) -> Sweep:
    with database.write() as c:
        return sweep_actions.create(c, new, 0.0)


@pytest.mark.parametrize(
    ("fields_given", "named"),
    [
        ({"dataset": "nowhere"}, {"dataset", "trials"}),
        ({"dataset": "nowhere", "recipe": "nothing", "trials": 3}, {"dataset", "recipe"}),
        ({"space": {"lr": {"uniform": [0.1, 1]}}, "settings": {"lr": 1}}, {"trials", "settings.lr"}),
    ],
)
def test_what_only_the_whole_plan_shows_is_told_in_one_round(
    config: Config, fields_given: dict[str, Any], named: set[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        sweep_plan.plan_sweep(SweepIn(**fields_given), config)
    assert fields(caught) == named

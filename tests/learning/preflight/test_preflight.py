"""The checks before a search pass on sound data and nets, and fail on the right one for each fault."""

import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learning.data import catalog
from learning.data.dataset import Dataset, Split, make_split
from learning.preflight import data_checks, preflight, training_checks
from learning.preflight.check_result import Check, check_at_most, summarise_checks
from learning.preflight.lr_probe import probe_rates
from learning.search.recipes import plan_recipe
from learning.settings import Settings
from learning.training.group import Group
from learning.training.net import Pass
from learning.training.updates import Updater


def plan(name: str = "digits", **values: object) -> Settings:
    return Settings.parse({**plan_recipe("coarse", name).settings, "seed": 0, **values})


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return catalog.load("digits", tmp_path_factory.mktemp("home"), None)


@pytest.fixture(scope="module")
def split(digits: Dataset) -> Split:
    return make_split(digits, plan())


def run(split: Split, settings: Settings, dataset: str = "digits") -> dict[str, Check]:
    found = [check for check in preflight.run_checks(split, settings, dataset) if check is not None]
    return {check.code: check for check in found}


def failed(found: dict[str, Check]) -> list[str]:
    return [code for code, check in found.items() if not check.passed]


def test_digits_pass_every_check(split: Split) -> None:
    found = run(split, plan())
    assert tuple(found) == preflight.CHECK_CODES
    assert failed(found) == []
    assert all(check.curve and check.sentence.endswith(".") for check in found.values())
    assert "2.3026" in found["chance-loss"].sentence
    assert found["overfit-tiny"].curve[-1] == (200.0, found["overfit-tiny"].figure)
    assert "Workable: 0.01 to 0.32" in found["lr-probe"].sentence


@pytest.mark.slow
@pytest.mark.cifar10
def test_cifar10_passes_and_finds_the_lectures_range(tmp_path: Path) -> None:
    if "LOSSDECK_DATA" not in os.environ:
        pytest.skip("LOSSDECK_DATA does not say where CIFAR-10 is")
    data = catalog.load("cifar10", tmp_path, Path(os.environ["LOSSDECK_DATA"]))
    settings = plan("cifar10")
    found = run(make_split(data, settings), settings, "cifar10")
    assert failed(found) == []
    assert "Workable: 3.2e-4 to 0.001" in found["lr-probe"].sentence
    assert "it barely moves, yet val accuracy" in found["lr-probe"].sentence


@pytest.mark.parametrize(
    "net", [{"hidden": []}, {"hidden": [30, 20], "init": "he"}, {"activation": "tanh", "init": "xavier"}]
)
def test_other_nets_pass_too(split: Split, net: dict[str, Any]) -> None:
    assert failed(run(split, plan(**net))) == []


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_wrong_gradient_of_any_parameter_is_named(
    split: Split, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Pass.backward

    def wrong(self, X, y, scale):  # type: ignore[no-untyped-def]
        for one in backward(self, X, y, scale):
            yield replace(one, delta=one.delta * 1.0001) if one.name == name else one

    monkeypatch.setattr(Pass, "backward", wrong)
    found = training_checks.check_gradient(split, plan())
    assert not found.passed
    assert f"The gradient of {name} is not the derivative" in found.sentence
    assert [place for place, error in found.curve if error > 1e-7] == [
        ["W1", "b1", "W2", "b2"].index(name) + 1
    ]


def test_a_loss_without_the_penalty_is_seen(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Updater, "penalty", lambda self: 0.0)
    found = training_checks.check_reg_raises_loss(split, plan())
    assert not found.passed
    assert found.figure == pytest.approx(0, abs=1e-9)


def test_a_loss_that_is_not_the_mean_is_seen(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Group._step
    monkeypatch.setattr(Group, "_step", lambda self, *given: 2 * step(self, *given))
    found = training_checks.check_chance_loss(split, plan())
    assert not found.passed
    assert "the cost is 4.6052" in found.sentence


def test_weights_that_are_not_small_are_told_but_no_fault(split: Split) -> None:
    found = training_checks.check_chance_loss(split, plan(init="he"))
    assert found.passed
    assert "The weights of these settings begin at" in found.sentence


def test_shuffled_labels_are_learnt_by_heart_but_do_not_hold(digits: Dataset) -> None:
    y = np.random.default_rng(0).permutation(digits.y_train)
    found = run(make_split(replace(digits, y_train=y, folder=None), plan()), plan())
    assert failed(found) == ["learns"]
    assert "are the labels right" in found["learns"].sentence


def test_constant_pixels_fail(digits: Dataset) -> None:
    X = np.full_like(digits.X_train, 7)
    found = run(make_split(replace(digits, X_train=X, folder=None), plan()), plan())
    assert failed(found) == ["data", "overfit-tiny", "lr-probe", "learns"]
    assert "64 of 64 features have the same value" in found["data"].sentence
    assert "Look at the initial weights, the preprocessing and reg" in found["lr-probe"].sentence


def test_labels_from_1_end_the_preflight_at_its_first_check(digits: Dataset) -> None:
    found = run(make_split(replace(digits, y_train=digits.y_train + 1, folder=None), plan()), plan())
    assert failed(found) == list(found) == ["data"]
    assert "Labels run from 1 to 10, but those of 10 classes are 0 to 9" in found["data"].sentence


def test_a_class_without_examples_fails(digits: Dataset) -> None:
    y = np.where(digits.y_train == 3, 4, digits.y_train)
    found = data_checks.check_data(make_split(replace(digits, y_train=y, folder=None), plan()))
    assert not found.passed
    assert "No training example has label 3" in found.sentence


def test_numbers_that_are_not_finite_are_named_and_break_nothing(digits: Dataset) -> None:
    X = digits.X_train.astype(np.float32)
    X[5, 7] = math.nan
    settings = plan(preprocess="none")
    found = run(make_split(replace(digits, X_train=X, folder=None), settings), settings)
    assert "data" in failed(found)
    assert "1 example with a number that is not finite" in found["data"].sentence


@pytest.mark.parametrize(("repeated", "passed"), [(15, True), (16, False)])
def test_a_val_part_that_repeats_the_train_part_fails(split: Split, repeated: int, passed: bool) -> None:
    """0.05 of 300 rows are allowed."""
    X = split.X.copy()
    X[split.val_rows[:repeated]] = X[split.train_rows[:repeated]]
    assert data_checks.check_data(replace(split, X=X)).passed == passed


def test_a_val_part_that_was_asked_to_be_the_train_part_is_no_fault(digits: Dataset) -> None:
    settings = plan(val_count=0, train_count=100)
    assert data_checks.check_data(make_split(digits, settings)).passed


def test_the_caller_may_stop_in_between(split: Split) -> None:
    steps = preflight.run_checks(split, plan(), "digits")
    assert [step.code if step else None for step in (next(steps) for _ in range(6))] == [
        *preflight.CHECK_CODES[:4],
        None,
        None,
    ]


def probed(digits: Dataset, scale: float, **values: object) -> Check:
    """The learning rate check of the digits with other numbers."""
    settings = plan(**values)
    X = (digits.X_train * scale).astype(np.float32)
    found = list(probe_rates(make_split(replace(digits, X_train=X, folder=None), settings), settings))
    assert found[-2] is not None
    return found[-2]


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        (1e6, {}),  # workable below 1e-6
        (1e-2, {"init": "he", "preprocess": "none"}),
        (1, {"activation": "tanh", "init": "xavier"}),
        (1, {"update": "adam", "init": "he"}),
        (1, {"hidden": []}),
        (1, {"hidden": [30, 30], "init": "he"}),
    ],
)
def test_both_ends_of_the_workable_rates_are_found_on_any_scale(
    digits: Dataset, scale: float, values: dict[str, Any]
) -> None:
    found = probed(digits, scale, **values)
    assert found.passed
    assert found.span is not None
    low, high = found.span
    slowest, fastest = found.curve[0], found.curve[-1]
    assert slowest[0] < low < high < fastest[0]
    assert re.search(r"From .* on the cost (explodes|stays high)\.", found.sentence)
    assert "it barely moves" in found.sentence
    assert [x for x, _ in found.curve] == sorted(x for x, _ in found.curve)


def test_a_penalty_that_shrinks_is_no_learning(digits: Dataset) -> None:
    found = probed(digits, 1, reg=10.0)
    assert not found.passed
    assert found.span is None
    assert "and reg" in found.sentence


def test_a_cost_that_only_falls_to_that_of_guessing_is_told_from_wrong_labels(digits: Dataset) -> None:
    settings = plan(hidden=[7], init="he", preprocess="standardise", reg=10.0)
    found = list(probe_rates(make_split(digits, settings), settings))
    assert found[-1] is not None
    assert not found[-1].passed
    assert "the cost only fell to that of guessing" in found[-1].sentence


def test_features_of_very_different_scale_fail_unless_standardised(digits: Dataset) -> None:
    X = digits.X_train.astype(np.float32)
    X[:, 28] *= 1e4
    wide = replace(digits, X_train=X, folder=None)
    found = data_checks.check_data(make_split(wide, plan()))
    assert not found.passed
    assert "Feature 28 spreads" in found.sentence
    assert "preprocess with standardise" in found.sentence
    assert data_checks.check_data(make_split(wide, plan(preprocess="standardise"))).passed


def test_unequal_classes_are_told_but_no_fault(digits: Dataset) -> None:
    rows = np.flatnonzero((digits.y_train == 0) | (np.arange(len(digits.y_train)) % 9 == 0))
    few = replace(digits, X_train=digits.X_train[rows], y_train=digits.y_train[rows], folder=None)
    found = data_checks.check_data(make_split(few, plan(val_count=20)))
    assert found.passed
    assert "always naming class 0 is right in 5" in found.sentence


def test_the_same_example_under_two_labels_cannot_be_learnt_by_heart(digits: Dataset) -> None:
    X = digits.X_train.copy()
    X[1] = X[0]
    assert digits.y_train[0] != digits.y_train[1]
    settings = plan()
    split = make_split(replace(digits, X_train=X, folder=None), settings)
    *_, found = training_checks.check_overfit_tiny(split, preflight.plan_tiny(settings, "digits"))
    assert found is not None
    assert not found.passed
    assert "2 of them are the same as one with another label" in found.sentence


def test_all_answers_in_a_sentence() -> None:
    good = check_at_most("data", "", 0.0, 0.0, "", ())
    bad, worse = (
        check_at_most("gradient", "", 1.0, 0.0, "", ()),
        check_at_most("learns", "", math.nan, 0.0, "", ()),
    )
    assert summarise_checks([good, good]) == "all 2 checks passed"
    assert summarise_checks([good, bad]) == "gradient did not pass"
    assert summarise_checks([good, bad, worse]) == (
        "gradient, learns did not pass; mend gradient first, for the others may follow from it"
    )

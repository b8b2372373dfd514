"""Refinement and edges: where the next range lies, in which words, and how often they are right."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from learning.diagnosis.findings import Result
from learning.diagnosis.range_edges import extend_end, touched_edges
from learning.errors import NothingToRefine
from learning.refinement.refinement import (
    MIN_RANGE_SHARE,
    RangeChange,
    Refinement,
    list_range_changes,
    refine,
)
from learning.search.space import Choice, Integer, LogUniform, Space, Uniform, draw_trials
from learning.settings import Settings

SPACE = Space.parse({"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"log_uniform": [1e-5, 1e5]}})


def sweep(space: Space, accuracy: Callable[[Settings], float], n: int = 100, seed: int = 0) -> list[Result]:
    return [Result(s, "finished", accuracy(s)) for s in draw_trials(space, {"epochs": 5}, n, "random", seed)]


def peak(**at: float) -> Callable[[Settings], float]:
    """Best at these values, falling off with the square of the decades between."""
    return lambda s: (
        0.53 - sum(0.05 * math.log10(getattr(s, name) / value) ** 2 for name, value in at.items())
    )


def bound(refinement: Refinement, name: str) -> tuple[float, float]:
    (found,) = [reason for reason in refinement.reasons if reason.parameter == name]
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_an_optimum_inside_is_closed_in_on() -> None:
    refined = refine(SPACE, sweep(SPACE, peak(lr=3e-5, reg=0.1)))
    for name, optimum, old in (("lr", 3e-5, (1e-6, 1e-3)), ("reg", 0.1, (1e-5, 1e5))):
        low, high = bound(refined, name)
        assert old[0] < low < optimum < high < old[1]
        assert math.log(high / low) < 0.75 * math.log(old[1] / old[0])
    words = {word.parameter: word.sentence for word in refined.reasons}
    assert words["lr"].startswith("lr: low end raised from 1e-6 to ")
    assert "; high end lowered from 0.001 to " in words["lr"]
    assert "because the best 5 lie at or above" in words["lr"]


def test_an_end_that_rounding_leaves_where_it_was_is_called_kept() -> None:
    """The window ends a hair before the range does: at 2.5e-4 in two digits, where it was."""
    space = Space.parse({"lr": {"log_uniform": [4.1e-5, 2.5e-4]}})
    at = np.linspace(0.5, 0.88, 5)
    trials = [
        Result(Settings(lr=4.1e-5 * (2.5e-4 / 4.1e-5) ** u), "finished", 0.5 - 0.01 * n)
        for n, u in enumerate([*at, 0.1, 0.2, 0.3])
    ]
    (words,) = refine(space, trials).reasons
    assert words.high == 2.5e-4
    assert words.sentence.endswith("high end kept at 2.5e-4, because the best 5 come close to it.")


@pytest.mark.parametrize(("optimum", "end"), [(3e-3, "high"), (3e-7, "low")])
def test_an_end_that_the_best_touch_is_extended(optimum: float, end: str) -> None:
    refined = refine(SPACE, sweep(SPACE, peak(lr=optimum, reg=0.1)))
    low, high = bound(refined, "lr")
    assert low < optimum < high
    assert (high > 1e-3) == (end == "high")
    assert (low < 1e-6) == (end == "low")
    assert f"{end} end extended from" in refined.reasons[0].sentence


def test_a_parameter_that_does_not_matter_keeps_its_range() -> None:
    rng = np.random.default_rng(0)
    kept = 0
    for seed in range(40):
        noise = rng.normal(0, 1e-3, 100).tolist()
        trials = [
            Result(t.settings, "finished", (t.best_val_acc or 0) + e)
            for t, e in zip(sweep(SPACE, peak(lr=3e-5), seed=seed), noise, strict=True)
        ]
        low, high = bound(refine(SPACE, trials), "reg")
        kept += math.log10(high / low) >= 7.5  # of ten decades
    assert kept >= 20


def test_longer_and_fewer() -> None:
    refined = refine(SPACE, sweep(SPACE, peak(lr=3e-5)))
    assert refined.settings_changes == {"epochs": 10}
    assert refined.trials == 50
    assert refine(SPACE, sweep(SPACE, peak(lr=3e-5), n=8)).trials == 20
    space = Space.parse({"epochs": {"integer": [1, 50]}})
    trials = [Result(s, "finished", s.epochs / 100) for s in draw_trials(space, {}, 30, "random", 0)]
    assert refine(space, trials).settings_changes == {}


def test_whole_numbers_stay_whole_and_settings_limits_hold() -> None:
    space = Space.parse(
        {
            "hidden": {"integer": [10, 100]},
            "momentum": {"uniform": [0.0, 0.9]},
            "lr_decay": {"uniform": [0.5, 1.0]},
        }
    )
    trials = [
        Result(s, "finished", 0.3 + s.hidden[0] / 1000 + s.momentum / 10 + s.lr_decay / 10)
        for s in draw_trials(space, {}, 100, "random", 0)
    ]
    refined = refine(space, trials).space.distributions
    hidden, momentum, decay = refined["hidden"], refined["momentum"], refined["lr_decay"]
    assert isinstance(hidden, Integer)
    assert hidden.high > 100
    assert isinstance(momentum, Uniform)
    assert 0.9 < momentum.high < 1.0
    assert isinstance(decay, Uniform)
    assert decay.high == 1.0
    assert draw_trials(Space(refined), {}, 20, "sobol", 0)


@pytest.mark.parametrize(
    ("name", "distribution", "low", "high"),
    [
        ("lr", LogUniform(1e-4, 1e-3), 3.2e-5, 3.2e-3),
        ("reg", Uniform(0.0, 2.0), None, 3.0),
        ("dropout", Uniform(0.0, 0.8), None, 0.88),
        ("momentum", Uniform(0.5, 0.99), 0.26, None),
        ("epochs", Integer(1, 3), None, 4),
        ("hidden", Integer(1000, 4096), 226, None),
    ],
)
def test_extend_as_far_as_the_setting_allows(
    name: str, distribution: LogUniform | Uniform | Integer, low: float | None, high: float | None
) -> None:
    for end, expected in (("low", low), ("high", high)):
        found = extend_end(name, distribution, end)
        assert found == (None if expected is None else pytest.approx(expected, rel=0.1))


def test_choices_that_were_tried_and_never_came_near_are_dropped() -> None:
    space = Space.parse(
        {"update": {"choice": ["sgd", "adam", "rmsprop"]}, "lr": {"log_uniform": [1e-4, 1e-2]}}
    )
    worth = {"sgd": 0.5, "adam": 0.48, "rmsprop": 0.2}
    trials = [
        Result(s, "finished", worth[s.update] - math.log10(s.lr / 1e-3) ** 2 / 10)
        for s in draw_trials(space, {}, 60, "random", 0)
    ]
    refined = refine(space, trials)
    assert refined.space.distributions["update"] == Choice(("sgd", "adam"))
    (words,) = [word for word in refined.reasons if word.parameter == "update"]
    assert (words.low, words.high) == (None, None)
    assert words.sentence == "update: rmsprop dropped, because no trial with it is among the better fifth."
    few = refine(space, trials[:5])
    assert few.space.distributions["update"] == space.distributions["update"]


def test_what_cannot_be_refined_is_said_clearly() -> None:
    with pytest.raises(NothingToRefine, match="None of the 0 trials has finished"):
        refine(SPACE, [])
    unfinished = [Result(Settings(), state, 0.9) for state in ("diverged", "running", "failed", "stopped")]
    with pytest.raises(NothingToRefine, match="None of the 4 trials has finished"):
        refine(SPACE, unfinished)
    with pytest.raises(NothingToRefine, match="Nothing varies"):
        refine(Space.parse({}), [Result(Settings(), "finished", 0.5)])
    assert issubclass(NothingToRefine, ValueError)


def test_a_single_finished_trial_is_enough_for_a_careful_step() -> None:
    trials = [Result(Settings(lr=3e-5, reg=1.0), "finished", 0.4)]
    low, high = bound(refine(SPACE, trials), "lr")
    assert low < 3e-5 < high
    assert math.log(high / low) >= 0.9 * MIN_RANGE_SHARE * math.log(1e3)


def test_points_outside_the_range_and_points_without_a_number() -> None:
    space = Space.parse({"batch_size": {"integer": [50, 200]}, "lr": {"log_uniform": [1e-4, 1e-3]}})
    trials = [Result(Settings(batch_size="full", lr=lr), "finished", 0.4) for lr in (5e-3, 6e-3, 4e-3)]
    refined = refine(space, trials)
    assert refined.space.distributions["batch_size"] == Integer(50, 200)
    low, high = bound(refined, "lr")
    assert low < high
    assert high > 1e-3


def test_a_proposal_is_a_valid_space_in_json() -> None:
    rng = np.random.default_rng(1)
    space = Space.parse(
        {
            "lr": {"log_uniform": [1e-6, 1e-3]},
            "momentum": {"uniform": [0, 0.99]},
            "epochs": {"integer": [1, 4]},
            "hidden": {"choice": [[], [50], [20, 20]]},
        }
    )
    for seed in range(60):
        trials = [
            Result(s, "finished", float(a))
            for s, a in zip(draw_trials(space, {}, 12, "random", seed), rng.random(12), strict=True)
        ]
        refined = refine(space, trials)
        assert Space.parse(json.loads(json.dumps(refined.space.to_dict()))) == refined.space
        assert {word.parameter for word in refined.reasons} == set(space.distributions)


# Under noise: surfaces over one to three parameters, on the unit cube as exponents of reg, lr and init_scale.

NAMES = ("lr", "reg", "init_scale")
NOISE = 0.015  # sqrt(0.3 * 0.7 / 1000): the standard error of an accuracy of 0.3 on a thousand images


class Surface:
    """A bump of accuracy with its top at `at`, wide or narrow; half are steeper on the first high side."""

    def __init__(self, rng: np.random.Generator, d: int, outside: bool) -> None:
        self.at = rng.uniform(0.25, 0.75, d)
        if outside:
            self.at[0] = rng.choice([rng.uniform(-0.2, -0.05), rng.uniform(1.05, 1.2)])
        self.width = rng.uniform(0.4, 0.8, d)
        self.cliff = rng.choice([1.0, 2.0])
        self.rng = rng

    def trials(self, space: Space, n: int, seed: int) -> list[Result]:
        drawn = draw_trials(space, {}, n, "random", seed)
        u = np.array([[math.log10(getattr(s, name)) for name in space.distributions] for s in drawn])
        z = (u - self.at) / self.width
        z[:, 0] *= np.where(z[:, 0] > 0, self.cliff, 1.0)
        accuracy = 0.1 + 0.43 * np.exp(-(z**2).sum(axis=1)) + self.rng.normal(0, NOISE, n)
        return [Result(s, "finished", float(a)) for s, a in zip(drawn, accuracy, strict=True)]


def unit_space(d: int) -> Space:
    return Space.parse({name: {"log_uniform": [1.0, 10.0]} for name in sorted(NAMES[:d])})


def ends_touched(space: Space, trials: Sequence[Result], notes: bool = True) -> set[tuple[str, str]]:
    """Ends that the rule names; without notes only those that it warns of."""
    return {(e.parameter, e.end) for e in touched_edges(space, trials) if notes or e.clear}


@pytest.mark.slow
def test_the_edge_rule_on_two_hundred_noisy_surfaces() -> None:
    """Optimum outside: fires at that end in 95 %. Optimum in the middle half: in at most 10 %, at any end."""
    rng = np.random.default_rng(7)
    seen = false_alarms = 0
    for number in range(200):
        space = unit_space(1 + number % 2)
        first = next(iter(space.distributions))
        outside = Surface(rng, len(space.distributions), outside=True)
        end = "high" if outside.at[0] > 1 else "low"
        seen += (first, end) in ends_touched(space, outside.trials(space, 100, number))
        inside = Surface(rng, len(space.distributions), outside=False)
        false_alarms += bool(ends_touched(space, inside.trials(space, 100, number)))
    assert seen >= 190
    assert false_alarms <= 20


@pytest.mark.slow
def test_the_edge_rule_where_the_second_setting_does_not_matter() -> None:
    """The case in which "the best lies in the outer tenth" alone gives false alarms: noted, not warned of."""
    rng = np.random.default_rng(17)
    seen = false_alarms = 0
    for number in range(200):
        space = unit_space(2)
        for outside in (True, False):
            surface = Surface(rng, 2, outside=outside)
            surface.width[1] = 1e6
            first = next(iter(space.distributions))
            touched = ends_touched(space, surface.trials(space, 100, number), notes=False)
            if outside:
                seen += (first, "high" if surface.at[0] > 1 else "low") in touched
            else:
                false_alarms += bool(touched)
    assert seen >= 190
    assert false_alarms <= 20


@pytest.mark.slow
def test_two_rounds_keep_the_optimum_and_shrink_the_volume() -> None:
    rng = np.random.default_rng(11)
    inside, shrunk = 0, []
    for number in range(200):
        space = unit_space(2)
        surface = Surface(rng, 2, outside=False)
        for n in (100, 50):
            space = refine(space, surface.trials(space, n, number)).space
        logs = [(math.log10(d.low), math.log10(d.high)) for d in space.numeric_ranges().values()]
        inside += all(low <= at <= high for (low, high), at in zip(logs, surface.at, strict=True))
        shrunk.append(math.prod(1 / (high - low) for low, high in logs))
    assert inside >= 190
    assert sum(times >= 10 for times in shrunk) >= 190


@pytest.mark.slow
def test_an_optimum_outside_is_inside_after_two_rounds() -> None:
    rng = np.random.default_rng(13)
    inside = 0
    for number in range(200):
        space = unit_space(1 + number % 2)
        surface = Surface(rng, len(space.distributions), outside=True)
        for n in (100, 50):
            space = refine(space, surface.trials(space, n, number)).space
        logs = [(math.log10(d.low), math.log10(d.high)) for d in space.numeric_ranges().values()]
        inside += all(low <= at <= high for (low, high), at in zip(logs, surface.at, strict=True))
    assert inside >= 190


def test_each_end_shrank_was_extended_or_was_kept() -> None:
    old = Space.parse({"lr": {"log_uniform": [1e-4, 1e-1]}, "dropout": {"uniform": [0.0, 0.5]}})
    new = Space.parse({"lr": {"log_uniform": [1e-3, 1.0]}, "dropout": {"uniform": [0.0, 0.25]}})
    assert set(list_range_changes(old, new)) == {
        RangeChange("lr", "low", 1e-4, 1e-3, "shrunk"),
        RangeChange("lr", "high", 1e-1, 1.0, "extended"),
        RangeChange("dropout", "low", 0.0, 0.0, "kept"),
        RangeChange("dropout", "high", 0.5, 0.25, "shrunk"),
    }
    assert {change.kind for change in list_range_changes(new, old)} == {"extended", "shrunk", "kept"}


def test_what_only_one_search_has_or_what_has_no_ends_did_not_move() -> None:
    old = Space.parse({"update": {"choice": ["sgd", "adam"]}, "lr": {"log_uniform": [1e-4, 1e-1]}})
    new = Space.parse({"update": {"choice": ["adam"]}, "reg": {"log_uniform": [1e-4, 1e-1]}})
    assert list_range_changes(old, new) == ()

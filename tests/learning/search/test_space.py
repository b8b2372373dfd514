"""Spaces: what is refused and how, and what every draw must hold."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from learning.errors import Invalid
from learning.search.samplers import grid_shape
from learning.search.space import Choice, Integer, LogUniform, Space, Uniform, build_trials, draw_trials
from learning.settings import MAX_RATE, Settings

SPACE = {
    "lr": {"log_uniform": [1e-6, 1e-3]},
    "momentum": {"uniform": [0, 0.9]},
    "batch_size": {"integer": [50, 200]},
    "update": {"choice": ["sgd", "adam"]},
    "hidden": {"choice": [[50], [100, 20]]},
}
quick = hypothesis_settings(max_examples=40, deadline=None)


def logs(low: float, high: float) -> st.SearchStrategy[dict[str, object]]:
    ends = st.lists(st.floats(low, high), min_size=2, max_size=2, unique=True).map(sorted)
    return ends.map(lambda pair: {"log_uniform": pair})


spaces = st.fixed_dictionaries(
    {},
    optional={
        "lr": logs(1e-8, 1e3),
        "reg": st.one_of(logs(1e-9, MAX_RATE), st.just({"uniform": [0.0, 5.0]})),
        "momentum": st.floats(0.0, 0.9).map(lambda low: {"uniform": [low, 0.95]}),
        "epochs": st.tuples(st.integers(1, 50), st.integers(51, 99)).map(
            lambda ends: {"integer": list(ends)}
        ),
        "update": st.just({"choice": ["sgd", "adam", "rmsprop"]}),
        "hidden": st.just({"choice": [[], [50], [20, 20]]}),
    },
)


@pytest.mark.parametrize(
    ("name", "spec", "says"),
    [
        ("learning_rate", {"uniform": [0, 1]}, "is no setting; it may be one of hidden,"),
        ("lr", {"log_uniform": [1e-3, 1e-6]}, "the low end must be below the high end"),
        ("lr", {"uniform": [0.1, 0.1]}, "the low end must be below the high end"),
        ("lr", {"log_uniform": [0, 1]}, "both ends of a log range must be above 0"),
        ("reg", {"log_uniform": [-1, 1]}, "both ends of a log range must be above 0"),
        ("lr", {"uniform": [0.1, math.inf]}, "give two finite numbers"),
        ("lr", {"uniform": [math.nan, 1]}, "give two finite numbers"),
        ("lr", {"uniform": [10**400, 10**401]}, "give two finite numbers"),
        ("lr", {"uniform": [True, 2]}, "give two finite numbers"),
        ("lr", {"uniform": [0.1]}, "give two finite numbers"),
        ("lr", {"uniform": "wide"}, "give two finite numbers"),
        ("lr", {"normal": [0, 1]}, 'write one of {"uniform": [low, high]}'),
        ("lr", {"uniform": [0, 1], "choice": [1]}, "write one of"),
        ("lr", 0.1, "write one of"),
        ("momentum", {"uniform": [0, 1]}, "momentum must be a number at least 0 and below 1, not 1"),
        ("update", {"choice": ["sgd", "sgdd"]}, 'includes "sgdd": update must be one of sgd,'),
        ("update", {"choice": []}, "give a list of one value or more"),
        ("hidden", {"choice": [[50], [50]]}, "list each value once"),
        ("hidden", {"choice": [[0]]}, "hidden must be a list of at most"),
        ("activation", {"uniform": [0, 1]}, 'list its values as {"choice": [...]}'),
        ("epochs", {"uniform": [1, 5]}, 'write {"integer": [low, high]} or a choice'),
        ("epochs", {"integer": [1.5, 5]}, "the ends of an integer range are whole numbers"),
        ("epochs", {"integer": [0, 5]}, "includes 0: epochs must be a whole number from 1"),
    ],
)
def test_refusals_name_the_field_and_what_would_do(name: str, spec: object, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        Space.parse({name: spec})
    (error,) = caught.value.errors
    assert error.field == f"space.{name}"
    assert says in error.message
    assert error.message.endswith(".")


def test_every_bad_entry_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        Space.parse({"lr": {"uniform": [2, 1]}, "foo": 1, "momentum": {"uniform": [0, 0.9]}})
    assert {error.field for error in caught.value.errors} == {"space.lr", "space.foo"}


def test_a_hostile_value_does_not_fill_the_message() -> None:
    with pytest.raises(Invalid) as caught:
        Space.parse({"lr": {"uniform": ["x" * 10_000]}})
    assert len(str(caught.value)) < 200


def test_parse_reads_each_kind() -> None:
    assert dict(Space.parse(SPACE).distributions) == {
        "batch_size": Integer(50, 200),
        "hidden": Choice(((50,), (100, 20))),
        "lr": LogUniform(1e-6, 1e-3),
        "momentum": Uniform(0.0, 0.9),
        "update": Choice(("sgd", "adam")),
    }


@quick
@given(spaces)
def test_json_round_trip(spec: dict[str, object]) -> None:
    space = Space.parse(spec)
    assert Space.parse(json.loads(json.dumps(space.to_dict()))) == space


@quick
@given(spaces, st.sampled_from(["random", "grid", "sobol"]), st.integers(0, 2**40), st.integers(0, 33))
def test_draws_lie_within_bounds(spec: dict[str, object], sampler: str, seed: int, count: int) -> None:
    space = Space.parse(spec)
    drawn = draw_trials(space, {}, count, sampler, seed)
    assert len(drawn) == count
    for settings in drawn:
        assert settings.seed is not None
        for name, distribution in space.distributions.items():
            value = getattr(settings, name)
            if isinstance(distribution, Choice):
                assert value in distribution.values
            else:
                assert distribution.low <= value <= distribution.high


@quick
@given(
    spaces, st.sampled_from(["random", "sobol"]), st.integers(0, 99), st.integers(0, 20), st.integers(0, 20)
)
def test_a_later_draw_is_the_suffix_of_a_longer_one(
    spec: dict[str, object], sampler: str, seed: int, first: int, more: int
) -> None:
    space = Space.parse(spec)
    whole = draw_trials(space, {}, first + more, sampler, seed)
    assert draw_trials(space, {}, first, sampler, seed) == whole[:first]
    assert draw_trials(space, {}, more, sampler, seed, start=first) == whole[first:]


def test_the_order_of_the_entries_does_not_matter() -> None:
    backwards = Space.parse(dict(reversed(SPACE.items())))
    assert draw_trials(backwards, {}, 5, "random", 1) == draw_trials(Space.parse(SPACE), {}, 5, "random", 1)


def test_trials_have_their_sweep_s_seed_and_a_given_one_stays() -> None:
    space = Space.parse({})
    assert [s.seed for s in draw_trials(space, {}, 3, "random", 11)] == [11, 11, 11]
    assert [s.seed for s in draw_trials(space, {"seed": 7}, 3, "random", 0)] == [7, 7, 7]
    assert [s.seed for s in draw_trials(Space.parse({"seed": {"choice": [5]}}), {}, 2, "random", 0)] == [5, 5]


def test_log_uniform_is_uniform_in_the_exponent() -> None:
    """Kolmogorov-Smirnov distance of 2,000 draws below the 1 % point, 1.63 / sqrt(n)."""
    space = Space.parse({"reg": {"log_uniform": [1e-5, 1e5]}, "lr": {"log_uniform": [1e-6, 1e-3]}})
    for sampler in ("random", "sobol"):
        drawn = draw_trials(space, {}, 2000, sampler, 0)
        for name, low, span in (("reg", -5, 10), ("lr", -6, 3)):
            u = np.sort([(math.log10(getattr(s, name)) - low) / span for s in drawn])
            steps = np.arange(1, 2001) / 2000
            assert max(np.abs(u - steps).max(), np.abs(u - steps + 1 / 2000).max()) < 1.63 / math.sqrt(2000)


def test_integers_take_both_ends_and_all_between_alike() -> None:
    drawn = draw_trials(Space.parse({"epochs": {"integer": [3, 6]}}), {}, 4000, "random", 0)
    counts = np.bincount([s.epochs for s in drawn], minlength=7)
    assert counts[3:].min() > 900
    assert counts.sum() == counts[3:].sum()


def test_sobol_covers_better_than_chance() -> None:
    space = Space.parse({"momentum": {"uniform": [0, 0.8]}})
    cells = {int(s.momentum / 0.1) for s in draw_trials(space, {}, 8, "sobol", 3)}
    assert cells == set(range(8))


def test_a_grid_is_full_shuffled_and_includes_the_ends() -> None:
    space = Space.parse({"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"uniform": [0, 2]}})
    drawn = draw_trials(space, {}, 9, "grid", 0)
    cells = [(round(math.log10(s.lr), 9), s.reg) for s in drawn]
    assert set(cells) == {(e, r) for e in (-6.0, -4.5, -3.0) for r in (0.0, 1.0, 2.0)}
    assert cells != sorted(cells)
    assert cells != [(round(math.log10(s.lr), 9), s.reg) for s in draw_trials(space, {}, 9, "grid", 1)]


def test_what_a_grid_cannot_hold_and_what_is_added_is_random_by_number() -> None:
    space = Space.parse({"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"uniform": [0, 2]}})
    random = draw_trials(space, {}, 15, "random", 4)
    assert draw_trials(space, {}, 10, "grid", 4)[9:] == random[9:10]
    assert draw_trials(space, {}, 5, "grid", 4, start=10) == random[10:]


@pytest.mark.parametrize(
    ("levels", "count", "shape"),
    [
        ([None, None], 100, (10, 10)),
        ([None, None, None], 100, (5, 5, 4)),
        ([None, 2], 100, (50, 2)),
        ([2, 2], 100, (2, 2)),
        ([None], 1, (1,)),
        ([None, None], 0, (1, 1)),
        ([], 5, ()),
    ],
)
def test_grid_shape(levels: list[int | None], count: int, shape: tuple[int, ...]) -> None:
    assert grid_shape(levels, count) == shape


def test_a_setting_both_fixed_and_searched_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        draw_trials(Space.parse({"lr": {"uniform": [0.1, 1]}}), {"lr": 0.5}, 3, "random", 0)
    (error,) = caught.value.errors
    assert error.field == "settings.lr"
    assert error.message == "lr is 0.5 in settings and also varies in space; keep only one of the two."


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("sampler", ({}, 3, "bayes", 0)),
        ("seed", ({}, 3, "random", -1)),
        ("seed", ({}, 3, "random", None)),
        ("seed", ({}, 3, "random", 1.5)),
        ("trials", ({}, -1, "random", 0)),
        ("trials", ({}, 10**9, "sobol", 0)),
        ("settings.epochs", ({"epochs": 0}, 3, "random", 0)),
        ("settings.color", ({"color": 1}, 3, "random", 0)),
    ],
)
def test_a_bad_request_names_its_field(
    field: str, arguments: tuple[dict[str, object], int, str, int]
) -> None:
    with pytest.raises(Invalid) as caught:
        draw_trials(Space.parse({}), *arguments)
    assert [error.field for error in caught.value.errors] == [field]


def test_points_override_what_is_fixed_and_number_on() -> None:
    points = [{"lr": 0.1}, {"reg": 2.0, "seed": 9}]
    first, second = build_trials(points, {"lr": 0.5, "epochs": 3}, seed=1, start=4)
    assert (first.lr, first.epochs, second.lr, second.reg, second.seed) == (0.1, 3, 0.5, 2.0, 9)
    assert first.seed == draw_trials(Space.parse({}), {}, 1, "random", 1, start=4)[0].seed
    assert isinstance(first, Settings)


def test_bad_points_are_all_named() -> None:
    with pytest.raises(Invalid) as caught:
        build_trials([{"lr": 0.1}, {"lr": -1}, {"foo": 1}, 5], {}, 0)  # type: ignore[list-item]
    assert [error.field for error in caught.value.errors] == ["points[1].lr", "points[2].foo", "points[3]"]
    with pytest.raises(Invalid, match="points is empty"):
        build_trials([], {}, 0)

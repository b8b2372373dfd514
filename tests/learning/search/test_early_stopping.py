"""Stopping rules: what they say of results, what they refuse, and what a sweep under them will cost."""

from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from learning.errors import Invalid
from learning.search.early_stopping import (
    Halving,
    Median,
    Patience,
    RungResult,
    check_rule,
    parse_rule,
)
from learning.settings import Settings
from learning.training.checkpoint_state import TrainingState

quick = hypothesis_settings(max_examples=60, deadline=None)
accuracies = st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.2001, 0.5]), st.floats(0, 1))
results = st.lists(accuracies, min_size=1, max_size=60).map(
    lambda values: [RungResult(number, value) for number, value in enumerate(values)]
)


@quick
@given(results, st.integers(2, 5), st.randoms(use_true_random=False))
def test_who_goes_on_is_the_best_share_whatever_order_they_come_in(
    reached: list[RungResult], factor: int, random: object
) -> None:
    rule = Halving(factor)
    chosen = rule.promote(reached)
    random.shuffle(reached)  # type: ignore[attr-defined]
    assert rule.promote(reached) == chosen
    by_number = {one.number: one.val_acc for one in reached}
    alive = sum(one.val_acc is not None for one in reached)
    assert len(chosen) == min(alive, max(1, len(reached) // factor))
    assert all(by_number[number] is not None for number in chosen)
    for number in chosen:
        for other in by_number.keys() - chosen:
            mine, theirs = by_number[number], by_number[other]
            assert theirs is None or mine is None or mine > theirs or (mine == theirs and number < other)


def test_equal_trials_go_on_by_their_numbers_and_diverged_ones_never_do() -> None:
    tied = [RungResult(number, 0.5) for number in (4, 2, 9, 7, 1, 3)]
    assert Halving(3).promote(tied) == {1, 2}
    assert Halving(3).promote([RungResult(0, None), RungResult(1, None), RungResult(2, 0.1)]) == {2}
    assert Halving(3).promote([RungResult(0, None), RungResult(1, None)]) == frozenset()


@pytest.mark.parametrize(
    ("rule", "total", "rungs"),
    [
        (Halving(), 20, [1, 3, 9]),
        (Halving(), 9, [1, 3]),  # the last epoch is no rung
        (Halving(2, 5), 30, [5, 10, 20]),
        (Halving(3, 5), 5, []),
        (Halving(), 1, []),
    ],
)
def test_rungs_grow_by_the_factor_and_end_before_the_last_epoch(
    rule: Halving, total: int, rungs: list[int]
) -> None:
    assert list(rule.rungs(total)) == rungs
    walked, done = [], 0
    while (rung := rule.next_rung(done, total)) is not None:
        walked.append(rung)
        done = rung
    assert walked == rungs
    assert [rule.rung_number(rung) for rung in rungs] == list(range(1, len(rungs) + 1))


@given(st.integers(0, 500), st.none() | st.integers(2, 600))
def test_brackets_are_even_runs_of_all_trials(count: int, most: int | None) -> None:
    brackets = list(Halving(bracket=most).split_brackets(count))
    assert [number for one in brackets for number in one] == list(range(count))
    sizes = {len(one) for one in brackets}
    assert max(sizes) - min(sizes) <= 1
    assert len(brackets) == (max(1, -(-count // most)) if most else 1)


@quick
@given(st.integers(1, 500), st.integers(2, 5), st.integers(1, 9), st.integers(1, 60))
def test_the_epochs_expected_are_those_of_the_rungs(count: int, factor: int, first: int, total: int) -> None:
    """Against counting trial by trial; whole trials differ from shares by less than one a rung."""
    rule = Halving(factor, first)
    ends = [*rule.rungs(total), total]
    trained, left, start = 0, count, 0
    for end in ends:
        trained += left * (end - start)
        left, start = rule.promoted_count(left), end
    assert abs(rule.expected_epochs(0, total) * count - trained) <= 2 * sum(ends)
    assert rule.expected_epochs(total - 1, total) == 1
    assert rule.expected_epochs(0, total) <= total


def test_a_trial_that_waits_is_expected_to_go_on_as_one_in_factor() -> None:
    assert Halving().expected_epochs(3, 9) == 6.0
    assert Halving().expected_epochs(3, 9, waits=True) == 2.0
    assert Halving().expected_epochs(1, 9, waits=True) == pytest.approx((2 + 6 / 3) / 3)


def test_a_loser_is_told_why_with_the_numbers() -> None:
    told = Halving(3, 2).reason(RungResult(5, 0.31), rung=2, of=33, left=18)
    assert told == (
        "best val accuracy 0.3100 after 2 epochs was not among the best 11 of 33 at rung 1; "
        "18 epochs were not trained"
    )


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0, 1), st.integers(1, 4))
def test_the_median_rule_stops_what_is_worse_than_half(means: list[float], best: float, epoch: int) -> None:
    told = Median(after=2, trials=5).reason(epoch, best, means, left=3)
    stops = epoch >= 2 and len(means) >= 5 and best < median(means)
    assert (told is not None) == stops
    if told:
        assert f"the averages of {len(means)} other trials; 3 epochs were not trained" in told


def test_patience_counts_only_a_rise_above_the_best_before() -> None:
    rule = Patience(epochs=5, by=0.01)
    assert rule.reason(before=0.5, lately=0.52, left=3) is None
    assert rule.reason(before=None, lately=0.1, left=3) is None
    told = rule.reason(before=0.5, lately=0.505, left=1)
    assert told == (
        "val accuracy has not risen more than 0.01 above 0.5000 in the last 5 epochs; 1 epoch was not trained"
    )
    assert Patience().reason(before=0.5, lately=0.5, left=3)
    assert Patience().reason(before=0.5, lately=None, left=3)


@pytest.mark.parametrize(
    "rule", [Halving(), Halving(4, 2, 25), Median(), Median(3, 9), Patience(), Patience(2, 0.5)]
)
def test_a_rule_comes_back_from_its_json_form(rule: Halving | Median | Patience) -> None:
    assert parse_rule(rule.to_dict()) == rule
    (name,) = rule.to_dict()
    assert parse_rule({name: {}}) == type(rule)()


def test_no_rule_is_no_rule() -> None:
    assert parse_rule(None) is None


@pytest.mark.parametrize(
    ("spec", "field", "told"),
    [
        ("halving", "stopping", 'one of halving, median, patience, not "halving"'),
        ({}, "stopping", "one of halving, median, patience, not {}"),
        ({"halving": {}, "median": {}}, "stopping", "one of halving"),
        ({"asha": {}}, "stopping", 'not {"asha": {}}'),
        ({"halving": 3}, "stopping.halving", "an object of factor, first, bracket, not 3"),
        ({"halving": {"factor": 1}}, "stopping.halving.factor", "a whole number from 2 to 100, not 1"),
        ({"halving": {"factor": 2.5}}, "stopping.halving.factor", "not 2.5"),
        (
            {"halving": {"bracket": 1}},
            "stopping.halving.bracket",
            "a whole number from 2 to 1000000, or null, not 1",
        ),
        (
            {"halving": {"eta": 3}},
            "stopping.halving.eta",
            "is not a field; halving has factor, first, bracket",
        ),
        ({"median": {"after": 0}}, "stopping.median.after", "a whole number from 1"),
        ({"patience": {"by": -1}}, "stopping.patience.by", "a number at least 0 and at most 1, not -1"),
        ({"patience": {"epochs": True}}, "stopping.patience.epochs", "not true"),
    ],
)
def test_a_bad_rule_is_refused_by_the_name_of_its_field(spec: object, field: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_rule(spec)
    (error,) = caught.value.errors
    assert error.field == field
    assert told in error.message


def test_halving_without_a_rung_would_stop_nothing_and_is_refused() -> None:
    trials = [Settings(epochs=5), Settings(epochs=3)]
    check_rule(Halving(3, 4), trials)
    check_rule(Median(after=9), trials)
    with pytest.raises(Invalid, match="first is 5, but no trial trains more than 5 epochs"):
        check_rule(Halving(3, 5), trials)


def state(keys: tuple[int, ...], epoch: int = 2) -> TrainingState:
    rows = np.array(keys, np.float32)
    return TrainingState(
        epoch, keys, rows, {"W1": rows[:, None, None]}, {"v.W1": -rows[:, None, None]}, (None,) * len(keys)
    )


def test_states_of_several_groups_join_and_each_trial_keeps_its_own() -> None:
    joined = TrainingState.join([state((1, 2)), state((3,)), state((7, 5))]).select([5, 3, 1])
    assert joined.keys == (5, 3, 1)
    assert joined.epoch == 2
    for array, sign in ((joined.params["W1"], 1), (joined.kept["v.W1"], -1)):
        assert (sign * array).ravel().tolist() == [5.0, 3.0, 1.0]
    assert joined.first_costs.tolist() == [5.0, 3.0, 1.0]


def test_states_that_are_not_equally_far_do_not_join() -> None:
    with pytest.raises(ValueError, match="different epochs"):
        TrainingState.join([state((1,)), state((2,), epoch=3)])

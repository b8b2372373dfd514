import io
from itertools import pairwise

import numpy as np
import pytest

from learning.number_format import format_number
from learning.settings import UPDATES
from learning.training import group as group_module
from learning.training import prediction
from learning.training.checkpoint_state import BestEpoch, TrainingState
from learning.training.group import draw_mini_batches
from learning.training.trainer import (
    TRAIN_SAMPLE_ROWS,
    Member,
    draw_train_sample,
    explain_explosion,
    summarise_costs,
    train,
)
from tests.support.toy_nets import CLASSES, members, run, settings, toy_split

EXPLODES = {"lr": 1e6, "seed": 8}


def saved(state: TrainingState) -> TrainingState:
    """The state after a way through a file."""
    file = io.BytesIO()
    np.savez(file, **state.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return TrainingState.from_arrays(dict(arrays))


def same_bits(a: TrainingState, b: TrainingState) -> bool:
    one, other = a.to_arrays(), b.to_arrays()
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes() for name in one
    )


def drive(group, split, *, keeps=(), **options):
    """Steps with an answer after each: keeps[i] after step i, then None."""
    generator = train(group, split, seed=3, clock=lambda: 0.0, **options)
    steps, answers = [], list(keeps)
    try:
        steps.append(next(generator))
        while True:
            steps.append(generator.send(answers.pop(0) if answers else None))
    except StopIteration:
        return steps


def test_a_group_learns():
    steps = run(members(epochs=15))
    first, last = steps[0].epochs, steps[-1].epochs
    assert [row.epoch for row in last] == [15] * 3
    assert [row.key for row in last] == [10, 11, 12]
    for before, after in zip(first, last, strict=True):
        assert after.loss < before.loss
        assert after.diverged is None
    assert last[0].val_acc > 0.6


def test_an_epoch_row_is_what_it_says():
    group = members({"reg": 0.5, "epochs": 1})
    split = toy_split(group)
    (step,) = run(group, split)
    row, weights = step.epochs[0], step.state.weights(10)
    for rows, accuracy in ((split.train_rows, row.train_acc), (split.val_rows, row.val_acc)):
        scores = prediction.compute_scores(weights, group[0].settings, split.gather(rows))
        assert accuracy == pytest.approx((scores.argmax(axis=1) == split.y[rows]).mean())
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = -np.log(chances[np.arange(len(scores)), split.y[split.val_rows]]).mean()
    assert row.val_loss == pytest.approx(expected, rel=1e-5)
    assert row.loss > row.data_loss
    assert row.lr == 0.05
    assert len(row.trace) == 12
    assert row.loss == pytest.approx(np.mean([mean for _, mean, _ in row.trace]))


def test_seconds_are_each_trials_share():
    ticks = iter([0.0, 6.0, 100.0, 103.0])
    steps = run(members(epochs=2), clock=lambda: next(ticks))
    assert [row.seconds for row in steps[0].epochs] == [2.0] * 3
    assert [row.seconds for row in steps[1].epochs] == [1.0] * 3


def test_a_trial_alone_equals_the_trial_in_a_group_to_rounding():
    group = members({}, {"reg": 0.1}, {"momentum": 0.9}, update="momentum", epochs=3)
    split = toy_split(group)
    together = run(group, split, dtype=np.float64)
    for i, member in enumerate(group):
        alone = run([member], split, dtype=np.float64)
        for step, own in zip(together, alone, strict=True):
            assert own.epochs[0].loss == pytest.approx(step.epochs[i].loss, rel=1e-12)
            assert own.epochs[0].val_acc == step.epochs[i].val_acc


def test_the_order_of_the_members_changes_no_bit():
    group = members({"reg": 0.1}, {}, {}, {})
    split = toy_split(group)
    assert same_bits(run(group, split)[-1].state, run(group[::-1], split)[-1].state)


def test_the_same_group_gives_the_same_bits_and_another_seed_does_not():
    group = members()
    one, same = run(group), run(group)
    assert [step.epochs for step in one] == [step.epochs for step in same]
    assert same_bits(one[-1].state, same[-1].state)
    assert not same_bits(one[-1].state, run(group, seed=4)[-1].state)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("update", UPDATES)
def test_seven_epochs_a_save_and_five_more_equal_twelve(update, dropout):
    each = [
        {"momentum": 0.9, "reg": 0.01},
        {"momentum": 0.5, "lr_decay": 0.9, "schedule": "inverse"},
        {"lr": 0.001},
        {"momentum": 0.2, "reg": 0.1, "lr": 0.02},
        {**EXPLODES, "momentum": 0.95},
    ]
    group = members(*each, update=update, dropout=dropout, epochs=12, hidden=[7, 5])
    split = toy_split(group)
    keeps = [None, None, [10, 11, 13, 14], None, None, None, None, None, [11, 13, 14]]
    whole = drive(group, split, keeps=keeps)
    assert len(whole) == 12
    if update in ("sgd", "momentum", "nesterov"):
        assert whole[0].epochs[4].diverged is not None
        assert 14 not in whole[-1].state.keys
    state = saved(whole[6].state)
    assert same_bits(state, whole[6].state)
    rest = [member for member in group if member.key in state.keys]
    resumed = drive(rest, split, state=state, keeps=keeps[7:])
    assert [step.epochs for step in resumed] == [step.epochs for step in whole[7:]]
    assert same_bits(resumed[-1].state, whole[-1].state)


@pytest.mark.parametrize("update", ["momentum", "nesterov"])
def test_bits_survive_a_resume_when_the_only_momentum_of_the_group_has_left(update):
    group = members({"momentum": 0.9}, {}, {}, update=update, epochs=6)
    split = toy_split(group)
    whole = drive(group, split, keeps=[None, [11, 12]])
    for cut in range(1, 5):
        state = saved(whole[cut].state)
        rest = [member for member in group if member.key != 10]
        resumed = drive(rest, split, state=state)
        assert [step.epochs for step in resumed] == [step.epochs for step in whole[cut + 1 :]]
        assert same_bits(resumed[-1].state, whole[-1].state)


def test_a_state_is_not_changed_by_the_training_that_goes_on():
    group = members(update="adam")
    split = toy_split(group)
    generator = train(group, split, seed=3)
    state = next(generator).state
    before = {name: array.copy() for name, array in state.to_arrays().items()}
    list(generator)
    assert all((array == before[name]).all() for name, array in state.to_arrays().items())
    resumed = run(group, split, state=state)
    assert len(resumed) == 4
    assert all((array == before[name]).all() for name, array in state.to_arrays().items())


def test_the_best_nets_of_a_state_come_through_a_file():
    bests = [
        BestEpoch(2, 0.5, {"W1": np.full((2, 3), 7.0)}),
        None,
        BestEpoch(4, 0.6, {"W1": np.full((2, 3), 2.0)}),
    ]
    bests.append(BestEpoch(1, 0.25, {"W1": np.full((2, 3), 9.0)}))
    params = {"W1": np.stack([np.full((2, 3), float(n)) for n in range(4)])}
    again = saved(TrainingState(4, (3, 5, 6, 8), np.ones(4), params, {}, tuple(bests)))
    for best, other in zip(bests, again.bests, strict=True):
        assert (best is None) == (other is None)
        if best and other:
            assert (best.epoch, best.val_acc) == (other.epoch, other.val_acc)
            assert (best.weights["W1"] == other.weights["W1"]).all()


def test_who_is_not_kept_leaves_and_an_empty_answer_ends_it():
    group = members()
    split = toy_split(group)
    steps = drive(group, split, keeps=[[10, 12], [10, 12, 99], []])
    assert [[row.key for row in step.epochs] for step in steps] == [[10, 11, 12], [10, 12], [10, 12]]
    assert steps[1].state.keys == (10, 12)
    with pytest.raises(KeyError, match="trial 11 is not in this state"):
        steps[1].state.weights(11)


def test_a_diverged_neighbour_changes_no_bit_of_the_epoch_and_leaves():
    """lr is not seen by the first layout: the same stack with a calm neighbour must give the same numbers."""
    calm = members({}, {"lr": 1e-6, "seed": 8}, {})
    sick = members({}, EXPLODES, {})
    split = toy_split(calm)
    one, other = run(calm, split), run(sick, split)
    assert other[0].epochs[1].diverged is not None
    assert [row.key for row in other[1].epochs] == [10, 12]
    for i in (0, 2):
        assert one[0].epochs[i] == other[0].epochs[i]
    assert other[0].state.keys == (10, 12)
    for name, array in one[0].state.weights(12).items():
        assert array.tobytes() == other[0].state.weights(12)[name].tobytes()


def test_a_group_that_diverges_whole_stops_at_once():
    group = members(EXPLODES, {**EXPLODES, "seed": 9})
    (step,) = run(group)
    assert all(row.diverged for row in step.epochs)
    assert all(row.update_ratio == {} for row in step.epochs)
    assert all(len(row.trace) < 12 for row in step.epochs)
    assert step.state.keys == ()
    assert saved(step.state).keys == ()


def test_the_reason_names_the_cost():
    assert explain_explosion(float("nan"), 2.3, 3) == "cost is nan"
    assert explain_explosion(float("inf"), 2.3, 3) == "cost inf is not finite"
    assert explain_explosion(7.314, 2.3026, 3) == "cost 7.31 > 3 x the first cost 2.3"


def test_the_rule_compares_with_the_first_cost_and_its_factor():
    def outcome(explosion):
        group = members(
            {"lr": 2.5, "init": "he", "explosion": explosion}, epochs=1, batch_size=100, update="sgd"
        )
        (step,) = run(group, toy_split(group, rows=2_040))
        return step.epochs[0]

    row = outcome(0)
    assert row.diverged is None
    first, highest = row.trace[0][1], max(part[2] for part in row.trace)
    factor = highest / first
    assert factor > 1.1
    assert outcome(factor * 1.001).diverged is None
    ended = outcome(factor * 0.999)
    assert (
        f"cost {format_number(highest, 3)} > {format_number(factor * 0.999, 6)} x the first cost "
        f"{format_number(first, 3)}" == ended.diverged
    )
    assert ended.trace[-1][2] == highest
    assert ended.loss == pytest.approx(np.mean([part[1] for part in ended.trace]))


def test_the_cost_of_few_examples_is_averaged_before_it_is_held_against_the_first():
    """One example may cost many times as much as another. That is no explosion; one is seen all the same."""

    def epoch(lr):
        (step,) = run(members({"lr": lr, "init": "normal", "init_scale": 0.01}, epochs=1, batch_size=1))
        return step.epochs[0]

    calm = epoch(0.22)
    assert max(part[2] for part in calm.trace) > 3 * np.log(CLASSES)
    assert calm.diverged is None
    assert "x the first cost 1.39" in epoch(0.4).diverged


def test_the_first_cost_has_the_penalty_whatever_the_size_of_a_mini_batch():
    """A penalty that is most of the cost is most of the first cost too: nothing has exploded."""
    for size in (10, 100):
        group = members({"lr": 1e-3, "reg": 10.0, "init": "he"}, epochs=1, batch_size=size)
        (step,) = run(group, toy_split(group, rows=540))
        assert step.epochs[0].diverged is None
        assert step.epochs[0].loss > 4 * step.epochs[0].data_loss
        assert step.state.first_costs[0] == pytest.approx(step.epochs[0].trace[0][1], rel=0.1)


def test_the_first_cost_is_remembered_from_the_first_epoch_through_a_resume():
    """At the second epoch's own first cost the rule would not fire; at that of the first epoch it does."""
    group = members({"lr": 0.05, "explosion": 3}, epochs=4, batch_size=100)
    split = toy_split(group, rows=540)
    state = run(group, split)[1].state
    low = TrainingState.from_arrays(state.to_arrays() | {"first_costs": state.first_costs * 1e-3})
    (step,) = run(group, split, state=low)
    assert step.epochs[0].diverged is not None
    assert len(step.epochs[0].trace) == 1


def test_a_cost_that_is_not_finite_ends_a_trial_without_the_rule_too():
    group = members({**EXPLODES, "explosion": 0})
    steps = run(group)
    assert steps[-1].epochs[0].diverged in ("cost is nan", "cost inf is not finite")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_found_wherever_it_enters(value):
    group = members(epochs=3)
    split = toy_split(group)
    state = run(group, split)[0].state
    for name in state.params:
        sick = {key: array.copy() for key, array in state.to_arrays().items()}
        sick[f"param.{name}"][1] = value
        steps = run(group, split, state=TrainingState.from_arrays(sick))
        assert steps[0].epochs[1].diverged is not None
        assert [row.key for row in steps[1].epochs] == [10, 12]


def test_best_is_the_first_epoch_with_the_highest_accuracy_and_holds_its_weights():
    group = members({}, {}, epochs=12)
    steps = run(group)
    for i, key in enumerate((10, 11)):
        accuracies = [step.epochs[i].val_acc for step in steps]
        best = steps[-1].state.best(key)
        assert best is not None
        assert best.val_acc == max(accuracies)
        assert best.epoch == accuracies.index(max(accuracies)) + 1
        then = steps[best.epoch - 1].state.weights(key)
        assert all((best.weights[name] == then[name]).all() for name in then)


def test_the_best_before_a_divergence_is_not_replaced_by_the_epoch_that_diverged():
    group = members({}, {"lr": 3.0, "momentum": 0.9, "explosion": 3}, update="momentum", epochs=20, reg=1e-6)
    steps = run(group)
    last = next(step for step in steps if any(row.diverged for row in step.epochs))
    assert last.state.keys == (10,)


def test_full_batch_is_one_step_over_all_rows():
    group = members({"batch_size": "full"}, {"batch_size": "full"}, epochs=2)
    steps = run(group)
    assert all(len(row.trace) == 1 for row in steps[0].epochs)
    large = run(members({"batch_size": 9999}, {"batch_size": 9999}, epochs=2))
    assert [step.epochs for step in steps] == [step.epochs for step in large]


@pytest.mark.parametrize("hidden", [[], [7, 5]])
def test_a_batch_too_large_to_hold_is_summed_up_in_chunks(hidden, monkeypatch):
    group = members({"reg": 0.1}, {}, batch_size="full", hidden=hidden, update="adam")
    split = toy_split(group)
    whole = run(group, split, dtype=np.float64)
    monkeypatch.setattr(group_module, "CHUNK_BYTES", 50 * 12 * 8)
    chunks = run(group, split, dtype=np.float64)
    for a, b in zip(whole, chunks, strict=True):
        assert a.epochs[0].loss == pytest.approx(b.epochs[0].loss, rel=1e-10)
    for name, array in whole[-1].state.params.items():
        np.testing.assert_allclose(array, chunks[-1].state.params[name], rtol=1e-8, atol=1e-12)


def test_mini_batches_visit_each_row_at_most_once_and_differ_by_epoch():
    rows = np.arange(100, 203)
    first, again, second = (draw_mini_batches(rows, 10, 3, epoch) for epoch in (1, 1, 2))
    assert first.shape == (10, 10)
    assert len(np.unique(first)) == 100
    assert set(first.flat) <= set(rows)
    assert (first == again).all()
    assert (first != second).any()
    assert (draw_mini_batches(rows, 10, 4, 1) != first).any()


def test_the_trace_has_at_most_twenty_parts_that_cover_the_epoch():
    costs = np.arange(490.0)
    parts = summarise_costs(costs)
    assert len(parts) == 20
    assert parts[0][0] == 0
    assert parts[-1][2] == 489
    assert all(low <= mean <= high for low, mean, high in parts)
    assert all(before[2] < after[0] for before, after in pairwise(parts))
    assert summarise_costs(np.array([2.0])) == ((2.0, 2.0, 2.0),)


def test_the_train_sample_is_fixed_and_of_a_thousand_rows_at_most():
    group = members()
    split = toy_split(group, rows=1500)
    sample = draw_train_sample(split, 3)
    assert len(sample) == TRAIN_SAMPLE_ROWS
    assert len(np.unique(sample)) == TRAIN_SAMPLE_ROWS
    assert np.isin(sample, split.train_rows).all()
    assert (sample == draw_train_sample(split, 3)).all()
    small = toy_split(group)
    assert (draw_train_sample(small, 3) == small.train_rows).all()


def test_dropout_drops_by_the_trials_own_rate_and_only_in_training():
    shared = {"dropout": 0.5, "lr": 1e-12, "update": "sgd", "epochs": 1}
    group = members({**shared, "dropout": 1e-9}, shared)
    split = toy_split(group)
    (step,) = run(group, split)
    (plain,) = run(members({**shared, "dropout": 0.0}, {**shared, "dropout": 0.0}), split)
    assert step.epochs[0].loss == pytest.approx(plain.epochs[0].loss, rel=1e-6)
    assert step.epochs[1].loss != pytest.approx(plain.epochs[1].loss, rel=1e-3)
    assert step.epochs[1].val_loss == pytest.approx(plain.epochs[1].val_loss, rel=1e-6)


@pytest.mark.parametrize(
    "extreme",
    [
        {"lr": 1e-12},
        {"lr": 1e12},
        {"reg": 1e12},
        {"reg": 1e5, "lr": 1e-3},
        {"reg": 1e3, "lr": 1e-3},
        {"init_scale": 1e3, "init": "normal"},
        {"batch_size": 1},
        {"update": "adam", "lr": 1e12},
        {"update": "rmsprop", "lr": 1e6},
        {"dropout": 0.99},
        {"hidden": [1] * 8},
        {"activation": "tanh", "lr": 1e6},
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_end_finite_or_diverged_and_warn_of_nothing(extreme, dtype):
    for step in run(members(extreme, {**extreme, "seed": 5}, epochs=3), dtype=dtype):
        for row in step.epochs:
            if row.diverged is None:
                assert np.isfinite([row.loss, row.data_loss, row.val_loss]).all()
                assert np.isfinite([*row.update_ratio.values()]).all()
            assert 0 <= row.val_acc <= 1


def test_a_group_that_is_none_is_refused():
    one, other = Member(1, settings()), Member(2, settings(hidden=[8]))
    split = toy_split([one])
    with pytest.raises(ValueError, match="equal group keys"):
        run([one, other], split)
    with pytest.raises(ValueError, match="only once"):
        run([one, one], split)
    with pytest.raises(ValueError, match="at least one trial"):
        run([], split)
    with pytest.raises(ValueError, match="seed must be filled in"):
        run([Member(1, settings(seed=None))], split)
    state = run([one], split)[0].state
    with pytest.raises(ValueError, match=r"trials \[5\] are not in the state"):
        run([Member(5, settings())], split, state=state)

import numpy as np
import pytest

from learning.settings import UPDATES
from learning.training import net
from learning.training.gradient import SummedGradient
from learning.training.group import draw_mini_batches
from learning.training.net import Shape, Stack, init_weights
from learning.training.schedules import STEP_EPOCHS, learning_rate
from learning.training.updates import FLUSH_BELOW, Updater, choose_rule, flush_denormals
from tests.support import textbook
from tests.support.toy_nets import CLASSES, members, run, settings, toy_data, toy_split

RATES = {"adagrad": 0.02, "rmsprop": 0.01, "adam": 0.01}


@pytest.mark.parametrize("hidden", [[], [7], [7, 5]])
@pytest.mark.parametrize("update", UPDATES)
def test_fifty_steps_equal_the_textbooks(update, hidden, monkeypatch):
    """Costs and weights of three different trials in one stack, in float64, W1 cut into blocks."""
    monkeypatch.setattr(net, "BLOCK_BYTES", 500)
    group = members(
        {"reg": 0.0, "momentum": 0.9},
        {"reg": 0.3, "momentum": 0.5, "lr_decay": 0.7},
        {"reg": 0.01, "momentum": 0.0, "schedule": "cosine"},
        update=update,
        hidden=hidden,
        lr=RATES.get(update, 0.05),
    )
    split = toy_split(group)
    steps = run(group, split, dtype=np.float64)
    batches = [rows for epoch in range(1, 6) for rows in draw_mini_batches(split.train_rows, 10, 3, epoch)]
    assert len(batches) == 60
    data = [(split.gather(rows, dtype=np.float64), split.y[rows]) for rows in batches]
    shape = Shape(split.n_features, tuple(hidden), CLASSES)
    for i, member in enumerate(group):
        own = member.settings
        rates = np.repeat([learning_rate(own, epoch) for epoch in range(1, 6)], 12)
        first = init_weights(shape, own, np.float64)
        cost, data_loss, last = textbook.train(
            first, data, rates, reg=own.reg, update=update, mu=own.momentum
        )
        rows = [step.epochs[i] for step in steps]
        assert [row.loss for row in rows] == pytest.approx(list(cost.reshape(5, 12).mean(axis=1)), rel=1e-9)
        assert [row.data_loss for row in rows] == pytest.approx(
            list(data_loss.reshape(5, 12).mean(axis=1)), rel=1e-9
        )
        assert [part[1] for row in rows for part in row.trace] == pytest.approx(list(cost), rel=1e-9)
        for name, array in steps[-1].state.weights(member.key).items():
            np.testing.assert_allclose(array, last[name], rtol=1e-7, atol=1e-12)


# Of each mini-batch's cost, over 200 steps. Rounding grows with the steps, and most where a rule divides by a
# root that is almost nothing.
SINGLE = {"adagrad": 1e-4, "rmsprop": 1e-3, "adam": 1e-3}


@pytest.mark.parametrize("update", UPDATES)
def test_two_hundred_steps_in_single_precision_stay_near_the_textbook(update):
    group = members({"reg": 0.01, "momentum": 0.9}, update=update, lr=RATES.get(update, 0.02), epochs=17)
    (member,), split = group, toy_split(group)
    costs = [part[1] for step in run(group, split) for part in step.epochs[0].trace]
    batches = [rows for epoch in range(1, 18) for rows in draw_mini_batches(split.train_rows, 10, 3, epoch)]
    data = [(split.gather(rows, dtype=np.float64), split.y[rows]) for rows in batches]
    own = member.settings
    first = init_weights(Shape(split.n_features, own.hidden, CLASSES), own, np.float64)
    rates = np.full(len(data), own.lr)
    expected, _, _ = textbook.train(first, data, rates, reg=own.reg, update=update, mu=own.momentum)
    assert len(costs) == 204
    np.testing.assert_allclose(costs, expected, rtol=SINGLE.get(update, 2e-5))


@pytest.mark.parametrize("shrink", [0.3, 1.0, 1.7, 2.5])
def test_weights_that_shrink_fast_or_turn_their_sign_are_the_textbooks(shrink):
    """lr * reg of 1 leaves nothing of the weights, above 1 their sign turns, above 2 they grow."""
    group = members({"reg": shrink / 0.05}, {"reg": 0.01, "lr": 0.05}, update="sgd", lr=0.05, explosion=0)
    split = toy_split(group)
    steps = run(group, split, dtype=np.float64)
    batches = [rows for epoch in range(1, 6) for rows in draw_mini_batches(split.train_rows, 10, 3, epoch)]
    data = [(split.gather(rows, dtype=np.float64), split.y[rows]) for rows in batches]
    for member in group:
        own = member.settings
        first = init_weights(Shape(split.n_features, own.hidden, CLASSES), own, np.float64)
        _, _, last = textbook.train(first, data, np.full(60, own.lr), reg=own.reg, update="sgd", mu=0)
        for name, array in steps[-1].state.weights(member.key).items():
            np.testing.assert_allclose(array, last[name], rtol=1e-7, atol=1e-9 * np.abs(last[name]).max())


def test_update_ratio_is_the_last_steps():
    group = members({"reg": 0.1, "epochs": 1}, update="sgd", batch_size="full", lr=0.03)
    split = toy_split(group)
    (step,) = run(group, split, dtype=np.float64)
    shape = Shape(split.n_features, (7,), CLASSES)
    before = init_weights(shape, group[0].settings, np.float64)
    X, y = split.gather(split.train_rows, dtype=np.float64), split.y[split.train_rows]
    _, _, gradients = textbook.loss_and_gradients(before, X, y, 0.1)
    for name in ("W1", "W2"):
        expected = np.linalg.norm(0.03 * gradients[name]) / np.linalg.norm(before[name])
        assert step.epochs[0].update_ratio[name] == pytest.approx(expected, rel=1e-9)
    assert set(step.epochs[0].update_ratio) == {"W1", "W2"}


def test_momentum_of_nobody_is_sgd():
    assert choose_rule([settings(update="momentum"), settings(update="momentum")]) == "sgd"
    assert choose_rule([settings(update="nesterov", momentum=0.1)]) == "nesterov"
    assert choose_rule([settings(update="momentum"), settings(update="momentum", momentum=0.5)]) == "momentum"
    assert choose_rule([settings(update="adam")]) == "adam"


def test_schedules():
    def rates(count, **values):
        return [learning_rate(settings(lr=2.0, **values), epoch) for epoch in range(1, count + 1)]

    assert rates(4, schedule="exponential", lr_decay=0.5) == [2, 1, 0.5, 0.25]
    assert rates(STEP_EPOCHS + 1, schedule="step", lr_decay=0.1) == [2.0] * STEP_EPOCHS + [0.2]
    assert rates(3, schedule="inverse", lr_decay=0.5) == pytest.approx([2, 1, 2 / 3])
    assert rates(4, schedule="cosine", epochs=4) == pytest.approx([2, 1 + 0.5**0.5, 1, 1 - 0.5**0.5])
    assert rates(3, schedule="constant", lr_decay=0.5) == [2, 2, 2]
    assert rates(3, schedule="inverse") == [2, 2, 2]


def test_flush_keeps_what_is_just_large_enough():
    below, above = np.float32(FLUSH_BELOW * 0.99), np.float32(FLUSH_BELOW * 1.01)
    values = np.array([below, -below, above, -above, 0, 1e-42, np.nan, np.inf, 1], np.float32)
    flush_denormals(values, np.empty_like(values))
    expected = np.array([0, 0, above, -above, 0, 0, np.nan, np.inf, 1], np.float32)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("update", ["sgd", "momentum", "adam"])
def test_collapsed_weights_end_at_zero_and_not_in_denormals(update):
    """lr * reg = 0.5 halves the weights of a dead unit at each step: 1e-4 would be a denormal after 115."""
    each = [{"reg": 50.0, "lr": 0.01, "init": "normal"}, {"reg": 0.0, "lr": 0.05}]
    group = members(*each, update=update, momentum=0.1, epochs=30, explosion=0)
    state = run(group)[-1].state
    tiny = np.finfo(np.float32).tiny
    for array in [*state.params.values(), *state.kept.values()]:
        assert not ((array != 0) & (np.abs(array) < tiny)).any()
    if update != "adam":  # whose step does not shrink with the gradient
        assert not state.weights(10)["W1"].any(axis=0).all()
    assert state.weights(11)["W1"].all()


def test_penalty_is_that_of_the_weights_as_they_are():
    each = [settings(reg=0.5), settings(reg=0.0, seed=1)]
    shape = Shape(toy_data().X_train.shape[1], (7,), CLASSES)
    nets = [init_weights(shape, one, np.float64) for one in each]
    stack = Stack(shape, {name: np.stack([w[name] for w in nets]) for name in shape.names})
    updater = Updater(stack, each, {})
    updater.begin(1)
    expected = 0.25 * sum((nets[0][name] ** 2).sum() for name in ("W1", "W2"))
    assert updater.penalty() == pytest.approx([expected, 0])
    gradient = np.full_like(stack.params["W1"], 0.1)
    updater.apply(SummedGradient("W1", gradient), 1)
    W1 = stack.weights()["W1"][0]
    assert updater.penalty()[0] == pytest.approx(0.25 * ((W1**2).sum() + (nets[0]["W2"] ** 2).sum()))

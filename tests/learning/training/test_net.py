import numpy as np
import pytest

from learning.settings import ACTIVATIONS, Settings
from learning.training import net, prediction
from learning.training.net import Pass, Shape, Stack, init_weights
from tests.support import textbook

B, D, C, K = 6, 9, 4, 3
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((B, D)), RNG.integers(0, C, B)


def nets(hidden, activation="relu", dtype=np.float64, count=K):
    settings = [
        Settings.parse({"hidden": hidden, "activation": activation, "init": "he", "seed": n})
        for n in range(count)
    ]
    shape = Shape(D, tuple(hidden), C, activation)
    each = [init_weights(shape, gradient, dtype) for gradient in settings]
    return shape, settings, each, {name: np.stack([w[name] for w in each]) for name in shape.names}


def dense(passage, X, y):
    """The gradients of the summed loss, multiplied out, each (K, ...)."""
    stack = passage.stack
    gradients = passage.backward(X, y, np.ones(stack.count, X.dtype))
    return {
        gradient.name: stack.split(
            gradient.name, gradient.write_to(np.empty_like(stack.params[gradient.name]))
        )
        for gradient in gradients
    }


@pytest.mark.parametrize("hidden", [[], [7], [7, 5, 3]])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_stack_computes_what_the_textbook_computes_for_each_net(hidden, activation):
    shape, settings, each, weights = nets(hidden, activation)
    passage = Pass(Stack(shape, weights), B)
    scores = passage.forward(X).copy()
    losses = passage.losses(Y) / B
    for n, own in enumerate(each):
        _, data_loss, _ = textbook.loss_and_gradients(own, X, Y, 0.0, activation)
        assert losses[n] == pytest.approx(data_loss, rel=1e-12)
        np.testing.assert_allclose(scores[n].T, textbook.forward(own, X, activation)[-1], rtol=1e-12)
        np.testing.assert_allclose(prediction.compute_scores(own, settings[n], X), scores[n].T, rtol=1e-12)


def test_weights_go_in_and_come_out_unchanged():
    shape, _, _, weights = nets([7, 5])
    out = Stack(shape, weights).weights()
    assert list(out) == list(shape.names)
    assert all((out[name] == weights[name]).all() for name in shape.names)


def test_a_stack_copies_what_it_is_given():
    shape, _, _, weights = nets([7])
    stack = Stack(shape, weights)
    for param in stack.params.values():
        param += 1
    assert (weights["b1"] == 0).all()
    assert (weights["W2"] == nets([7])[3]["W2"]).all()


def test_fewer_rows_than_the_buffers_hold_give_the_same():
    shape, _, _, weights = nets([7])
    stack = Stack(shape, weights)
    np.testing.assert_allclose(Pass(stack, 50).forward(X), Pass(stack, B).forward(X), rtol=1e-14)


@pytest.mark.parametrize(
    ("bytes", "blocks"),
    [(10**6, [(0, 21)]), (2 * 7 * D * 8, [(0, 14), (14, 21)]), (7 * D * 8, [(0, 7), (7, 14), (14, 21)])],
)
def test_weights_are_cut_into_blocks_of_whole_nets(bytes, blocks, monkeypatch):
    monkeypatch.setattr(net, "BLOCK_BYTES", bytes)
    shape, _, _, weights = nets([7])
    found = [range(21)[rows] for rows in Stack(shape, weights).blocks("W1")]
    assert [(rows.start, rows.stop) for rows in found] == blocks


def test_a_net_too_large_for_a_block_is_cut_too(monkeypatch):
    monkeypatch.setattr(net, "BLOCK_BYTES", 4 * D * 8)
    shape, _, _, weights = nets([7], count=2)
    found = [range(14)[rows] for rows in Stack(shape, weights).blocks("W1")]
    assert [(rows.start, rows.stop) for rows in found] == [(0, 4), (4, 7), (7, 11), (11, 14)]


def test_squares_are_those_of_each_net():
    shape, _, _, weights = nets([7])
    np.testing.assert_allclose(Stack(shape, weights).squares("W1"), (weights["W1"] ** 2).sum(axis=(1, 2)))


@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_is_stable_at_huge_scores(size, dtype):
    shape, _, _, weights = nets([], dtype=dtype, count=1)
    weights["W1"][:] = 0
    weights["b1"][:] = np.array([0, size, 0, size], dtype)
    passage = Pass(Stack(shape, weights), B)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        passage.forward(X.astype(dtype))
        loss = passage.losses(np.full(B, 1))
        pieces = dense(passage, X.astype(dtype), np.full(B, 1))
    expected = np.log(2) if size > 0 else np.log(2) - size
    assert loss[0] / B == pytest.approx(expected, rel=1e-6)
    assert all(np.isfinite(piece).all() for piece in pieces.values())


def test_a_net_at_the_start_knows_nothing():
    """The lecture's check: a loss of ln C with small weights, and a higher gradient with regularisation."""
    settings = Settings.parse({"hidden": [50], "init_scale": 1e-4, "seed": 1})
    shape = Shape(3072, (50,), 10)
    weights = {name: w[None] for name, w in init_weights(shape, settings, np.float64).items()}
    stack = Stack(shape, weights)
    passage = Pass(stack, 20)
    images = np.random.default_rng(0).integers(0, 256, (20, 3072)) - 120.0
    passage.forward(images)
    assert passage.losses(np.arange(20) % 10)[0] / 20 == pytest.approx(np.log(10), abs=1e-3)
    assert 0.5 * 1e3 * stack.squares("W1")[0] > 0.5


@pytest.mark.parametrize(
    ("init", "deviation"), [("normal", 0.03), ("xavier", 1 / 20), ("he", np.sqrt(2) / 20)]
)
def test_init_has_the_deviation_its_rule_names(init, deviation):
    settings = Settings.parse({"init": init, "init_scale": 0.03, "seed": 3})
    weights = init_weights(Shape(400, (50,), C), settings, np.float64)
    assert weights["W1"].std() == pytest.approx(deviation, rel=0.03)
    assert not weights["b1"].any()


def test_init_depends_on_the_trials_own_seed_and_not_on_the_precision():
    shape = Shape(D, (7,), C)
    gradient, same, other = (init_weights(shape, Settings.parse({"seed": s}), np.float64) for s in (1, 1, 2))
    assert (gradient["W1"] == same["W1"]).all()
    assert (gradient["W1"] != other["W1"]).all()
    single = init_weights(shape, Settings.parse({"seed": 1}), np.float32)
    assert (single["W1"] == gradient["W1"].astype(np.float32)).all()


def test_a_net_without_a_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be filled in"):
        init_weights(Shape(D, (), C), Settings(), np.float64)


def test_a_nan_in_one_net_changes_no_bit_of_the_others():
    shape, _, _, weights = nets([7, 5], dtype=np.float32)
    sick = {name: array.copy() for name, array in weights.items()}
    for array in sick.values():
        array[1] = np.nan
    results = []
    for each in (weights, sick):
        passage = Pass(Stack(shape, each), B)
        with np.errstate(all="ignore"):
            passage.forward(X.astype(np.float32))
            losses = passage.losses(Y)
            gradients = dense(passage, X.astype(np.float32), Y)
        results.append((losses, gradients))
    (losses, gradients), (sick_losses, sick_gradients) = results
    assert np.isnan(sick_losses[1])
    assert (losses[[0, 2]] == sick_losses[[0, 2]]).all()
    for name in gradients:
        assert (gradients[name][[0, 2]] == sick_gradients[name][[0, 2]]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1.0, 0.9, "by net"])
def test_a_gradient_is_added_onto_what_is_there(dtype, factor):
    """As it would be multiplied out first; that is what makes momentum cost no pass over the memory."""
    shape, _, _, weights = nets([7, 5], dtype=dtype)
    passage = Pass(Stack(shape, weights), B)
    passage.forward(X.astype(dtype))
    passage.losses(Y)
    stack = passage.stack
    for gradient in passage.backward(X.astype(dtype), Y, np.ones(K, dtype)):
        W = stack.params[gradient.name]
        by = stack.spread(gradient.name, np.arange(K).astype(dtype)) if factor == "by net" else factor
        target = np.ones_like(W)
        gradient.add_to(target, by)
        np.testing.assert_allclose(target, by + gradient.write_to(np.empty_like(W)), rtol=1e-5, atol=1e-6)

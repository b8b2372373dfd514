"""Textbook NumPy: the course's two-layer net in float64, a trial at a time, new arrays each step."""

from collections.abc import Callable

import numpy as np

from benchmarks.task import Data, Outcome, Task
from benchmarks.task import load as load_data
from learning.settings import Settings


def load(task: Task) -> Callable[[int], Outcome]:
    """The data as the course has it: float64, minus the mean image."""
    data = load_data(task)
    X_train, X_val = data.X_train.astype(np.float64), data.X_val.astype(np.float64)
    mean = X_train.mean(axis=0)
    X_train -= mean
    X_val -= mean
    return lambda number: train(number, task.settings[number], data, X_train, X_val)


def train(number: int, settings: Settings, data: Data, X: np.ndarray, X_val: np.ndarray) -> Outcome:
    """Mini-batch SGD with momentum, as in the lecture."""
    assert isinstance(settings.batch_size, int)
    W1, W2 = data.first_weights(settings)
    params = {"W1": W1, "b1": np.zeros(W1.shape[1]), "W2": W2, "b2": np.zeros(W2.shape[1])}
    velocity = {name: np.zeros_like(param) for name, param in params.items()}
    lr, first_cost, steps = settings.lr, None, 0
    train_accs: list[float] = []
    val_accs: list[float] = []
    with np.errstate(all="ignore"):
        for epoch in range(1, settings.epochs + 1):
            for rows in data.mini_batches(settings.batch_size, epoch):
                cost, grads = two_layer_net(X[rows], params, data.y_train[rows], settings.reg)
                steps += 1
                first_cost = cost if first_cost is None else first_cost
                if not cost <= settings.explosion * first_cost:
                    return Outcome(number, tuple(val_accs), tuple(train_accs), steps, "exploded")
                for name in params:
                    velocity[name] = settings.momentum * velocity[name] - lr * grads[name]
                    params[name] += velocity[name]
            train_accs.append(accuracy(X[data.sample], params, data.y_train[data.sample]))
            val_accs.append(accuracy(X_val, params, data.y_val))
            lr *= settings.lr_decay
    return Outcome(number, tuple(val_accs), tuple(train_accs), steps)


def two_layer_net(
    X: np.ndarray, params: dict[str, np.ndarray], y: np.ndarray, reg: float
) -> tuple[float, dict[str, np.ndarray]]:
    """The cost and the gradient of every parameter."""
    W1, W2, N = params["W1"], params["W2"], len(X)
    hidden = np.maximum(0, X @ W1 + params["b1"])
    scores = hidden @ W2 + params["b2"]
    probs = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    data_loss = -np.log(probs[np.arange(N), y]).mean()
    cost = data_loss + 0.5 * reg * ((W1**2).sum() + (W2**2).sum())

    dscores = probs
    dscores[np.arange(N), y] -= 1
    dscores /= N
    dhidden = dscores @ W2.T
    dhidden[hidden <= 0] = 0
    return float(cost), {
        "W1": X.T @ dhidden + reg * W1,
        "b1": dhidden.sum(axis=0),
        "W2": hidden.T @ dscores + reg * W2,
        "b2": dscores.sum(axis=0),
    }


def accuracy(X: np.ndarray, params: dict[str, np.ndarray], y: np.ndarray) -> float:
    hidden = np.maximum(0, X @ params["W1"] + params["b1"])
    scores = hidden @ params["W2"] + params["b2"]
    return float((scores.argmax(axis=1) == y).mean())

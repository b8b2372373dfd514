"""scikit-learn's MLPClassifier: a trial at a time, partial_fit once an epoch, float32.

What it cannot do is left undone in its favour: partial_fit runs through a whole epoch, so the explosion rule
is applied to the mean cost of an epoch, not to each mini-batch. The decay of the learning rate is set on its
optimiser, since its own schedules count otherwise.
"""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.task import Data, Outcome, Task
from benchmarks.task import load as load_data
from learning.settings import Settings


def load(task: Task) -> Callable[[int], Outcome]:
    """float32, which MLPClassifier keeps and trains in."""
    data = load_data(task)
    X, X_val = data.X_train.astype(np.float32), data.X_val.astype(np.float32)
    mean = X.mean(axis=0)
    X -= mean
    X_val -= mean
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", RuntimeWarning)  # overflow: an expected result
    return lambda number: train(number, task.settings[number], data, X, X_val)


def train(number: int, settings: Settings, data: Data, X: np.ndarray, X_val: np.ndarray) -> Outcome:
    """An epoch is a partial_fit."""
    assert isinstance(settings.batch_size, int)
    mlp = classifier(settings, data, X)
    limit = settings.explosion * (np.log(data.n_classes) + penalty(mlp, settings.reg))
    steps = len(X) // settings.batch_size
    train_accs: list[float] = []
    val_accs: list[float] = []
    for _ in range(settings.epochs):
        try:
            mlp.partial_fit(X, data.y_train)
        except ValueError:  # "Solver produced non-finite parameter weights"
            return Outcome(number, tuple(val_accs), tuple(train_accs), len(val_accs) * steps, "exploded")
        if not mlp.loss_ <= limit:
            return Outcome(number, tuple(val_accs), tuple(train_accs), len(val_accs) * steps, "exploded")
        train_accs.append(mlp.score(X[data.sample], data.y_train[data.sample]))
        val_accs.append(mlp.score(X_val, data.y_val))
        mlp._optimizer.learning_rate *= settings.lr_decay
    return Outcome(number, tuple(val_accs), tuple(train_accs), len(val_accs) * steps)


def classifier(settings: Settings, data: Data, X: np.ndarray) -> MLPClassifier:
    """With the first weights of the trial. alpha is divided by the batch size inside."""
    assert isinstance(settings.batch_size, int)
    mlp = MLPClassifier(
        settings.hidden,
        solver="sgd",
        learning_rate_init=settings.lr,
        momentum=settings.momentum,
        nesterovs_momentum=False,
        alpha=settings.reg * settings.batch_size,
        batch_size=settings.batch_size,
        random_state=settings.seed,
    )
    mlp.set_params(learning_rate_init=1e-30)  # the first call makes the arrays and must not train
    mlp.partial_fit(
        X[: settings.batch_size], data.y_train[: settings.batch_size], classes=np.arange(data.n_classes)
    )
    mlp._optimizer.learning_rate = settings.lr
    for coefs, W in zip(mlp.coefs_, data.first_weights(settings), strict=True):
        coefs[...] = W
    for intercepts in mlp.intercepts_:
        intercepts[...] = 0
    return mlp


def penalty(mlp: MLPClassifier, reg: float) -> float:
    return 0.5 * reg * sum(float((W**2).sum()) for W in mlp.coefs_)

"""The contestants of the benchmarks do the same work: they come to the textbook's accuracies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import textbook
from benchmarks.contestants import CONTESTANTS
from benchmarks.task import Outcome, Task, coarse, load

pytestmark = pytest.mark.slow

EPOCHS, STEPS = 5, 12  # mini-batches of an epoch of the digits: 1,200 training rows
EXPLODES = 3  # the position of a trial that must
RATES = ((0.02, 1e-4), (0.05, 1e-3), (0.01, 1e-5), (1.0, 1e2))
CLOSE = 0.1  # in val accuracy: other first weights, another order of the rows


@pytest.fixture
def task(home: Path) -> Task:
    task = coarse("digits", home, None, epochs=EPOCHS, momentum=0.9)
    return replace(task, settings=tuple(replace(task.settings[0], lr=lr, reg=reg) for lr, reg in RATES))


def of_the_textbook(task: Task) -> list[Outcome]:
    data = load(task)
    X, X_val = data.X_train.astype(float), data.X_val.astype(float)
    mean = X.mean(axis=0)
    return [textbook.train(n, s, data, X - mean, X_val - mean) for n, s in enumerate(task.settings)]


@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_contestant_trains_every_trial_as_the_textbook_does(name: str, task: Task) -> None:
    if not CONTESTANTS[name].here:
        pytest.skip(f"{CONTESTANTS[name].needs} is not installed (extra `bench`)")
    seconds, outcomes = CONTESTANTS[name].run(task)
    assert seconds > 0
    assert [one.number for one in outcomes] == [0, 1, 2, 3]
    for found, expected in zip(outcomes, of_the_textbook(task), strict=True):
        if found.ended == "pruned":
            assert name == "d"
            continue
        assert found.ended == expected.ended == ("exploded" if found.number == EXPLODES else None)
        if found.ended is None:
            assert found.steps == EPOCHS * STEPS
            assert len(found.train_accs) == EPOCHS
            assert np.abs(np.subtract(found.val_accs[-2:], expected.val_accs[-2:])).max() < CLOSE
            assert found.val_accs[-1] > 0.7
        else:
            assert found.steps < STEPS
            assert found.val_accs == ()

"""Optuna with PyTorch: random sampler, median pruner, two processes on one SQLite file, as its manual shows.

The sampler is told each trial's values, so that it trains the same trials as the others; the pruner may end
them earlier. (enqueue_trial would be simpler, but on SQLite two processes can take the same trial.)
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.samplers import PartialFixedSampler, RandomSampler

from benchmarks.task import Outcome, Task
from benchmarks.task import load as load_data
from benchmarks.torch_eager import Trainer
from learning.search.space import Choice, Distribution, LogUniform, Space
from learning.settings import Settings

STUDY = "benchmark"


def load(
    task: Task, folder: Path, over: Callable[[float], bool] = lambda val_acc: False
) -> Callable[[int], Outcome | None]:
    """The data in memory, as for PyTorch alone; the study is opened with the first trial.

    `over` is told each val accuracy and ends the search: no trial begins any more, which is None.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _quiet()
    trainer = Trainer(load_data(task))
    study = cache(partial(optuna.load_study, study_name=STUDY, storage=storage(folder), pruner=pruner()))

    def work(number: int) -> Outcome | None:
        if over(0.0):
            return None
        values = {name: getattr(task.settings[number], name) for name in task.space}
        study().sampler = PartialFixedSampler(values, RandomSampler(seed=task.seed))
        objective = Objective(task, number, trainer, over)
        study().optimize(objective, n_trials=1)
        assert objective.outcome is not None
        return objective.outcome

    return work


def begin(folder: Path) -> None:
    """Makes the study."""
    _quiet()
    optuna.create_study(study_name=STUDY, storage=storage(folder), direction="maximize")


class Objective:
    """Trains one trial and reports each epoch; keeps the outcome."""

    def __init__(self, task: Task, number: int, trainer: Trainer, over: Callable[[float], bool]) -> None:
        self._task, self._number, self._trainer, self._over = task, number, trainer, over
        self.outcome: Outcome | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        settings = suggest(trial, self._task.settings[0], Space.parse(self._task.space).distributions)

        def after_epoch(epoch: int, val_acc: float) -> bool:
            trial.report(val_acc, epoch)
            return self._over(val_acc) or bool(trial.should_prune())

        self.outcome = self._trainer.train(self._number, settings, after_epoch)
        if self.outcome.ended is not None:
            raise optuna.TrialPruned(self.outcome.ended)
        return max(self.outcome.val_accs)


def suggest(trial: optuna.Trial, settings: Settings, space: Mapping[str, Distribution]) -> Settings:
    """The settings, with what the space varies as Optuna draws it."""
    values: dict[str, Any] = {}
    for name, distribution in space.items():
        if isinstance(distribution, LogUniform):
            values[name] = trial.suggest_float(name, distribution.low, distribution.high, log=True)
        elif isinstance(distribution, Choice):
            values[name] = trial.suggest_categorical(name, list(distribution.values))
        else:
            raise TypeError(f"the benchmark's spaces have no {distribution!r}.")
    return replace(settings, **values)


def storage(folder: Path) -> str:
    return f"sqlite:///{folder / 'optuna.db'}"


def pruner() -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner()


def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

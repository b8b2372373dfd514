"""Owns who takes part: by letter, a title, the library it needs, and how it is run (does not train)."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks import crew
from benchmarks.task import Outcome, Task

Result = tuple[float, list[Outcome]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """`run` answers with the seconds of the whole task and the outcome of each trial."""

    title: str
    run: Callable[[Task], Result]
    needs: str | None = None  # a module that is not among Lossdeck's own requirements

    @property
    def here(self) -> bool:
        return self.needs is None or find_spec(self.needs) is not None


def textbook(task: Task) -> Result:
    from benchmarks import textbook

    return crew.run(textbook.load, (task,), task.numbers)


def sklearn(task: Task) -> Result:
    from benchmarks import sklearn_mlp

    return crew.run(sklearn_mlp.load, (task,), task.numbers)


def torch(task: Task) -> Result:
    from benchmarks import torch_eager

    return crew.run(torch_eager.load, (task, True), task.numbers)


def torch_with_denormals(task: Task) -> Result:
    from benchmarks import torch_eager

    return crew.run(torch_eager.load, (task, False), task.numbers)


def optuna(task: Task) -> Result:
    from benchmarks import optuna_torch

    with tempfile.TemporaryDirectory(dir=task.home, prefix="optuna-") as folder:
        place = Path(folder)
        seconds, found = crew.run(
            optuna_torch.load, (task, place), task.numbers, lambda: optuna_torch.begin(place)
        )
        return seconds, [one for one in found if one is not None]


def trainer(task: Task) -> Result:
    from benchmarks import trainer

    seconds, groups = crew.run(trainer.load, (task,), trainer.jobs(task))
    return seconds, sorted((one for group in groups for one in group), key=lambda one: one.number)


def whole(task: Task) -> Result:
    from benchmarks import whole

    return whole.run(task)


CONTESTANTS = {
    "f": Contestant("Lossdeck whole: REST, queue, two workers, database", whole),
    "e": Contestant("Lossdeck's trainer alone", trainer),
    "c": Contestant("PyTorch eager, flush_denormal", torch, "torch"),
    "c2": Contestant("PyTorch eager, as users write it", torch_with_denormals, "torch"),
    "d": Contestant("Optuna, median pruner, with PyTorch (flush_denormal) on SQLite", optuna, "optuna"),
    "b": Contestant("scikit-learn MLPClassifier", sklearn, "sklearn"),
    "a": Contestant("textbook NumPy, float64", textbook),
}

"""Lossdeck's trainer alone: the groups that the store would cut, no queue, no database, no files written."""

from collections.abc import Callable

import numpy as np

from benchmarks.crew import PROCESSES
from benchmarks.task import Outcome, Task
from learning.data import catalog
from learning.data.dataset import make_split
from learning.training.gradient import find_blas_routine
from learning.training.trainer import TRACE_BUCKETS, Epoch, Member, train
from store.queue import groups

Group = tuple[int, ...]


def jobs(task: Task) -> list[Group]:
    features = catalog.find_summary(task.dataset, task.home, task.data).n_features
    return list(groups.split(task.settings, PROCESSES, features))


def load(task: Task) -> Callable[[Group], list[Outcome]]:
    """The data mapped and BLAS loaded, as in a worker that has begun."""
    find_blas_routine("gemm", np.float32)
    split = make_split(catalog.load(task.dataset, task.home, task.data), task.settings[0])

    def work(group: Group) -> list[Outcome]:
        members = [Member(number, task.settings[number]) for number in group]
        epochs = [epoch for step in train(members, split, seed=task.seed) for epoch in step.epochs]
        steps = len(split.train_rows) // batch_size(task)
        return [outcome(number, [e for e in epochs if e.key == number], steps) for number in group]

    return work


def outcome(number: int, epochs: list[Epoch], steps: int) -> Outcome:
    """Of an exploded trial's last epoch only the mini-batches that are known to have counted are counted."""
    whole = [epoch for epoch in epochs if epoch.diverged is None]
    cut_short = sum(len(epoch.trace) for epoch in epochs if epoch.diverged)
    assert cut_short <= TRACE_BUCKETS
    return Outcome(
        number,
        tuple(epoch.val_acc for epoch in whole),
        tuple(epoch.train_acc for epoch in whole),
        len(whole) * steps + cut_short,
        "exploded" if len(whole) < len(epochs) else None,
    )


def batch_size(task: Task) -> int:
    size = task.settings[0].batch_size
    assert isinstance(size, int)
    return size

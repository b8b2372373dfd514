"""Accuracies on the test part, and how often each data set's test part was used.

The test part shows what a net is worth only while no choice is based on it, so every use is counted.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from store.db import change_counter
from store.db.tables import test_look


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A trial's accuracy on the test part, and which use of that part it was."""

    dataset: str
    trial_id: int | None  # None: the trial was deleted since
    accuracy: float
    examples: int
    taken_at: float
    number: int  # 1.. of the data set


def record(
    c: Connection, dataset: str, trial_id: int, accuracy: float, examples: int, now: float
) -> tuple[Evaluation, bool]:
    """Stores a trial's accuracy. If it has one already, that one is returned, with False."""
    change_counter.take(c)  # so that evaluations take turns, and their numbers have no gap
    known = get(c, trial_id)
    if known is not None:
        return known, False
    row = {
        "dataset": dataset,
        "trial_id": trial_id,
        "accuracy": accuracy,
        "examples": examples,
        "taken_at": now,
    }
    c.execute(insert(test_look).values(row))
    found = get(c, trial_id)
    assert found is not None
    return found, True


def get(c: Connection, trial_id: int) -> Evaluation | None:
    row = c.execute(select(test_look).where(test_look.c.trial_id == trial_id)).one_or_none()
    return None if row is None else _build_evaluation(c, row)


def count(c: Connection, dataset: str, up_to: int | None = None) -> int:
    """How often the test part of a data set was used, up to an evaluation's id."""
    query = select(func.count()).select_from(test_look).where(test_look.c.dataset == dataset)
    if up_to is not None:
        query = query.where(test_look.c.id <= up_to)
    total: int = c.execute(query).scalar_one()
    return total


def _build_evaluation(c: Connection, row: Row[*tuple[Any, ...]]) -> Evaluation:
    number = count(c, row.dataset, row.id)
    return Evaluation(row.dataset, row.trial_id, row.accuracy, row.examples, row.taken_at, number)

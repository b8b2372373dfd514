"""Owns looks at the test part: who was tried on it, and how often a data set's was seen (scores nothing).

The test part says what a net is worth only while no choice was made by it: so every look is counted.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from store.db import change_counter
from store.db.tables import test_look


@dataclass(frozen=True, slots=True)
class Look:
    """One trial's accuracy on the test part, and the how many-th look at that part it was."""

    dataset: str
    trial_id: int | None  # None: the trial was deleted since
    accuracy: float
    examples: int
    taken_at: float
    number: int  # 1.. of the data set


def record(
    c: Connection, dataset: str, trial_id: int, accuracy: float, examples: int, now: float
) -> tuple[Look, bool]:
    """Keeps a trial's look, and whether it is its first: one that was there already stays as it was."""
    change_counter.take(c)  # so that looks take turns, and their numbers have no gap
    known = of_trial(c, trial_id)
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
    found = of_trial(c, trial_id)
    assert found is not None
    return found, True


def of_trial(c: Connection, trial_id: int) -> Look | None:
    """The look that a trial had, if it had one."""
    row = c.execute(select(test_look).where(test_look.c.trial_id == trial_id)).one_or_none()
    return None if row is None else _look(c, row)


def count(c: Connection, dataset: str) -> int:
    """How often the test part of a data set was looked at."""
    return _count(c, dataset, None)


def _count(c: Connection, dataset: str, up_to: int | None) -> int:
    query = select(func.count()).select_from(test_look).where(test_look.c.dataset == dataset)
    if up_to is not None:
        query = query.where(test_look.c.id <= up_to)
    total: int = c.execute(query).scalar_one()
    return total


def _look(c: Connection, row: Row[*tuple[Any, ...]]) -> Look:
    number = _count(c, row.dataset, row.id)
    return Look(row.dataset, row.trial_id, row.accuracy, row.examples, row.taken_at, number)

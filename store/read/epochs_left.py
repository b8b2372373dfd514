"""Owns how many epochs are left to train in sweeps, rungs taken into account (the time: summaries)."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from learning.search.early_stopping import Halving, StoppingRule, parse
from store.db.states import LIVING, WAITING
from store.db.tables import trial, trial_group


def epochs(c: Connection, stopping: Mapping[int, object]) -> dict[int, float]:
    """Epochs that the living trials of each sweep will train, by sweep; given are the sweeps' rules.

    Before a rung it is what halving leaves of them on average; median rule and patience are not foreseen.
    """
    rules = {id: parse(spec) for id, spec in stopping.items()}
    what = (
        trial.c.sweep_id,
        trial.c.epochs_done,
        trial.c.epochs_total,
        trial_group.c.until,
        trial_group.c.state,
    )
    query = (
        select(*what, func.count().label("trials"))
        .join(trial_group, trial_group.c.id == trial.c.group_id)
        .where(trial.c.sweep_id.in_(rules), trial.c.state.in_(LIVING))
        .group_by(*what)
    )
    left: dict[int, float] = defaultdict(float)
    for row in c.execute(query):
        left[row.sweep_id] += row.trials * _left(rules[row.sweep_id], row)
    return left


def _left(rule: StoppingRule | None, row: Any) -> float:
    if isinstance(rule, Halving) and row.until is not None:
        return rule.expected(row.epochs_done, row.epochs_total, waits=row.state == WAITING)
    return float(row.epochs_total - row.epochs_done)

"""Owns how fast training has been here: seconds and arithmetic of stored epochs (estimates nothing)."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.settings import Settings
from store.db.tables import epoch, sweep, trial

RECENT = 200  # trials looked at, the latest first: machines and programs change


def flops_per_second(c: Connection, flops: Callable[[str, Settings], float | None]) -> float | None:
    """Floating-point operations a second of one worker, over the latest trials; None before the first epoch.

    `flops(dataset, settings)` says how many one epoch takes, None where that is not known.
    """
    done = spent = 0.0
    for row in _recent(c):
        each = flops(row.dataset, Settings.parse(row.settings))
        if each is not None:
            done += each * row.epochs
            spent += row.seconds
    return done / spent if spent > 0 else None


def _recent(c: Connection) -> list[Row[*tuple[Any, ...]]]:
    """The latest trials with epochs: data set, settings, epochs and seconds."""
    latest = (
        select(trial.c.id, trial.c.settings, sweep.c.dataset)
        .join(sweep, sweep.c.id == trial.c.sweep_id)
        .where(trial.c.epochs_done > 0)
        .order_by(trial.c.id.desc())
        .limit(RECENT)
        .subquery()
    )
    measured = (
        select(epoch.c.trial_id, func.count().label("epochs"), func.sum(epoch.c.seconds).label("seconds"))
        .where(epoch.c.trial_id.in_(select(latest.c.id)))
        .group_by(epoch.c.trial_id)
        .subquery()
    )
    query = select(latest.c.dataset, latest.c.settings, measured.c.epochs, measured.c.seconds)
    return list(c.execute(query.join(measured, measured.c.trial_id == latest.c.id)))

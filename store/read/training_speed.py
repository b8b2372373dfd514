"""How fast recent trials trained, in floating-point operations a second."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.settings import Settings
from store.db.tables import epoch, sweep, trial

MAX_TRIALS = 200  # the latest ones: machines and programs change


def measure_flops_per_second(c: Connection, flops: Callable[[str, Settings], float | None]) -> float | None:
    """The FLOPS of one worker over the latest trials; None before the first epoch.

    `flops(dataset, settings)`: the operations of one epoch, None if unknown.
    """
    operations = seconds = 0.0
    for row in _read_recent(c):
        per_epoch = flops(row.dataset, Settings.restore(row.settings))
        if per_epoch is not None:
            operations += per_epoch * row.epochs
            seconds += row.seconds
    return operations / seconds if seconds > 0 else None


def _read_recent(c: Connection) -> list[Row[*tuple[Any, ...]]]:
    """Data set, settings, epochs and seconds of the latest trials with epochs."""
    latest = (
        select(trial.c.id, trial.c.settings, sweep.c.dataset)
        .join(sweep, sweep.c.id == trial.c.sweep_id)
        .where(trial.c.epochs_done > 0)
        .order_by(trial.c.id.desc())
        .limit(MAX_TRIALS)
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

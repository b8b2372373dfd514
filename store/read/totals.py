"""Totals over all sweeps: trials and sweeps by state, epochs, living workers."""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table, func, select

from learning.states import SWEEP_STATES, TRIAL_STATES
from store.db.tables import sweep, trial, worker


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals; both dicts have every state."""

    trials: dict[str, int]
    sweeps: dict[str, int]
    epochs: int  # stored rows
    workers: int  # not known to be gone


def read(c: Connection) -> Totals:
    epochs = c.execute(select(func.coalesce(func.sum(trial.c.epochs_done), 0))).scalar_one()
    alive = c.execute(select(func.count()).select_from(worker).where(worker.c.gone_at.is_(None))).scalar_one()
    return Totals(
        trials=dict.fromkeys(TRIAL_STATES, 0) | _count_by(c, trial, trial.c.state),
        sweeps=dict.fromkeys(SWEEP_STATES, 0) | _count_by(c, sweep, sweep.c.state),
        epochs=int(epochs),
        workers=int(alive),
    )


def _count_by(c: Connection, table: Table, column: Column[str]) -> dict[str, int]:
    rows = c.execute(select(column, func.count()).select_from(table).group_by(column))
    return {row[0]: row[1] for row in rows}

"""Owns what a sweep's trials mean for it: its change number, the ends of its groups and its own end."""

from sqlalchemy import Connection, bindparam, exists, select, update

from store.db.states import LIVING, OPEN
from store.db.tables import sweep, trial, trial_group
from store.queue import halving_rungs

_CHANGED = update(sweep).where(sweep.c.id == bindparam("sweep")).values(changed=bindparam("number"))

_DONE_GROUPS = (
    update(trial_group)
    .where(trial_group.c.sweep_id == bindparam("sweep"), trial_group.c.state != "done")
    .where(~exists().where(trial.c.group_id == trial_group.c.id, trial.c.state.in_(LIVING)))
    .values(state="done", worker=None)
)

_FINISH = (
    update(sweep)
    .where(sweep.c.id == bindparam("sweep"), sweep.c.state.in_(OPEN))
    .where(~exists().where(trial.c.sweep_id == bindparam("sweep"), trial.c.state.in_(LIVING)))
    .values(state="finished", finished_at=bindparam("now"))
)


def mark(c: Connection, sweep_id: int, number: int) -> None:
    """Gives the sweep's row a change number, because something below it changed."""
    c.execute(_CHANGED, {"sweep": sweep_id, "number": number})


def settle(c: Connection, sweep_id: int, now: float) -> None:
    """After trials ended or reached a rung: ends groups that have none left to train, decides rungs that
    nobody is on the way to any more, ends the sweep if it has no trial left. The caller marks the sweep.
    """
    c.execute(_DONE_GROUPS, {"sweep": sweep_id})
    if halving_rungs.decide(c, sweep_id, now):
        c.execute(_DONE_GROUPS, {"sweep": sweep_id})
    c.execute(_FINISH, {"sweep": sweep_id, "now": now})


def unbegun(c: Connection, sweep_id: int) -> list[int]:
    """Ids of the sweep's queued trials without an epoch, in the order of their numbers."""
    where = (trial.c.sweep_id == sweep_id, trial.c.state == "queued", trial.c.epochs_done == 0)
    return list(c.scalars(select(trial.c.id).where(*where).order_by(trial.c.number)))


def living(c: Connection, sweep_id: int, states: tuple[str, ...] = LIVING) -> list[int]:
    """Ids of the sweep's trials in these states, in the order of their numbers."""
    query = select(trial.c.id).where(trial.c.sweep_id == sweep_id, trial.c.state.in_(states))
    return list(c.scalars(query.order_by(trial.c.number)))

"""What changes in a sweep when its trials change: its change number, finished groups, its own end."""

from sqlalchemy import Connection, bindparam, exists, select, update

from learning.states import LIVING_SWEEP, LIVING_TRIAL
from store.db.tables import sweep, trial, trial_group
from store.queue import halving_rungs

_MARK_CHANGED = update(sweep).where(sweep.c.id == bindparam("sweep")).values(changed=bindparam("number"))

_END_GROUPS = (
    update(trial_group)
    .where(trial_group.c.sweep_id == bindparam("sweep"), trial_group.c.state != "done")
    .where(~exists().where(trial.c.group_id == trial_group.c.id, trial.c.state.in_(LIVING_TRIAL)))
    .values(state="done", worker=None)
)

_FINISH = (
    update(sweep)
    .where(sweep.c.id == bindparam("sweep"), sweep.c.state.in_(LIVING_SWEEP))
    .where(~exists().where(trial.c.sweep_id == bindparam("sweep"), trial.c.state.in_(LIVING_TRIAL)))
    .values(state="finished", finished_at=bindparam("now"))
)


def mark_changed(c: Connection, sweep_id: int, number: int) -> None:
    """Gives the sweep's row a new change number, because something in it changed."""
    c.execute(_MARK_CHANGED, {"sweep": sweep_id, "number": number})


def settle(c: Connection, sweep_id: int, now: float) -> None:
    """Finishes what the last change of trials made complete: groups, rungs, and the sweep itself.

    Ends the groups without a trial left to train, decides the rungs that no group is still on its way to,
    and sets the sweep to finished if it has no living trial. The caller marks the sweep as changed.
    """
    c.execute(_END_GROUPS, {"sweep": sweep_id})
    if halving_rungs.decide(c, sweep_id, now):
        c.execute(_END_GROUPS, {"sweep": sweep_id})
    c.execute(_FINISH, {"sweep": sweep_id, "now": now})


def find_unstarted(c: Connection, sweep_id: int) -> list[int]:
    """Ids of the sweep's queued trials without an epoch, in the order of their numbers."""
    where = (trial.c.sweep_id == sweep_id, trial.c.state == "queued", trial.c.epochs_done == 0)
    return list(c.scalars(select(trial.c.id).where(*where).order_by(trial.c.number)))


def find_in_states(c: Connection, sweep_id: int, states: tuple[str, ...] = LIVING_TRIAL) -> list[int]:
    """Ids of the sweep's trials in these states, in the order of their numbers."""
    query = select(trial.c.id).where(trial.c.sweep_id == sweep_id, trial.c.state.in_(states))
    return list(c.scalars(query.order_by(trial.c.number)))

"""What a user may do to a trial: stop it, retry it, exclude it from the ranking and include it again."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update

from learning.states import SWEEP_STATES, TRIAL_STATES, require_action
from store.db import change_counter
from store.db.tables import epoch, sweep
from store.queue import groups, sweep_state, trial_updates
from store.queue.new_trials import UNTRAINED
from store.read import trials
from store.read.trials import Trial


def stop(c: Connection, id: int, now: float) -> Trial:
    """Ends a queued or running trial by hand; its epochs and its rank stay. Raises NotAllowed, NotFound."""
    number, *_ = change_counter.take(c)
    found = _get_allowing(c, id, "stop")
    stop_all(c, found.sweep_id, [id], now)
    sweep_state.mark_changed(c, found.sweep_id, number)
    return trials.must_get(c, id)


def stop_all(c: Connection, sweep_id: int, ids: Sequence[int], now: float) -> None:
    """Stops living trials of a sweep; the caller has taken the change counter and marks the sweep."""
    trial_updates.end_all(c, ids, "stopped", "stopped by hand", now)
    sweep_state.settle(c, sweep_id, now)


def retry(c: Connection, id: int, now: float) -> Trial:
    """Queues an ended trial again, alone and from the start: its epochs go. Raises NotAllowed, NotFound.

    The sweep's stopping rule no longer applies to it: it trains to its end, past every rung. Readers with a
    cursor must start again. The sweep runs again if it had ended.
    """
    number, *_ = change_counter.take(c)
    found = _get_allowing(c, id, "retry")
    retry_all(c, found.sweep_id, [id])
    sweep_state.mark_changed(c, found.sweep_id, number)
    return trials.must_get(c, id)


def retry_all(c: Connection, sweep_id: int, ids: Sequence[int]) -> None:
    """Queues ended trials of a sweep again; the caller has taken the change counter and marks the sweep.

    Raises NotAllowed when the sweep's state does not allow it.
    """
    state = c.execute(select(sweep.c.state).where(sweep.c.id == sweep_id)).scalar_one()
    require_action(SWEEP_STATES, state, "retry", f"Sweep {sweep_id}")
    c.execute(delete(epoch).where(epoch.c.trial_id.in_(ids)))
    trial_updates.change(c, ids, **UNTRAINED, exempt=True)
    groups.separate(c, sweep_id, ids, groups.GroupStart(change_counter.take(c)[0]))
    if state != "paused":
        c.execute(update(sweep).where(sweep.c.id == sweep_id).values(state="running", finished_at=None))
    change_counter.reset(c)


def exclude(c: Connection, id: int, excluded: bool) -> Trial:
    """Excludes a trial from the ranking or includes it again, in any state. Raises NotFound."""
    number, *_ = change_counter.take(c)
    found = trials.must_get(c, id)
    exclude_all(c, [id], excluded)
    sweep_state.mark_changed(c, found.sweep_id, number)
    return trials.must_get(c, id)


def exclude_all(c: Connection, ids: Sequence[int], excluded: bool) -> None:
    """Excludes or includes trials; the caller has taken the change counter and marks their sweep."""
    trial_updates.change(c, ids, excluded=excluded)


def _get_allowing(c: Connection, id: int, action: str) -> Trial:
    """The trial, if its state allows the action. Raises NotAllowed, NotFound."""
    found = trials.must_get(c, id)
    require_action(TRIAL_STATES, found.state, action, f"Trial {found.number} of sweep {found.sweep_id}")
    return found

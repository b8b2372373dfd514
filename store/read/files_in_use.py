"""Files beside the database that some row still needs, and where a trial's latest weights may be."""

from sqlalchemy import Connection, select

from store.db.states import LIVING
from store.db.tables import sweep, trial, trial_group
from store.db.weight_files import CheckpointRef
from store.queue.groups import start_of


def groups_in_use(c: Connection) -> set[int]:
    """Groups whose checkpoints may be read again: by themselves, or by groups that start from them."""
    query = select(trial.c.group_id).where(trial.c.state.in_(LIVING)).distinct()
    alive = c.execute(select(trial_group).where(trial_group.c.state != "done")).all()
    sources = {ref.group_id for group in alive for ref in start_of(group).checkpoints}
    return set(c.scalars(query)) | {group.id for group in alive} | sources


def trials_with_models(c: Connection) -> set[int]:
    """Trials whose weights are kept, or may be marked so at any moment because they still train."""
    query = select(trial.c.id).where(trial.c.has_model | trial.c.state.in_(LIVING))
    return set(c.scalars(query))


def ended_before(c: Connection, moment: float) -> tuple[int, ...]:
    """Sweeps that had ended by then, in UTC seconds."""
    query = select(sweep.c.id).where(
        sweep.c.state.in_(("finished", "cancelled")), sweep.c.finished_at < moment
    )
    return tuple(c.scalars(query.order_by(sweep.c.id)))


def checkpoints_of(c: Connection, trial_id: int) -> tuple[CheckpointRef, ...]:
    """The checkpoints of the group that a trial is in; after a rung several, of which one holds the trial."""
    query = select(trial_group).join(trial, trial.c.group_id == trial_group.c.id)
    group = c.execute(query.where(trial.c.id == trial_id)).one_or_none()
    return start_of(group).checkpoints if group is not None else ()

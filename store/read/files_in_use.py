"""Which checkpoint and weight files are still needed, and which checkpoints hold a trial."""

from sqlalchemy import Connection, select

from learning.states import LIVING_TRIAL
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.tables import trial, trial_group
from store.queue.groups import read_start


def find_groups(c: Connection) -> set[int]:
    """Ids of the groups whose checkpoints they, or groups that start from them, may read again."""
    query = select(trial.c.group_id).where(trial.c.state.in_(LIVING_TRIAL)).distinct()
    alive = c.execute(select(trial_group).where(trial_group.c.state != "done")).all()
    sources = {ref.group_id for group in alive for ref in read_start(group).checkpoints}
    return set(c.scalars(query)) | {group.id for group in alive} | sources


def find_trials(c: Connection) -> set[int]:
    """Ids of the trials whose weights are kept, or may be at any moment because they still train."""
    query = select(trial.c.id).where(trial.c.has_model | trial.c.state.in_(LIVING_TRIAL))
    return set(c.scalars(query))


def find_checkpoints(c: Connection, trial_id: int) -> tuple[CheckpointRef, ...]:
    """The checkpoints of a trial's group; after a rung several, one of which holds the trial."""
    query = select(trial_group).join(trial, trial.c.group_id == trial_group.c.id)
    group = c.execute(query.where(trial.c.id == trial_id)).one_or_none()
    return read_start(group).checkpoints if group is not None else ()

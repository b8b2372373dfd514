"""Owns the question which checkpoints may hold a trial's latest weights (writes none)."""

from sqlalchemy import Connection, select

from store.files import CheckpointRef
from store.groups import start_of
from store.tables import trial, trial_group


def of_trial(c: Connection, trial_id: int) -> tuple[CheckpointRef, ...]:
    """The checkpoints of the group that a trial is in; after a rung several, of which one holds the trial."""
    query = select(trial_group).join(trial, trial.c.group_id == trial_group.c.id)
    group = c.execute(query.where(trial.c.id == trial_id)).one_or_none()
    return start_of(group).checkpoints if group is not None else ()

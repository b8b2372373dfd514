"""Owns the question which checkpoint holds a trial's latest weights (writes none)."""

from sqlalchemy import Connection, select

from store.files import CheckpointRef
from store.tables import trial, trial_group


def of_trial(c: Connection, trial_id: int) -> CheckpointRef | None:
    """The last checkpoint of the group that a trial is in, if one was taken."""
    group = trial_group.c
    query = select(group.checkpoint_name, group.checkpoint_sha256, group.checkpoint_epoch)
    row = c.execute(
        query.join(trial, trial.c.group_id == group.id).where(trial.c.id == trial_id)
    ).one_or_none()
    return CheckpointRef(*row) if row is not None and row[0] is not None else None

"""Claims: how a worker takes a group from the queue (claimed_groups.py then writes for it).

Each claim raises the attempt of the group and of its trials. Every write names the attempt it was claimed
with (a fencing token), so a worker that has lost its group, or a trial of it, is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from learning.search.early_stopping import StoppingRule, restore_rule
from learning.settings import Settings
from learning.states import SWEEP_STATES
from store.db import change_counter
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.tables import sweep, trial, trial_group
from store.queue import groups
from store.queue.groups import read_start

# In a stopping sweep, queued trials are those whose worker was lost: they may still finish.
TRAINING = tuple(state.name for state in SWEEP_STATES.values() if state.trains)


@dataclass(frozen=True, slots=True)
class ClaimedTrial:
    """A claimed trial and the attempt it was claimed with."""

    id: int
    number: int
    attempt: int
    settings: Settings
    epochs_done: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed group. It is ours until the answer to a write says otherwise."""

    group_id: int
    sweep_id: int
    dataset: str
    seed: int  # of the sweep
    epochs_total: int
    trials: tuple[ClaimedTrial, ...]
    checkpoints: tuple[CheckpointRef, ...]  # together they hold the state to go on from; none: from epoch 0
    attempt: int  # of the group
    until: int  # the epoch after which its trials end or wait at a rung
    stopping: StoppingRule | None  # of the sweep


def claim(c: Connection, worker: str, now: float) -> Claim | None:
    """Takes the first queued group of the lowest bracket for this worker; None if there is none."""
    # Idle workers ask often: they must not wait for the change counter for nothing.
    if not has_queued_group(c):
        return None
    numbers = change_counter.take(c, groups.MAX_GROUP_SIZE + 1)
    group = c.execute(_CLAIM, {"token": worker}).one_or_none()
    if group is None:
        return None
    rows = c.execute(_MEMBERS, {"group": group.id}).all()
    starts = [{"_id": row.id, "_seq": seq} for row, seq in zip(rows, numbers, strict=False)]
    c.execute(_START, [start | {"_worker": worker, "_now": now} for start in starts])
    sweep_row = c.execute(_START_SWEEP, {"sweep": group.sweep_id, "number": numbers[-1], "now": now}).one()
    return _build_claim(group, sweep_row, rows)


def has_queued_group(c: Connection) -> bool:
    """Whether there is a group to claim."""
    return c.execute(_FIRST).first() is not None


def _select_next_group() -> Select[*tuple[Any, ...]]:
    return (
        select(trial_group.c.id)
        .join(sweep, sweep.c.id == trial_group.c.sweep_id)
        .where(trial_group.c.state == "queued", sweep.c.state.in_(TRAINING))
        .order_by(trial_group.c.bracket, trial_group.c.id)
        .limit(1)
    )


_FIRST = _select_next_group()
# The change counter lets one claim in at a time; the condition on the state keeps it right even without that.
_CLAIM = (
    update(trial_group)
    .where(
        trial_group.c.id
        == _select_next_group().with_for_update(of=trial_group, skip_locked=True).scalar_subquery(),
        trial_group.c.state == "queued",
    )
    .values(
        state="running",
        worker=bindparam("token"),
        attempt=trial_group.c.attempt + 1,
        beat=trial_group.c.beat + 1,
        progressed=False,
    )
    .returning(trial_group)
)
_MEMBERS = (
    select(
        trial.c.id,
        trial.c.number,
        trial.c.attempt,
        trial.c.settings,
        trial.c.epochs_done,
        trial.c.epochs_total,
    )
    .where(trial.c.group_id == bindparam("group"), trial.c.state == "queued")
    .order_by(trial.c.number)
)
_START = (
    update(trial)
    .where(trial.c.id == bindparam("_id"))
    .values(
        state="running",
        attempt=trial.c.attempt + 1,
        worker=bindparam("_worker"),
        started_at=func.coalesce(trial.c.started_at, bindparam("_now")),
        changed=bindparam("_seq"),
    )
)
_START_SWEEP = (
    update(sweep)
    .where(sweep.c.id == bindparam("sweep"))
    .values(started_at=func.coalesce(sweep.c.started_at, bindparam("now")), changed=bindparam("number"))
    .returning(sweep.c.dataset, sweep.c.seed, sweep.c.stopping)
)


def _build_claim(
    group: Row[*tuple[Any, ...]], sweep_row: Row[*tuple[Any, ...]], rows: Sequence[Row[*tuple[Any, ...]]]
) -> Claim:
    members = tuple(
        ClaimedTrial(row.id, row.number, row.attempt + 1, Settings.restore(row.settings), row.epochs_done)
        for row in rows
    )
    return Claim(
        group.id,
        group.sweep_id,
        sweep_row.dataset,
        sweep_row.seed,
        rows[0].epochs_total,
        members,
        read_start(group).checkpoints,
        group.attempt,
        group.until or rows[0].epochs_total,
        restore_rule(sweep_row.stopping),
    )

"""Owns the claim: how a worker takes a group from the queue, and what it holds then (queue.py writes for it).

Each claim raises the group's attempt and that of its trials; whoever writes names the attempt it claimed, so
a worker that lost its group, or a trial of it, is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from learning.search.early_stopping import StoppingRule, parse
from learning.settings import Settings
from store.db import change_counter
from store.db.tables import sweep, trial, trial_group
from store.db.weight_files import CheckpointRef
from store.queue import groups
from store.queue.groups import start_of

# A stopping sweep's queued trials are ones whose worker was lost: they may end.
CLAIMABLE = ("running", "stopping")


@dataclass(frozen=True, slots=True)
class ClaimedTrial:
    """A trial that is ours, under an attempt."""

    id: int
    number: int
    attempt: int
    settings: Settings
    epochs_done: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A group that is ours until the answer to a write says otherwise."""

    group_id: int
    sweep_id: int
    dataset: str
    seed: int  # the sweep's
    epochs_total: int
    trials: tuple[ClaimedTrial, ...]
    checkpoints: tuple[CheckpointRef, ...]  # together they hold the state to go on from; none: from epoch 0
    attempt: int  # the group's
    until: int  # the epoch after which its trials end, or wait at a rung
    stopping: StoppingRule | None  # the sweep's


def claim(c: Connection, worker: str, now: float) -> Claim | None:
    """The first queued group of the lowest bracket, now running under this worker; None if there is none."""
    # Idle workers ask often: they must not wait for the change counter for nothing.
    if not waiting(c):
        return None
    numbers = change_counter.take(c, groups.GROUP_SIZE + 1)
    group = c.execute(_CLAIM, {"token": worker}).one_or_none()
    if group is None:
        return None
    rows = c.execute(_MEMBERS, {"group": group.id}).all()
    starts = [{"_id": row.id, "_seq": seq} for row, seq in zip(rows, numbers, strict=False)]
    c.execute(_START, [start | {"_worker": worker, "_now": now} for start in starts])
    about = c.execute(_START_SWEEP, {"sweep": group.sweep_id, "number": numbers[-1], "now": now}).one()
    return _claim(group, about, rows)


def waiting(c: Connection) -> bool:
    """Whether there is a group to claim."""
    return c.execute(_FIRST).first() is not None


def _next_group() -> Select[*tuple[Any, ...]]:
    return (
        select(trial_group.c.id)
        .join(sweep, sweep.c.id == trial_group.c.sweep_id)
        .where(trial_group.c.state == "queued", sweep.c.state.in_(CLAIMABLE))
        .order_by(trial_group.c.bracket, trial_group.c.id)
        .limit(1)
    )


_FIRST = _next_group()
# The change counter lets one claim in at a time; the condition on the state keeps it right even without that.
_CLAIM = (
    update(trial_group)
    .where(
        trial_group.c.id == _next_group().with_for_update(of=trial_group, skip_locked=True).scalar_subquery(),
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


def _claim(
    group: Row[*tuple[Any, ...]], about: Row[*tuple[Any, ...]], rows: Sequence[Row[*tuple[Any, ...]]]
) -> Claim:
    members = tuple(
        ClaimedTrial(row.id, row.number, row.attempt + 1, Settings.parse(row.settings), row.epochs_done)
        for row in rows
    )
    return Claim(
        group.id,
        group.sweep_id,
        about.dataset,
        about.seed,
        rows[0].epochs_total,
        members,
        start_of(group).checkpoints,
        group.attempt,
        group.until or rows[0].epochs_total,
        parse(about.stopping),
    )

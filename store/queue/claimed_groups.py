"""Writes for claimed groups: recording epochs, failing, releasing, heartbeats.

A group is queued, running, waiting at a rung (halving_rungs.py) or done. Every write passes a fence: it names
the claim (claims.py), and what is no longer held under it is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select, update

from store.db import change_counter
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.tables import sweep, trial, trial_group
from store.queue import early_stopping, epochs, groups, sweep_state, trial_updates
from store.queue.claims import Claim
from store.queue.groups import read_start
from store.queue.trial_progress import UPDATE_PROGRESS, TrialProgress

if TYPE_CHECKING:
    from learning.training.trainer import Epoch

DEATHS_BEFORE_SPLIT = 2  # deaths in a row without a new epoch, after which a group's trials train alone
MAX_DEATHS = 3  # and after which a trial fails


class CheckpointNeeded(Exception):  # noqa: N818  a request, not a mistake
    """Trials would leave the stack, and there is no checkpoint to resume from at that epoch."""


def record(
    c: Connection,
    claim: Claim,
    new: Sequence["Epoch"],
    checkpoint: CheckpointRef | None,
    now: float,
    verdicts: Mapping[int, str] = MappingProxyType({}),
    *,
    require_checkpoint: bool = False,
) -> frozenset[int]:
    """Stores the epochs of one training step; returns the ids of the trials that are ours and still running.

    Epochs of trials that are no longer ours are dropped, and rows that exist already are left as they are. An
    epoch that diverged or is the last one ends its trial here, and so may the sweep's stopping rule; at a
    rung the trials wait. The sweep ends with its last trial. With `require_checkpoint` raises
    CheckpointNeeded, so that nothing is stored, if the rule would stop some trials of several and there is
    no checkpoint. A trial that is not in `verdicts` gets none.
    """
    numbers = iter(change_counter.take(c, 2 * len(new) + 1))  # more than enough; unused numbers do no harm
    mine = {row.id: TrialProgress(row, claim.until) for row in _read_mine(c, claim)}
    if not mine:
        return frozenset()
    written = [
        epochs.NewEpoch(next(numbers), mine[epoch.key].attempt, epoch)
        for epoch in new
        if epoch.key in mine and mine[epoch.key].advance(epoch, now)
    ]
    epochs.insert_epochs(c, claim.sweep_id, written)
    going = [progress for progress in mine.values() if progress.changed and progress.state == "running"]
    stopped = early_stopping.find_stopped(c, claim.stopping, claim.sweep_id, going)
    if require_checkpoint and checkpoint is None and 0 < len(stopped) < len(going):
        raise CheckpointNeeded
    for id, reason in stopped.items():
        mine[id].stop(reason, now)
    rows = [
        progress.to_row(next(numbers), verdicts.get(progress.id))
        for progress in mine.values()
        if progress.changed
    ]
    if rows:
        c.execute(UPDATE_PROGRESS, rows)
    _update_group(c, claim, checkpoint, bool(written))
    _measure(c, claim.sweep_id, [new_epoch.epoch for new_epoch in written], next(numbers))
    ended = {progress.id for progress in mine.values() if progress.state != "running"}
    if any(progress.state == "queued" for progress in mine.values()):
        c.execute(_WAIT, {"group": claim.group_id})
    if ended:
        sweep_state.settle(c, claim.sweep_id, now)
    return frozenset(mine) - ended


def fail(c: Connection, claim: Claim, cause: str, now: float) -> None:
    """After an exception in training: a single trial fails, several are queued again, each alone.

    Like any attempt it counts as a failure of its trials if it stored nothing new.
    """
    number, *_ = change_counter.take(c)
    mine = _read_mine(c, claim)
    if not mine:
        return
    group = c.execute(_GROUP, {"group": claim.group_id}).one()
    ids = [row.id for row in mine]
    if len(ids) == 1:
        trial_updates.end_all(c, ids, "failed", cause, now, fault=not group.progressed)
    else:
        trial_updates.requeue(c, ids, fault=not group.progressed)
        groups.separate(c, claim.sweep_id, ids, read_start(group))
    sweep_state.mark_changed(c, claim.sweep_id, number)
    sweep_state.settle(c, claim.sweep_id, now)


def release(c: Connection, claim: Claim, now: float) -> None:
    """Queues what is still ours again, because the worker stops by itself; no failure is counted."""
    number, *_ = change_counter.take(c)
    mine = _read_mine(c, claim)
    if not mine:
        return
    trial_updates.requeue(c, [row.id for row in mine], fault=False)
    c.execute(_QUEUE, {"group": claim.group_id})
    sweep_state.mark_changed(c, claim.sweep_id, number)


def abandon(c: Connection, worker: str, cause: str, now: float, *, fault: bool = True) -> int:
    """Takes the groups of a dead worker: queues, splits or fails them (decision 3). Returns how many it had.

    Without `fault` its end was wanted and does not count against the trials.
    """
    if c.execute(_OWNED, {"token": worker}).first() is None:
        return 0
    change_counter.take(c)
    owned = c.execute(_OWNED, {"token": worker}).all()
    for group in owned:
        _abandon(c, group, cause, now, fault=fault and not group.progressed)
    return len(owned)


def has_progressed(c: Connection, worker: str) -> bool:
    """Whether a group that the worker holds has stored a new epoch since it was claimed."""
    return any(group.progressed for group in c.execute(_OWNED, {"token": worker}))


def beat(c: Connection, claim: Claim) -> bool:
    """Shows that the worker lives while no epoch is ready. Whether the group is still ours."""
    return c.execute(_BEAT, {"group": claim.group_id, "claimed": claim.attempt}).rowcount == 1


def list_beats(c: Connection) -> dict[int, tuple[int, str]]:
    """By running group: a counter that rises while its worker lives, and the worker's token."""
    rows = c.execute(
        select(trial_group.c.id, trial_group.c.beat, trial_group.c.worker).where(
            trial_group.c.state == "running"
        )
    )
    return {row.id: (row.beat, row.worker) for row in rows}


_MINE = (
    select(
        trial.c.id,
        trial.c.attempt,
        trial.c.epochs_done,
        trial.c.epochs_total,
        trial.c.failures,
        trial.c.best_val_acc,
        trial.c.best_epoch,
        trial.c.exempt,
    )
    .where(trial.c.group_id == bindparam("group"), trial.c.state == "running")
    .order_by(trial.c.number)
)


def _read_mine(c: Connection, claim: Claim) -> list[Row[*tuple[Any, ...]]]:
    """The fence: of the claimed trials, those that still run under the attempt of the claim."""
    attempts = {trial.id: trial.attempt for trial in claim.trials}
    rows = c.execute(_MINE, {"group": claim.group_id})
    return [row for row in rows if attempts.get(row.id) == row.attempt]


_BEAT = (
    update(trial_group)
    .where(
        trial_group.c.id == bindparam("group"),
        trial_group.c.state == "running",
        trial_group.c.attempt == bindparam("claimed"),
    )
    .values(beat=trial_group.c.beat + 1)
)
_BEAT_PROGRESSED = _BEAT.values(progressed=True)
_BEAT_CHECKPOINT = _BEAT_PROGRESSED.values(checkpoints=bindparam("checkpoints"))


def _update_group(c: Connection, claim: Claim, checkpoint: CheckpointRef | None, progressed: bool) -> None:
    """A new checkpoint is progress too: it advances even while lost epochs are trained a second time."""
    key: dict[str, Any] = {"group": claim.group_id, "claimed": claim.attempt}
    if checkpoint is not None:
        c.execute(_BEAT_CHECKPOINT, key | {"checkpoints": [asdict(checkpoint)]})
    else:
        c.execute(_BEAT_PROGRESSED if progressed else _BEAT, key)


_MEASURE = (
    update(sweep)
    .where(sweep.c.id == bindparam("sweep"))
    .values(
        measured_epochs=sweep.c.measured_epochs + bindparam("epochs"),
        measured_seconds=sweep.c.measured_seconds + bindparam("seconds"),
        measured_steps=sweep.c.measured_steps + bindparam("steps"),
        measured_squares=sweep.c.measured_squares + bindparam("squares"),
        changed=bindparam("number"),
    )
)


def _measure(c: Connection, sweep_id: int, written: Sequence["Epoch"], number: int) -> None:
    values = {
        "sweep": sweep_id,
        "epochs": len(written),
        "seconds": float(sum(epoch.seconds for epoch in written)),
        "steps": len({epoch.epoch for epoch in written}),
        "squares": float(sum(epoch.seconds**2 for epoch in written)),
        "number": number,
    }
    c.execute(_MEASURE, values)


_GROUP = select(trial_group).where(trial_group.c.id == bindparam("group"))
_OWNED = select(trial_group).where(
    trial_group.c.worker == bindparam("token"), trial_group.c.state == "running"
)
_QUEUE = update(trial_group).where(trial_group.c.id == bindparam("group")).values(state="queued", worker=None)
_WAIT = _QUEUE.values(state=groups.WAITING)


def _abandon(c: Connection, group: Row[*tuple[Any, ...]], cause: str, now: float, *, fault: bool) -> None:
    rows = c.execute(_MINE, {"group": group.id}).all()
    failed = [row.id for row in rows if row.failures + fault >= MAX_DEATHS]
    again = [row.id for row in rows if row.id not in failed]
    trial_updates.end_all(c, failed, "failed", cause, now, fault=fault)
    trial_updates.requeue(c, again, fault=fault)
    if len(rows) > 1 and any(row.failures + fault >= DEATHS_BEFORE_SPLIT for row in rows):
        groups.separate(c, group.sweep_id, again, read_start(group))
    elif again:
        c.execute(_QUEUE, {"group": group.id})
    sweep_state.mark_changed(c, group.sweep_id, change_counter.take(c)[0])
    sweep_state.settle(c, group.sweep_id, now)

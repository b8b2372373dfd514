"""Owns the queue behind its fence: writing the epochs of claimed groups, giving groups up (does not train).

A group is queued, running, waiting at a rung (rungs.py) or done. Whoever writes shows its claim (claims.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select, update

from store.db import change_counter
from store.db.states import WAITING
from store.db.tables import sweep, trial, trial_group
from store.db.weight_files import CheckpointRef
from store.queue import early_stopping, epochs, groups, sweep_state, transitions
from store.queue.claims import Claim
from store.queue.groups import start_of
from store.queue.progress import PROGRESS, Progress

if TYPE_CHECKING:
    from learning.training.trainer import Epoch

SPLIT_AT = 2  # deaths in a row without a new epoch, after which a group's trials are tried one by one
FAIL_AT = 3  # and after which a trial has failed


class Leaving(Exception):  # noqa: N818  a state of affairs, not a mistake
    """Trials would leave the stack, and there is no checkpoint for a resumed run to start from just there."""


def record(
    c: Connection,
    claim: Claim,
    new: Sequence["Epoch"],
    checkpoint: CheckpointRef | None,
    now: float,
    verdicts: Mapping[int, str] = MappingProxyType({}),
    *,
    unless_leaving: bool = False,
) -> frozenset[int]:
    """Stores what one step of training gave; the ids of the trials that are still ours and still running.

    Epochs of trials that are no longer ours are dropped, and rows that exist already are left as they are. An
    epoch that diverged or is the last one ends its trial here, and so may the sweep's stopping rule; at a
    rung the trials wait. The sweep ends with its last trial. With `unless_leaving` raises Leaving, so that
    nothing is stored, if the rule would stop some trials of several and there is no checkpoint. A trial
    without a verdict here is one that has none.
    """
    numbers = iter(change_counter.take(c, 2 * len(new) + 1))  # more than enough; unused numbers do no harm
    mine = {row.id: Progress(row, claim.until) for row in _mine(c, claim)}
    if not mine:
        return frozenset()
    written = [
        epochs.Numbered(next(numbers), mine[one.key].attempt, one)
        for one in new
        if one.key in mine and mine[one.key].advance(one, now)
    ]
    epochs.append(c, claim.sweep_id, written)
    going = [one for one in mine.values() if one.moved and one.state == "running"]
    stopped = early_stopping.stopped(c, claim.stopping, claim.sweep_id, going)
    if unless_leaving and checkpoint is None and 0 < len(stopped) < len(going):
        raise Leaving
    for id, reason in stopped.items():
        mine[id].stop(reason, now)
    moved = [one.row(next(numbers), verdicts.get(one.id)) for one in mine.values() if one.moved]
    if moved:
        c.execute(PROGRESS, moved)
    _beat_on(c, claim, checkpoint, bool(written))
    _measure(c, claim.sweep_id, [one.epoch for one in written], next(numbers))
    ended = {progress.id for progress in mine.values() if progress.state != "running"}
    if any(progress.state == "queued" for progress in mine.values()):
        c.execute(_WAIT, {"group": claim.group_id})
    if ended:
        sweep_state.settle(c, claim.sweep_id, now)
    return frozenset(mine) - ended


def fail(c: Connection, claim: Claim, cause: str, now: float) -> None:
    """Training raised an exception: several trials are queued again one by one; one alone has failed.

    Like any attempt it counts as a failure of its trials if it stored nothing new.
    """
    number, *_ = change_counter.take(c)
    mine = _mine(c, claim)
    if not mine:
        return
    group = c.execute(_GROUP, {"group": claim.group_id}).one()
    ids = [row.id for row in mine]
    if len(ids) == 1:
        transitions.end_all(c, ids, "failed", cause, now, fault=not group.progressed)
    else:
        transitions.requeue(c, ids, fault=not group.progressed)
        groups.separate(c, claim.sweep_id, ids, start_of(group))
    sweep_state.mark(c, claim.sweep_id, number)
    sweep_state.settle(c, claim.sweep_id, now)


def release(c: Connection, claim: Claim, now: float) -> None:
    """The worker stops of its own will: what is still ours is queued again, and no failure is counted."""
    number, *_ = change_counter.take(c)
    mine = _mine(c, claim)
    if not mine:
        return
    transitions.requeue(c, [row.id for row in mine], fault=False)
    c.execute(_QUEUE, {"group": claim.group_id})
    sweep_state.mark(c, claim.sweep_id, number)


def abandon(c: Connection, worker: str, cause: str, now: float, *, fault: bool = True) -> int:
    """The worker is dead: its groups are queued again, split or failed, see decision 3. How many it had.

    Without `fault` its end was wanted, and is not counted against the trials.
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
    """Shows that the worker lives though no epoch is ready; whether the group is still ours."""
    return c.execute(_BEAT, {"group": claim.group_id, "claimed": claim.attempt}).rowcount == 1


def beats(c: Connection) -> dict[int, tuple[int, str]]:
    """By running group: a counter that rises while its worker lives, and that worker's token."""
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


def _mine(c: Connection, claim: Claim) -> list[Row[*tuple[Any, ...]]]:
    """The fence: of the claimed trials, those that still run under the attempt of the claim."""
    attempts = {one.id: one.attempt for one in claim.trials}
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


def _beat_on(c: Connection, claim: Claim, checkpoint: CheckpointRef | None, progressed: bool) -> None:
    """A new checkpoint is progress too: it moves on even while lost epochs are trained a second time."""
    which: dict[str, Any] = {"group": claim.group_id, "claimed": claim.attempt}
    if checkpoint is not None:
        c.execute(_BEAT_CHECKPOINT, which | {"checkpoints": [asdict(checkpoint)]})
    else:
        c.execute(_BEAT_PROGRESSED if progressed else _BEAT, which)


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
        "seconds": float(sum(one.seconds for one in written)),
        "steps": len({one.epoch for one in written}),
        "squares": float(sum(one.seconds**2 for one in written)),
        "number": number,
    }
    c.execute(_MEASURE, values)


_GROUP = select(trial_group).where(trial_group.c.id == bindparam("group"))
_OWNED = select(trial_group).where(
    trial_group.c.worker == bindparam("token"), trial_group.c.state == "running"
)
_QUEUE = update(trial_group).where(trial_group.c.id == bindparam("group")).values(state="queued", worker=None)
_WAIT = _QUEUE.values(state=WAITING)


def _abandon(c: Connection, group: Row[*tuple[Any, ...]], cause: str, now: float, *, fault: bool) -> None:
    rows = c.execute(_MINE, {"group": group.id}).all()
    failed = [row.id for row in rows if row.failures + fault >= FAIL_AT]
    again = [row.id for row in rows if row.id not in failed]
    transitions.end_all(c, failed, "failed", cause, now, fault=fault)
    transitions.requeue(c, again, fault=fault)
    if len(rows) > 1 and any(row.failures + fault >= SPLIT_AT for row in rows):
        groups.separate(c, group.sweep_id, again, start_of(group))
    elif again:
        c.execute(_QUEUE, {"group": group.id})
    sweep_state.mark(c, group.sweep_id, change_counter.take(c)[0])
    sweep_state.settle(c, group.sweep_id, now)

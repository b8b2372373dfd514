"""Owns the queue: claiming groups, writing their epochs behind a fence, giving groups up (does not train).

A group is queued, running, waiting at a rung (rungs.py) or done. Each claim raises the group's attempt and
that of its trials; whoever writes names the attempt it claimed, so a worker that lost its group, or a trial
of it, is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from learning.settings import Settings
from learning.stopping import StoppingRule, parse
from store import clock, early, endings, epochs, groups, moves
from store.files import CheckpointRef
from store.groups import start_of
from store.progress import PROGRESS, Progress
from store.rungs import WAITING
from store.tables import sweep, trial, trial_group

if TYPE_CHECKING:
    from learning.train import Epoch

SPLIT_AT = 2  # deaths in a row without a new epoch, after which a group's trials are tried one by one
FAIL_AT = 3  # and after which a trial has failed
CLAIMABLE = (
    "running",
    "stopping",
)  # a stopping sweep's queued trials are ones whose worker was lost: they may end


class Leaving(Exception):  # noqa: N818  a state of affairs, not a mistake
    """Trials would leave the stack, and there is no checkpoint for a resumed run to start from just there."""


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
    # Idle workers ask often: they shall not stand in the clock's queue for nothing.
    if c.execute(_FIRST).first() is None:
        return None
    numbers = clock.take(c, groups.GROUP_SIZE + 1)
    group = c.execute(_CLAIM, {"token": worker}).one_or_none()
    if group is None:
        return None
    rows = c.execute(_MEMBERS, {"group": group.id}).all()
    starts = [{"_id": row.id, "_seq": seq} for row, seq in zip(rows, numbers, strict=False)]
    c.execute(_START, [start | {"_worker": worker, "_now": now} for start in starts])
    about = c.execute(_START_SWEEP, {"sweep": group.sweep_id, "number": numbers[-1], "now": now}).one()
    return _claim(group, about, rows)


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
    numbers = iter(clock.take(c, 2 * len(new) + 1))  # more than enough; a number left over is no harm
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
    stopped = early.stopped(c, claim.stopping, claim.sweep_id, going)
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
        endings.settle(c, claim.sweep_id, now)
    return frozenset(mine) - ended


def fail(c: Connection, claim: Claim, cause: str, now: float) -> None:
    """Training raised an exception: several trials are queued again one by one; one alone has failed.

    Like any attempt it counts as a failure of its trials if it stored nothing new.
    """
    number, *_ = clock.take(c)
    mine = _mine(c, claim)
    if not mine:
        return
    group = c.execute(_GROUP, {"group": claim.group_id}).one()
    ids = [row.id for row in mine]
    if len(ids) == 1:
        moves.end_all(c, ids, "failed", cause, now, fault=not group.progressed)
    else:
        moves.requeue(c, ids, fault=not group.progressed)
        groups.separate(c, claim.sweep_id, ids, start_of(group))
    endings.mark(c, claim.sweep_id, number)
    endings.settle(c, claim.sweep_id, now)


def release(c: Connection, claim: Claim, now: float) -> None:
    """The worker stops of its own will: what is still ours is queued again, and no failure is counted."""
    number, *_ = clock.take(c)
    mine = _mine(c, claim)
    if not mine:
        return
    moves.requeue(c, [row.id for row in mine], fault=False)
    c.execute(_QUEUE, {"group": claim.group_id})
    endings.mark(c, claim.sweep_id, number)


def abandon(c: Connection, worker: str, cause: str, now: float, *, fault: bool = True) -> int:
    """The worker is dead: its groups are queued again, split or failed, see decision 3. How many it had.

    Without `fault` its end was wanted, and is not counted against the trials.
    """
    if c.execute(_OWNED, {"token": worker}).first() is None:
        return 0
    clock.take(c)
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


def _next_group() -> Select[*tuple[Any, ...]]:
    return (
        select(trial_group.c.id)
        .join(sweep, sweep.c.id == trial_group.c.sweep_id)
        .where(trial_group.c.state == "queued", sweep.c.state.in_(CLAIMABLE))
        .order_by(trial_group.c.bracket, trial_group.c.id)
        .limit(1)
    )


_FIRST = _next_group()
# The clock lets one claim in at a time; the state in the condition keeps the claim right even without it.
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
    moves.end_all(c, failed, "failed", cause, now, fault=fault)
    moves.requeue(c, again, fault=fault)
    if len(rows) > 1 and any(row.failures + fault >= SPLIT_AT for row in rows):
        groups.separate(c, group.sweep_id, again, start_of(group))
    elif again:
        c.execute(_QUEUE, {"group": group.id})
    endings.mark(c, group.sweep_id, clock.take(c)[0])
    endings.settle(c, group.sweep_id, now)

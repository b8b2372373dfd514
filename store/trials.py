"""Owns trials: their value, their lists, and what a user may do to one (the queue moves them otherwise)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from learning.settings import Settings
from store import clock, endings, groups, moves
from store.columns import ordering
from store.filter import condition
from store.states import LIVING, UNRANKED
from store.states import NotAllowed as NotAllowed
from store.states import NotFound as NotFound
from store.tables import epoch, sweep, trial

RETRIABLE = ("failed", "cancelled", "stopped")
REOPENABLE = ("running", "paused", "finished", "cancelled")  # states of a sweep whose trial may be retried


@dataclass(frozen=True, slots=True)
class Trial:
    """One drawn setting and its life so far."""

    id: int
    sweep_id: int
    number: int  # 0.. in its sweep
    state: str
    reason: str | None
    attempt: int  # rises with every claim: the fence
    failures: int  # attempts in a row that died without a new epoch
    settings: dict[str, Any]
    epochs_total: int
    epochs_done: int
    best_val_acc: float | None
    best_epoch: int | None
    last: dict[str, Any] | None  # latest epoch: its number, metrics and flags
    excluded: bool
    worker: str | None  # token of the one that trains or trained it last
    has_model: bool
    started_at: float | None
    finished_at: float | None
    spared: int  # epochs that a stopping rule kept it from
    changed: int
    verdict: str | None  # code of the first finding on its curve; None: not read yet


_COLUMNS = [trial.c[field.name] for field in fields(Trial)]
_SELECT = select(*_COLUMNS)


def get(c: Connection, id: int) -> Trial | None:
    row = c.execute(_SELECT.where(trial.c.id == id)).one_or_none()
    return _trial(row) if row else None


def numbered(c: Connection, sweep_id: int, number: int) -> Trial | None:
    """The trial that has this number in its sweep."""
    row = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, trial.c.number == number)).one_or_none()
    return _trial(row) if row else None


def by_ids(c: Connection, ids: Collection[int]) -> dict[int, Trial]:
    """The trials of these ids that exist."""
    return {row.id: _trial(row) for row in c.execute(_SELECT.where(trial.c.id.in_(ids)))} if ids else {}


def of_sweep(c: Connection, sweep_id: int) -> tuple[Trial, ...]:
    """All trials of a sweep by number."""
    rows = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id).order_by(trial.c.number))
    return tuple(map(_trial, rows))


def page(
    c: Connection,
    sweep_id: int,
    limit: int = 100,
    offset: int = 0,
    sort: str = "number",
    filter: str | None = None,
) -> tuple[tuple[Trial, ...], int]:
    """Some trials of a sweep, and how many fit the filter. `sort` is a name, "-" before it for falling order.

    What has no value comes last; equal ones by number. Raises FilterError for a bad filter or sort.
    """
    where = [trial.c.sweep_id == sweep_id]
    if filter and filter.strip():
        where.append(condition(filter))
    order = ordering(sort)
    total: int = c.execute(select(func.count()).select_from(trial).where(*where)).scalar_one()
    rows = c.execute(_SELECT.where(*where).order_by(*order).limit(limit).offset(offset))
    return tuple(map(_trial, rows)), total


def after(c: Connection, cursor: int, sweeps: Sequence[int] | None, limit: int) -> tuple[Trial, ...]:
    """Trials changed after a cursor in commit order, of some sweeps or (None) of all."""
    query = _SELECT.where(trial.c.changed > cursor)
    if sweeps is not None:
        query = query.where(trial.c.sweep_id.in_(sweeps))
    return tuple(map(_trial, c.execute(query.order_by(trial.c.changed).limit(limit))))


RANKED = trial.c.state.not_in(UNRANKED) & ~trial.c.excluded & trial.c.best_val_acc.is_not(None)
BEST_FIRST = (trial.c.best_val_acc.desc(), trial.c.number)


def outlines(c: Connection, sweep_id: int, filter: str) -> dict[int, tuple[int, str]]:
    """By number: id and state of the trials of a sweep that fit a filter (empty: all). Raises FilterError."""
    where = [trial.c.sweep_id == sweep_id, *([condition(filter)] if filter.strip() else [])]
    rows = c.execute(select(trial.c.number, trial.c.id, trial.c.state).where(*where).order_by(trial.c.number))
    return {row.number: (row.id, row.state) for row in rows}


def best(c: Connection, sweep_id: int, limit: int = 20) -> tuple[Trial, ...]:
    """The best by validation accuracy; never a diverged, failed or excluded one."""
    rows = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, RANKED).order_by(*BEST_FIRST).limit(limit))
    return tuple(map(_trial, rows))


def mark_models(c: Connection, sweep_id: int, ids: Collection[int]) -> None:
    """Records that of this sweep the weights of exactly these trials are kept."""
    clock.take(c)
    query = select(trial.c.id, trial.c.has_model).where(trial.c.sweep_id == sweep_id)
    wrong = [row.id for row in c.execute(query) if row.has_model != (row.id in ids)]
    moves.change(c, wrong, has_model=~trial.c.has_model)


def without_verdict(c: Connection, sweep_id: int) -> tuple[Trial, ...]:
    """The ended trials of a sweep that have epochs, but no verdict on them."""
    unread = trial.c.verdict.is_(None) & (trial.c.epochs_done > 0) & trial.c.state.not_in(LIVING)
    return tuple(map(_trial, c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, unread))))


def judge(c: Connection, verdicts: Mapping[int, str]) -> None:
    """Gives trials that have none their verdicts, by id."""
    if not verdicts:
        return
    numbers = clock.take(c, len(verdicts))
    rows = [{"_id": id, "_verdict": code} for id, code in verdicts.items()]
    c.execute(_JUDGE, [row | {"_seq": seq} for row, seq in zip(rows, numbers, strict=True)])


_JUDGE = (
    update(trial)
    .where(trial.c.id == bindparam("_id"), trial.c.verdict.is_(None), trial.c.finished_at.is_not(None))
    .values(verdict=bindparam("_verdict"), changed=bindparam("_seq"))
)


def stop(c: Connection, id: int, now: float) -> Trial:
    """Ends a queued or running trial by hand; its epochs and its rank stay. Raises NotAllowed, NotFound."""
    number, *_ = clock.take(c)
    found = _must(c, id, LIVING, "stop")
    stop_all(c, found.sweep_id, [id], now)
    endings.mark(c, found.sweep_id, number)
    return _again(c, id)


def stop_all(c: Connection, sweep_id: int, ids: Sequence[int], now: float) -> None:
    """Stops living trials of a sweep; the caller has taken the clock and marks the sweep."""
    moves.end_all(c, ids, "stopped", "stopped by hand", now)
    endings.settle(c, sweep_id, now)


def retry(c: Connection, id: int, now: float) -> Trial:
    """Queues an ended trial again, alone and from the start: its epochs go. Raises NotAllowed, NotFound.

    The sweep's stopping rule does not apply to it any more: it trains to its end, past every rung. Readers
    that follow by cursor are told to start again (clock.reset). The sweep runs again if it had ended.
    """
    number, *_ = clock.take(c)
    found = _must(c, id, RETRIABLE, "retry")
    retry_all(c, found.sweep_id, [id])
    endings.mark(c, found.sweep_id, number)
    return _again(c, id)


def retry_all(c: Connection, sweep_id: int, ids: Sequence[int]) -> None:
    """Queues ended trials of a sweep again; the caller has taken the clock and marks the sweep.

    Raises NotAllowed when the sweep's state does not allow it.
    """
    state = c.execute(select(sweep.c.state).where(sweep.c.id == sweep_id)).scalar_one()
    if state not in REOPENABLE:
        raise NotAllowed(state, "retry", f"Sweep {sweep_id}", REOPENABLE)
    c.execute(delete(epoch).where(epoch.c.trial_id.in_(ids)))
    moves.change(c, ids, **_UNTRAINED, exempt=True)
    groups.separate(c, sweep_id, ids, groups.Start(clock.take(c)[0]))
    if state != "paused":
        c.execute(update(sweep).where(sweep.c.id == sweep_id).values(state="running", finished_at=None))
    clock.reset(c)


_UNTRAINED: dict[str, Any] = {
    "state": "queued",
    "reason": None,
    "failures": 0,
    "epochs_done": 0,
    "best_val_acc": None,
    "best_epoch": None,
    "last": None,
    "worker": None,
    "has_model": False,
    "verdict": None,
    "started_at": None,
    "finished_at": None,
    "spared": 0,
}


def exclude(c: Connection, id: int, excluded: bool) -> Trial:
    """Leaves a trial out of the ranking, or takes it in again; in any state. Raises NotFound."""
    number, *_ = clock.take(c)
    found = get(c, id)
    if found is None:
        raise NotFound("trial", id)
    exclude_all(c, [id], excluded)
    endings.mark(c, found.sweep_id, number)
    return _again(c, id)


def exclude_all(c: Connection, ids: Sequence[int], excluded: bool) -> None:
    """Marks trials alike; the caller has taken the clock and marks their sweep."""
    moves.change(c, ids, excluded=excluded)


def new_row(sweep_id: int, number: int, group_id: int, settings: Settings, seq: int) -> dict[str, Any]:
    """The row of a trial that is queued for the first time."""
    return {
        **_UNTRAINED,
        "sweep_id": sweep_id,
        "number": number,
        "group_id": group_id,
        "settings": settings.to_dict(),
        "epochs_total": settings.epochs,
        "attempt": 0,
        "excluded": False,
        "exempt": False,
        "changed": seq,
    }


def _must(c: Connection, id: int, states: Collection[str], action: str) -> Trial:
    found = get(c, id)
    if found is None:
        raise NotFound("trial", id)
    if found.state not in states:
        raise NotAllowed(found.state, action, f"Trial {found.number} of sweep {found.sweep_id}", states)
    return found


def _again(c: Connection, id: int) -> Trial:
    return _trial(c.execute(_SELECT.where(trial.c.id == id)).one())


def _trial(row: Row[*tuple[Any, ...]]) -> Trial:
    return Trial(**row._mapping)

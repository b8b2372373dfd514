"""Owns trials: their value, their lists, and what a user may do to one (the queue moves them otherwise)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.errors import NotAllowed as NotAllowed
from learning.errors import NotFound as NotFound
from store.db.states import LIVING, UNRANKED
from store.db.tables import trial
from store.read.columns import ordering
from store.read.filter import condition


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


def must_get(c: Connection, id: int) -> Trial:
    """The trial. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("trial", id)
    return found


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


def without_verdict(c: Connection, sweep_id: int) -> tuple[Trial, ...]:
    """The ended trials of a sweep that have epochs, but no verdict on them."""
    unread = trial.c.verdict.is_(None) & (trial.c.epochs_done > 0) & trial.c.state.not_in(LIVING)
    return tuple(map(_trial, c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, unread))))


def _trial(row: Row[*tuple[Any, ...]]) -> Trial:
    return Trial(**row._mapping)

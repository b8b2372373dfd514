"""Reads trials: by id or number, in pages, ranked, or changed since a cursor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.diagnosis.findings import rules_version
from learning.errors import NotFound
from learning.settings import Settings
from learning.states import LIVING_TRIAL, RANKED, RESULTS, TRIAL_STATES, is_ranked
from store.db.tables import trial
from store.read.columns import parse_sort
from store.read.filter import parse_filter


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial: its settings and its progress."""

    id: int
    sweep_id: int
    number: int  # 0.. in its sweep
    state: str
    reason: str | None
    attempt: int  # rises with every claim: the fencing token
    failures: int  # attempts in a row that died without a new epoch
    settings: Settings
    epochs_total: int
    epochs_done: int
    best_val_acc: float | None
    best_epoch: int | None
    last: dict[str, Any] | None  # the latest epoch: number, metrics and flags
    excluded: bool
    worker: str | None  # token of the worker that trains it or trained it last
    has_model: bool
    started_at: float | None
    finished_at: float | None
    spared: int  # epochs that a stopping rule saved
    changed: int
    verdict: str | None  # code of the first finding on its curve; None: not judged yet
    verdict_rules: str | None  # the version of the rules that judged it; None: to be judged again

    @property
    def is_ranked(self) -> bool:
        return is_ranked(self.state, self.excluded, self.best_val_acc)

    @property
    def has_stale_verdict(self) -> bool:
        """Whether it has ended and its verdict is not that of this program's rules."""
        ended = TRIAL_STATES[self.state].ended and self.epochs_done > 0
        return ended and self.verdict_rules != rules_version()


_COLUMNS = [trial.c[field.name] for field in fields(Trial)]

_SELECT = select(*_COLUMNS)


def get(c: Connection, id: int) -> Trial | None:
    row = c.execute(_SELECT.where(trial.c.id == id)).one_or_none()
    return _build_trial(row) if row else None


def must_get(c: Connection, id: int) -> Trial:
    """The trial. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("trial", id)
    return found


def get_by_number(c: Connection, sweep_id: int, number: int) -> Trial | None:
    row = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, trial.c.number == number)).one_or_none()
    return _build_trial(row) if row else None


def get_many(c: Connection, ids: Collection[int]) -> dict[int, Trial]:
    """The trials with these ids, as far as they exist."""
    return {row.id: _build_trial(row) for row in c.execute(_SELECT.where(trial.c.id.in_(ids)))} if ids else {}


def list_by_sweep(c: Connection, sweep_id: int) -> tuple[Trial, ...]:
    """All trials of a sweep by number."""
    rows = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id).order_by(trial.c.number))
    return tuple(map(_build_trial, rows))


def sum_epochs(c: Connection, sweep_id: int) -> int:
    """The epochs that a sweep's trials train if none ends early."""
    query = select(func.coalesce(func.sum(trial.c.epochs_total), 0)).where(trial.c.sweep_id == sweep_id)
    return int(c.execute(query).scalar_one())


def list_page(
    c: Connection,
    sweep_id: int,
    limit: int = 100,
    offset: int = 0,
    sort: str = "number",
    filter: str | None = None,
) -> tuple[tuple[Trial, ...], int]:
    """A page of a sweep's trials, and how many match the filter. `sort` is a column, "-" before it reverses.

    Missing values come last, ties by number. Raises FilterError for a bad filter or sort.
    """
    where = [trial.c.sweep_id == sweep_id]
    if filter and filter.strip():
        where.append(parse_filter(filter))
    order = parse_sort(sort)
    total: int = c.execute(select(func.count()).select_from(trial).where(*where)).scalar_one()
    rows = c.execute(_SELECT.where(*where).order_by(*order).limit(limit).offset(offset))
    return tuple(map(_build_trial, rows)), total


def list_since(c: Connection, cursor: int, sweeps: Sequence[int] | None, limit: int) -> tuple[Trial, ...]:
    """Trials changed after a cursor in commit order, of some sweeps or (None) of all."""
    query = _SELECT.where(trial.c.changed > cursor)
    if sweeps is not None:
        query = query.where(trial.c.sweep_id.in_(sweeps))
    return tuple(map(_build_trial, c.execute(query.order_by(trial.c.changed).limit(limit))))


IS_RANKED = trial.c.state.in_(RANKED) & ~trial.c.excluded & trial.c.best_val_acc.is_not(None)

BEST_FIRST = (trial.c.best_val_acc.desc(), trial.c.number)


def find_ids_and_states(c: Connection, sweep_id: int, filter: str) -> dict[int, tuple[int, str]]:
    """By number: id and state of a sweep's trials that match a filter (empty: all). Raises FilterError."""
    where = [trial.c.sweep_id == sweep_id, *([parse_filter(filter)] if filter.strip() else [])]
    rows = c.execute(select(trial.c.number, trial.c.id, trial.c.state).where(*where).order_by(trial.c.number))
    return {row.number: (row.id, row.state) for row in rows}


def list_alike(c: Connection, sweep_id: int, settings: Settings) -> tuple[Trial, ...]:
    """The trials of a sweep with these settings, whatever their seed, by number."""
    numbers = {name: value for name, value in settings.to_dict().items() if type(value) in (int, float)}
    equal = [trial.c.settings[name].as_float() == value for name, value in numbers.items() if name != "seed"]
    query = _SELECT.where(trial.c.sweep_id == sweep_id, *equal).order_by(trial.c.number)
    rows = map(_build_trial, c.execute(query))  # few: only words and lists are left to compare
    return tuple(row for row in rows if replace(row.settings, seed=settings.seed) == settings)


def list_model_candidates(c: Connection, sweep_id: int, limit: int) -> tuple[Trial, ...]:
    """The trials whose weights are worth keeping, best first: not excluded, with a result or on the way.

    A diverged trial counts with the best accuracy it had before.
    """
    wanted = trial.c.state.in_((*LIVING_TRIAL, *RESULTS)) & ~trial.c.excluded
    order = (trial.c.best_val_acc.desc().nulls_last(), trial.c.number)
    rows = c.execute(_SELECT.where(trial.c.sweep_id == sweep_id, wanted).order_by(*order).limit(limit))
    return tuple(map(_build_trial, rows))


def list_ranked_with_model(c: Connection, sweep_id: int, limit: int) -> tuple[Trial, ...]:
    """The best ranked trials of a sweep that are marked as having their weights kept."""
    query = _SELECT.where(trial.c.sweep_id == sweep_id, trial.c.has_model, IS_RANKED)
    return tuple(map(_build_trial, c.execute(query.order_by(*BEST_FIRST).limit(limit))))


def find_ids_with_model(c: Connection, sweep_id: int) -> set[int]:
    """Ids of the trials of a sweep that are marked as having their weights kept."""
    return set(c.scalars(select(trial.c.id).where(trial.c.sweep_id == sweep_id, trial.c.has_model)))


def _build_trial(row: Row[*tuple[Any, ...]]) -> Trial:
    return Trial(**{**row._mapping, "settings": Settings.restore(row.settings)})

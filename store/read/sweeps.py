"""Reads sweeps: by id, newest first, or changed since a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.errors import NotFound
from learning.search.early_stopping import StoppingRule, restore_rule
from learning.search.space import Space
from learning.states import LIVING_SWEEP
from store.db.tables import sweep
from store.read import summaries
from store.read.summaries import Savings
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep and its progress."""

    id: int
    name: str
    state: str
    dataset: str
    recipe: str | None
    space: Space
    settings: dict[str, Any]  # what is fixed, in JSON form
    sampler: str
    seed: int
    parent_id: int | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    counts: dict[str, int]  # trials by state, every state
    trials: int
    excluded: int
    best: Trial | None
    eta_seconds: float | None  # None before the first epoch, when paused and when ended
    eta_range: tuple[float, float] | None  # None also while it is too early to say
    stopping: StoppingRule | None
    saved: Savings
    changed: int
    tags: tuple[str, ...]


def get(c: Connection, id: int) -> Sweep | None:
    return get_many(c, [id]).get(id)


def get_many(c: Connection, ids: Sequence[int]) -> dict[int, Sweep]:
    """The sweeps with these ids, as far as they exist."""
    rows = c.execute(select(sweep).where(sweep.c.id.in_(ids))).all() if ids else []
    return {found.id: found for found in _build_sweeps(c, rows)}


def list_all(c: Connection, limit: int = 50, offset: int = 0) -> tuple[tuple[Sweep, ...], int]:
    """A page of the sweeps, newest first, and how many there are in all."""
    total: int = c.execute(select(func.count()).select_from(sweep)).scalar_one()
    rows = c.execute(select(sweep).order_by(sweep.c.id.desc()).limit(limit).offset(offset)).all()
    return _build_sweeps(c, rows), total


def find_open(c: Connection, dataset: str) -> int | None:
    """The id of the oldest sweep that may still need a data set; None if there is none."""
    query = select(func.min(sweep.c.id)).where(sweep.c.dataset == dataset, sweep.c.state.in_(LIVING_SWEEP))
    oldest: int | None = c.execute(query).scalar_one()
    return oldest


def list_ended_before(c: Connection, moment: float) -> tuple[int, ...]:
    """Ids of the sweeps that had ended by `moment`, in UTC seconds."""
    query = select(sweep.c.id).where(sweep.c.state.not_in(LIVING_SWEEP), sweep.c.finished_at < moment)
    return tuple(c.scalars(query.order_by(sweep.c.id)))


def list_since(c: Connection, cursor: int, sweep_ids: Sequence[int] | None, limit: int) -> tuple[Sweep, ...]:
    """Sweeps changed after a cursor in commit order, of these ids or (None) all."""
    query = select(sweep).where(sweep.c.changed > cursor)
    if sweep_ids is not None:
        query = query.where(sweep.c.id.in_(sweep_ids))
    return _build_sweeps(c, c.execute(query.order_by(sweep.c.changed).limit(limit)).all())


def get_notes(c: Connection, id: int) -> str:
    """A sweep's notes as they were written; they may be long, so a Sweep does not hold them."""
    return c.execute(select(sweep.c.notes).where(sweep.c.id == id)).scalar_one_or_none() or ""


def must_get(c: Connection, id: int) -> Sweep:
    """The sweep. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("sweep", id)
    return found


def _build_sweeps(c: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Sweep, ...]:
    summary_of = summaries.summarize(c, rows)
    return tuple(_build_sweep(row, summary_of[row.id]) for row in rows)


def _build_sweep(row: Row[*tuple[Any, ...]], summary: summaries.Summary) -> Sweep:
    values = dict(row._mapping)
    for internal in (*summaries.MEASURED_COLUMNS, "notes", "workers", "features"):
        del values[internal]
    values["tags"] = tuple(values["tags"] or ())
    values["space"] = Space.restore(values["space"])
    values["stopping"] = restore_rule(values["stopping"])
    return Sweep(
        **values,
        counts=summary.counts,
        trials=sum(summary.counts.values()),
        excluded=summary.excluded,
        best=summary.best,
        eta_seconds=summary.eta.seconds if summary.eta else None,
        eta_range=summary.eta.range if summary.eta else None,
        saved=summary.saved,
    )

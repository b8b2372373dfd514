"""Owns sweeps: making, reading, and what a user may do to a whole one (groups are cut in groups.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.errors import NotAllowed as NotAllowed
from learning.errors import NotFound as NotFound
from store.db.states import OPEN
from store.db.tables import sweep
from store.read import summaries
from store.read.summaries import Saved as Saved
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class Sweep:
    """One search and how far it is."""

    id: int
    name: str
    state: str
    dataset: str
    recipe: str | None
    space: dict[str, Any]
    settings: dict[str, Any]
    sampler: str
    seed: int
    parent_id: int | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    counts: dict[str, int]  # trials by state, all seven states
    trials: int
    excluded: int
    best: Trial | None
    eta_seconds: float | None  # None before the first epoch, when paused and when ended
    eta_range: (
        tuple[float, float] | None
    )  # from and to so many seconds; None also while it is too early to say
    stopping: dict[str, Any] | None
    saved: Saved
    changed: int
    tags: tuple[str, ...]


def get(c: Connection, id: int) -> Sweep | None:
    return by_ids(c, [id]).get(id)


def by_ids(c: Connection, ids: Sequence[int]) -> dict[int, Sweep]:
    """The sweeps of these ids that exist."""
    rows = c.execute(select(sweep).where(sweep.c.id.in_(ids))).all() if ids else []
    return {one.id: one for one in _sweeps(c, rows)}


def list_all(c: Connection, limit: int = 50, offset: int = 0) -> tuple[tuple[Sweep, ...], int]:
    """Some sweeps, newest first, and how many there are."""
    total: int = c.execute(select(func.count()).select_from(sweep)).scalar_one()
    rows = c.execute(select(sweep).order_by(sweep.c.id.desc()).limit(limit).offset(offset)).all()
    return _sweeps(c, rows), total


def open_on(c: Connection, dataset: str) -> int | None:
    """The oldest sweep that may still need a data set; None when there is none."""
    query = select(func.min(sweep.c.id)).where(sweep.c.dataset == dataset, sweep.c.state.in_(OPEN))
    oldest: int | None = c.execute(query).scalar_one()
    return oldest


def after(c: Connection, cursor: int, sweep_ids: Sequence[int] | None, limit: int) -> tuple[Sweep, ...]:
    """Sweeps changed after a cursor in commit order, some or (None) all."""
    query = select(sweep).where(sweep.c.changed > cursor)
    if sweep_ids is not None:
        query = query.where(sweep.c.id.in_(sweep_ids))
    return _sweeps(c, c.execute(query.order_by(sweep.c.changed).limit(limit)).all())


def notes(c: Connection, id: int) -> str:
    """What was written about a sweep, as it was written; it may be long, so a Sweep does not carry it."""
    return c.execute(select(sweep.c.notes).where(sweep.c.id == id)).scalar_one_or_none() or ""


def must_get(c: Connection, id: int) -> Sweep:
    """The sweep. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("sweep", id)
    return found


def _sweeps(c: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Sweep, ...]:
    about = summaries.of(c, rows)
    return tuple(_sweep(row, about[row.id]) for row in rows)


def _sweep(row: Row[*tuple[Any, ...]], about: summaries.Summary) -> Sweep:
    values = dict(row._mapping)
    for internal in (*summaries.MEASURED, "notes", "workers", "features"):
        del values[internal]
    values["tags"] = tuple(values["tags"] or ())
    return Sweep(
        **values,
        counts=about.counts,
        trials=sum(about.counts.values()),
        excluded=about.excluded,
        best=about.best,
        eta_seconds=about.eta.seconds if about.eta else None,
        eta_range=about.eta.range if about.eta else None,
        saved=about.saved,
    )

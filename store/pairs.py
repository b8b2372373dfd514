"""Owns which sweeps searched one problem on a grid and at random (what they show: app.random_grid)."""

from sqlalchemy import Connection, Text, and_, cast, func, select

from store import sweeps
from store.sweeps import Sweep
from store.tables import sweep


def latest(c: Connection, limit: int) -> tuple[tuple[Sweep, Sweep], ...]:
    """Grids, newest first, each with the first random search of the same problem that was made after it."""
    found = [(row.grid, row.random) for row in c.execute(_PAIRS.limit(limit))]
    known = sweeps.by_ids(c, [id for pair in found for id in pair])
    return tuple((known[grid], known[random]) for grid, random in found)


_GRID, _RANDOM = sweep.alias("grid"), sweep.alias("random")
_SAME_PROBLEM = and_(
    _GRID.c.dataset == _RANDOM.c.dataset,
    _GRID.c.seed == _RANDOM.c.seed,
    *(cast(_GRID.c[name], Text) == cast(_RANDOM.c[name], Text) for name in ("space", "settings")),
)
_PAIRS = (
    select(_GRID.c.id.label("grid"), func.min(_RANDOM.c.id).label("random"))
    .join(_RANDOM, _SAME_PROBLEM & (_RANDOM.c.id > _GRID.c.id))
    .where(_GRID.c.sampler == "grid", _RANDOM.c.sampler == "random")
    .group_by(_GRID.c.id)
    .order_by(_GRID.c.id.desc())
)

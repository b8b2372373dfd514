"""Sweeps that belong together: the family of a sweep, and grids paired with random searches."""

from sqlalchemy import Connection, Text, and_, cast, func, select

from store.db.tables import sweep
from store.read import sweeps
from store.read.sweeps import Sweep


def list_family(c: Connection, id: int) -> tuple[Sweep, ...]:
    """The sweep, its ancestors and all descendants of the first of them, oldest first."""
    found = sweeps.get_many(c, _find_descendants(c, _find_root(c, id)))
    return tuple(found[number] for number in sorted(found))


def _find_root(c: Connection, id: int) -> int:
    """The id of the oldest ancestor; the sweep itself if it has no parent, or a deleted one."""
    start = select(sweep.c.id, sweep.c.parent_id).where(sweep.c.id == id).cte("above", recursive=True)
    above = start.union_all(
        select(sweep.c.id, sweep.c.parent_id).join(start, sweep.c.id == start.c.parent_id)
    )
    return int(c.execute(select(above.c.id).order_by(above.c.id).limit(1)).scalar_one_or_none() or id)


def _find_descendants(c: Connection, id: int) -> list[int]:
    start = select(sweep.c.id).where(sweep.c.id == id).cte("below", recursive=True)
    below = start.union_all(select(sweep.c.id).join(start, sweep.c.parent_id == start.c.id))
    return list(c.execute(select(below.c.id)).scalars())


def list_grid_random_pairs(c: Connection, limit: int) -> tuple[tuple[Sweep, Sweep], ...]:
    """Grids, newest first, each with the first random search of the same problem made after it."""
    found = [(row.grid, row.random) for row in c.execute(_PAIRS.limit(limit))]
    known = sweeps.get_many(c, [id for pair in found for id in pair])
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

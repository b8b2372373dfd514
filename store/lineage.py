"""Owns which sweep came from which: the whole family of one, from its first ancestor on (changes none)."""

from sqlalchemy import Connection, select

from store import sweeps
from store.sweeps import Sweep
from store.tables import sweep


def family(c: Connection, id: int) -> tuple[Sweep, ...]:
    """The sweep, its ancestors and all that came from the first of them, in the order they were made."""
    found = sweeps.by_ids(c, _below(c, _first(c, id)))
    return tuple(found[number] for number in sorted(found))


def _first(c: Connection, id: int) -> int:
    """The ancestor that has no parent; the sweep itself if it has none, or if that was deleted."""
    start = select(sweep.c.id, sweep.c.parent_id).where(sweep.c.id == id).cte("above", recursive=True)
    above = start.union_all(
        select(sweep.c.id, sweep.c.parent_id).join(start, sweep.c.id == start.c.parent_id)
    )
    return int(c.execute(select(above.c.id).order_by(above.c.id).limit(1)).scalar_one_or_none() or id)


def _below(c: Connection, id: int) -> list[int]:
    start = select(sweep.c.id).where(sweep.c.id == id).cte("below", recursive=True)
    below = start.union_all(select(sweep.c.id).join(start, sweep.c.parent_id == start.c.id))
    return list(c.execute(select(below.c.id)).scalars())

"""The worker list: who they are, what they train, when they were last seen."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from store.db import change_counter
from store.db.tables import worker


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that claims and trains groups."""

    token: str
    host: str
    pid: int
    facts: dict[str, Any]  # library versions, core type, threads
    group_id: int | None  # what it trains now
    preflight_id: int | None  # or checks
    started_at: float
    seen_at: float
    gone_at: float | None  # None while it is not known to be gone
    changed: int

    @property
    def id(self) -> str:
        """Its token, as a trial's `worker` names it."""
        return self.token

    @property
    def state(self) -> str:
        """idle, busy or gone."""
        if self.gone_at is not None:
            return "gone"
        return "idle" if self.group_id is None and self.preflight_id is None else "busy"


def register(c: Connection, token: str, host: str, pid: int, facts: dict[str, Any], now: float) -> None:
    """Adds a worker under a token that no other has."""
    row = {
        "token": token,
        "host": host,
        "pid": pid,
        "facts": facts,
        "started_at": now,
        "seen_at": now,
        "changed": change_counter.take(c)[0],
    }
    c.execute(insert(worker), row)


def touch(
    c: Connection, token: str, group_id: int | None, now: float, preflight_id: int | None = None
) -> None:
    """Records that a worker lives and what it trains or checks; a change number only if that differs."""
    where = (worker.c.token == token, worker.c.gone_at.is_(None))
    same = (
        worker.c.group_id.is_not_distinct_from(group_id),
        worker.c.preflight_id.is_not_distinct_from(preflight_id),
    )
    if c.execute(select(worker.c.token).where(*where, *same)).first() is not None:
        c.execute(update(worker).where(*where).values(seen_at=now))
        return
    number, *_ = change_counter.take(c)
    c.execute(
        update(worker)
        .where(worker.c.token == token)
        .values(group_id=group_id, preflight_id=preflight_id, seen_at=now, gone_at=None, changed=number)
    )


def mark_gone(c: Connection, token: str, now: float) -> None:
    """Records that a worker has ended, by itself or not."""
    number, *_ = change_counter.take(c)
    nothing = {"group_id": None, "preflight_id": None}
    c.execute(update(worker).where(worker.c.token == token).values(**nothing, gone_at=now, changed=number))


def list_all(c: Connection) -> tuple[Worker, ...]:
    """Every worker ever registered, the living first, then the latest."""
    query = select(worker).order_by(worker.c.gone_at.is_not(None), worker.c.started_at.desc(), worker.c.token)
    return tuple(Worker(**row._mapping) for row in c.execute(query))


def list_since(c: Connection, cursor: int, limit: int) -> tuple[Worker, ...]:
    """Workers changed after a cursor in commit order."""
    query = select(worker).where(worker.c.changed > cursor).order_by(worker.c.changed).limit(limit)
    return tuple(Worker(**row._mapping) for row in c.execute(query))

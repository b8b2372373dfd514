"""Owns what the webhook was told already, so that a restart neither repeats nor forgets (sends nothing)."""

from sqlalchemy import Connection, func, insert, select

from store.db import change_counter
from store.db.tables import delivery

START = "start"  # the row that says from where on events count


def cursor(c: Connection) -> int:
    """The change number after which there may be something to tell; asked for the first time, the latest."""
    newest: int | None = c.execute(select(func.max(delivery.c.seq))).scalar_one()
    if newest is None:
        newest, _ = change_counter.read(c)
        c.execute(insert(delivery), {"id": START, "seq": newest})
    return newest


def was_sent(c: Connection, id: str) -> bool:
    return c.execute(select(delivery.c.id).where(delivery.c.id == id)).one_or_none() is not None


def mark(c: Connection, id: str, seq: int) -> None:
    """Records an event that was taken; `seq` is the change it came from."""
    if not was_sent(c, id):
        c.execute(insert(delivery), {"id": id, "seq": seq})

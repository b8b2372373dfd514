"""Which events the webhook has already been sent, so that a restart neither repeats nor misses any."""

from sqlalchemy import Connection, func, insert, select

from store.db import change_counter
from store.db.tables import delivery

START_ID = "start"  # the row that says after which change events count


def get_cursor(c: Connection) -> int:
    """The change number after which there may be events to send; on the first call, the latest one."""
    newest: int | None = c.execute(select(func.max(delivery.c.seq))).scalar_one()
    if newest is None:
        newest, _ = change_counter.read(c)
        c.execute(insert(delivery), {"id": START_ID, "seq": newest})
    return newest


def is_delivered(c: Connection, id: str) -> bool:
    return c.execute(select(delivery.c.id).where(delivery.c.id == id)).one_or_none() is not None


def mark_delivered(c: Connection, id: str, seq: int) -> None:
    """Records that an event was delivered; `seq` is the change it came from."""
    if not is_delivered(c, id):
        c.execute(insert(delivery), {"id": id, "seq": seq})

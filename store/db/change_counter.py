"""The change counter: one row whose number rises with every change, in commit order (docs/decisions/0001).

Every transaction that changes what a reader follows takes its numbers before it locks anything else. The row
stays locked until the commit, so on PostgreSQL, as on SQLite, such transactions take turns: what they read
stays true until they commit, and no two can wait for each other.
"""

from sqlalchemy import Connection, bindparam, select, update

from store.db.tables import change_counter

_TAKE = (
    update(change_counter)
    .values(value=change_counter.c.value + bindparam("count"))
    .returning(change_counter.c.value)
)
_RESET = update(change_counter).values(reset=change_counter.c.value)
_READ = select(change_counter.c.value, change_counter.c.reset)


def take(c: Connection, count: int = 1) -> range:
    """The next `count` change numbers, higher than all before; one for each row that will be written."""
    last: int = c.execute(_TAKE, {"count": count}).scalar_one()
    return range(last - count + 1, last + 1)


def reset(c: Connection) -> None:
    """Makes every reader start again, because rows were deleted. Call it after take()."""
    c.execute(_RESET)


def read(c: Connection) -> tuple[int, int]:
    """The last number given out, and the number that readers must not be behind."""
    row = c.execute(_READ).one()
    return row.value, row.reset

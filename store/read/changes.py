"""The feed of changes: one cursor over epochs, trials, sweeps and workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from store.db import change_counter
from store.queue import epochs, workers
from store.queue.epochs import EpochRow
from store.queue.workers import Worker
from store.read import sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

Kind = Literal["epoch", "trial", "sweep", "worker", "reset"]


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it is now, and the number of its last change: the next cursor."""

    seq: int
    kind: Kind
    row: EpochRow | Trial | Sweep | Worker | None  # None for a reset


def read_cursor(c: Connection) -> int:
    """The cursor of a reader that has seen everything up to now."""
    return change_counter.read(c)[0]


def list_since(
    c: Connection, cursor: int, sweeps: Sequence[int] | None = None, limit: int = 500
) -> tuple[Change, ...]:
    """What changed after a cursor, in commit order, at most `limit`; empty when nothing did.

    With `sweeps` only what belongs to these; None means everything, workers too. Each epoch comes once; other
    rows come in their latest state. A single "reset" means that rows were deleted since the cursor (or that
    the cursor is of another database): read everything again and continue from its seq.
    """
    newest, reset = change_counter.read(c)
    if cursor < reset or cursor > newest:
        return (Change(newest, "reset", None),)
    if cursor == newest:
        return ()
    found = [change for change in _collect(c, cursor, sweeps, limit) if change.seq <= newest]
    return tuple(sorted(found, key=lambda change: change.seq)[:limit])


def _collect(c: Connection, cursor: int, only: Sequence[int] | None, limit: int) -> list[Change]:
    found = [Change(row.seq, "epoch", row) for row in epochs.list_since(c, cursor, only, limit)]
    found += [Change(row.changed, "trial", row) for row in trials.list_since(c, cursor, only, limit)]
    found += [Change(row.changed, "sweep", row) for row in sweeps.list_since(c, cursor, only, limit)]
    if only is None:
        found += [Change(row.changed, "worker", row) for row in workers.list_since(c, cursor, limit)]
    return found

"""Owns the feed of changes: one cursor over epochs, trials, sweeps and workers (writes nothing)."""

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
    """A row as it is now, and the number of its last write: the cursor to come back with."""

    seq: int
    kind: Kind
    row: EpochRow | Trial | Sweep | Worker | None  # None for a reset


def cursor(c: Connection) -> int:
    """The cursor of a reader that knows everything up to now."""
    return change_counter.read(c)[0]


def after(
    c: Connection, cursor: int, sweeps: Sequence[int] | None = None, limit: int = 500
) -> tuple[Change, ...]:
    """What changed after a cursor, in commit order, at most `limit`; empty when nothing did.

    With `sweeps` only what belongs to those; None is everything, workers too. Epochs come once each, of the
    others the latest state. One "reset" alone says that rows were deleted since the cursor (or that the
    cursor is not of this database): read everything anew and go on from its seq.
    """
    newest, reset = change_counter.read(c)
    if cursor < reset or cursor > newest:
        return (Change(newest, "reset", None),)
    if cursor == newest:
        return ()
    found = [change for change in _all(c, cursor, sweeps, limit) if change.seq <= newest]
    return tuple(sorted(found, key=lambda change: change.seq)[:limit])


def _all(c: Connection, cursor: int, only: Sequence[int] | None, limit: int) -> list[Change]:
    found = [Change(row.seq, "epoch", row) for row in epochs.after(c, cursor, only, limit)]
    found += [Change(row.changed, "trial", row) for row in trials.after(c, cursor, only, limit)]
    found += [Change(row.changed, "sweep", row) for row in sweeps.after(c, cursor, only, limit)]
    if only is None:
        found += [Change(row.changed, "worker", row) for row in workers.after(c, cursor, limit)]
    return found

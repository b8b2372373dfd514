"""The live events: their names, and the data of each as JSON."""

from collections.abc import Mapping

from fastapi.sse import format_sse_event

from app.schemas.fields import Out
from app.schemas.sweeps import SweepOut
from app.schemas.trials import EpochEventOut, TrialOut
from app.schemas.workers import WorkerOut
from store.queue.epochs import EpochRow
from store.read.changes import Change
from store.read.sweeps import Sweep
from store.read.trials import Trial


class ResetOut(Out):
    """Rows were deleted, or too much changed: read afresh, and go on from the cursor."""

    cursor: int


class EmptyOut(Out):
    """An event that says all by its name: `alive`, nothing new; `bye`, the server ends."""


EVENTS: Mapping[str, type[Out]] = {
    "epoch": EpochEventOut,
    "trial": TrialOut,
    "sweep": SweepOut,
    "worker": WorkerOut,
    "reset": ResetOut,
    "alive": EmptyOut,
    "bye": EmptyOut,
}  # the data of an event by its name


def format_event(name: str, row: object, id: int | None = None) -> bytes:
    """An event in the format of server-sent events; `row` has the attributes of its data."""
    data = EVENTS[name].model_validate(row).model_dump_json()
    return format_sse_event(data_str=data, event=name, id=None if id is None else str(id))


def format_change(change: Change) -> bytes:
    """The event of a change."""
    row = {"cursor": change.seq} if change.row is None else change.row
    return format_event(change.kind, row, change.seq)


def sweep_of(change: Change) -> int | None:
    """The sweep that a change belongs to; None for one of no sweep."""
    row = change.row
    if isinstance(row, EpochRow | Trial):
        return row.sweep_id
    return row.id if isinstance(row, Sweep) else None

"""Wire of the live stream: a change as the data of its event."""

from app import wire_sweeps, wire_trials, wire_workers
from store.queue.epochs import EpochRow
from store.queue.workers import Worker
from store.read.changes import Change
from store.read.sweeps import Sweep
from store.read.trials import Trial


def change(value: Change) -> tuple[int | None, dict[str, object]]:
    """The sweep that a change belongs to, if to one, and the data of its event."""
    row = value.row
    if isinstance(row, EpochRow):
        return row.sweep_id, {"sweep_id": row.sweep_id} | wire_trials.epoch(row, trace=False)
    if isinstance(row, Trial):
        return row.sweep_id, wire_trials.trial(row)
    if isinstance(row, Sweep):
        return row.id, wire_sweeps.sweep(row)
    if isinstance(row, Worker):
        return None, wire_workers.worker(row)
    return None, {"cursor": value.seq}

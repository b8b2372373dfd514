"""The data of a live event: the row that changed, as JSON."""

from app.schemas.sweeps import sweep_json
from app.schemas.trials import epoch_json, trial_json
from app.schemas.workers import worker_json
from store.queue.epochs import EpochRow
from store.queue.workers import Worker
from store.read.changes import Change
from store.read.sweeps import Sweep
from store.read.trials import Trial


def event_data(change: Change) -> tuple[int | None, dict[str, object]]:
    """The sweep that a change belongs to, None for one of no sweep, and the data of its event."""
    row = change.row
    if isinstance(row, EpochRow):
        return row.sweep_id, {"sweep_id": row.sweep_id} | epoch_json(row, trace=False)
    if isinstance(row, Trial):
        return row.sweep_id, trial_json(row)
    if isinstance(row, Sweep):
        return row.id, sweep_json(row)
    if isinstance(row, Worker):
        return None, worker_json(row)
    return None, {"cursor": change.seq}

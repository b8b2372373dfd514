"""Wire of workers: who they are and what they are at."""

from app.wire import plain, when
from store.queue.workers import Worker


def worker(row: Worker) -> dict[str, object]:
    return {
        "id": row.token,
        "host": row.host,
        "pid": row.pid,
        "state": _doing(row),
        "group_id": row.group_id,
        "preflight_id": row.preflight_id,
        "facts": plain(row.facts),
        "started_at": when(row.started_at),
        "seen_at": when(row.seen_at),
        "gone_at": when(row.gone_at),
    }


def _doing(row: Worker) -> str:
    if row.gone_at is not None:
        return "gone"
    return "idle" if row.group_id is None and row.preflight_id is None else "busy"

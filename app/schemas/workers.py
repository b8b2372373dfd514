"""JSON of workers: what each one is and does."""

from typing import Literal

from pydantic import Field, JsonValue

from app.schemas.fields import Out
from app.schemas.json_values import iso_time, json_safe
from store.queue.workers import Worker


class WorkerOut(Out):
    id: str = Field(description="As in a trial's `worker`.")
    host: str
    pid: int
    state: Literal["idle", "busy", "gone"]
    group_id: int | None = Field(description="The group of trials that it trains.")
    preflight_id: int | None = Field(description="The preflight that it runs.")
    facts: dict[str, JsonValue]
    started_at: str | None
    seen_at: str | None
    gone_at: str | None


class WorkersOut(Out):
    workers: list[WorkerOut]


def worker_json(row: Worker) -> dict[str, object]:
    return {
        "id": row.token,
        "host": row.host,
        "pid": row.pid,
        "state": _state(row),
        "group_id": row.group_id,
        "preflight_id": row.preflight_id,
        "facts": json_safe(row.facts),
        "started_at": iso_time(row.started_at),
        "seen_at": iso_time(row.seen_at),
        "gone_at": iso_time(row.gone_at),
    }


def _state(row: Worker) -> str:
    if row.gone_at is not None:
        return "gone"
    return "idle" if row.group_id is None and row.preflight_id is None else "busy"

"""Bodies of workers: who they are and what they are at."""

from typing import Literal

from pydantic import Field, JsonValue

from app.bodies import Out


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

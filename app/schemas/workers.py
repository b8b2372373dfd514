"""JSON of workers: what each one is and does."""

from typing import Literal

from pydantic import Field, JsonValue

from app.schemas.fields import Out, Time


class WorkerOut(Out):
    id: str = Field(description="As in a trial's `worker`.")
    host: str
    pid: int
    state: Literal["idle", "busy", "gone"]
    group_id: int | None = Field(description="The group of trials that it trains.")
    preflight_id: int | None = Field(description="The preflight that it runs.")
    facts: dict[str, JsonValue]
    started_at: Time
    seen_at: Time
    gone_at: Time | None


class WorkersOut(Out):
    workers: list[WorkerOut]

"""JSON of the health checks."""

from typing import Literal

from pydantic import Field

from app.schemas.fields import Out


class AliveOut(Out):
    status: Literal["ok"]


class ReadyOut(Out):
    status: Literal["ready"]
    database: str = Field(description="sqlite or postgresql")
    schema_: str = Field(alias="schema", description="Version of the database's schema.")

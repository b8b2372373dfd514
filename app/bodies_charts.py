"""Bodies of charts: columns of values and thinned curves of many trials."""

from pydantic import Field

from app.bodies import Out


class ColumnsOut(Out):
    cursor: int = Field(description="Of the stream: what comes after it is newer than the columns.")
    columns: dict[str, list[float | str | None]] = Field(description="By name, all in one order.")


class CurveOut(Out):
    """A number that is not finite is null."""

    number: int
    stride: int = Field(description="After the first epochs every stride-th, and the last.")
    epoch: list[int]
    metrics: dict[str, list[float | None]]
    elapsed: list[float | None] | None = Field(None, description="Seconds of training up to the epoch.")


class CurvesOut(Out):
    curves: list[CurveOut]

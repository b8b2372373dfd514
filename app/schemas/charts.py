"""JSON of charts: columns of values and thinned curves of many trials."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.schemas.fields import Out


def shorten_numbers(values: Iterable[object]) -> list[object]:
    """A column with its numbers rounded to what a chart can show; times keep their milliseconds."""
    return [_shorten(value) if isinstance(value, float) else value for value in values]


def _shorten(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.7g}") if abs(value) < 1e6 else round(value, 3)


Numbers = Annotated[list[float | None], BeforeValidator(shorten_numbers)]
Values = Annotated[list[int | float | str | None], BeforeValidator(shorten_numbers)]


class ColumnsOut(Out):
    cursor: int = Field(description="Of the stream: what comes after it is newer than the columns.")
    columns: dict[str, Values] = Field(description="By name, all in one order.")


class CurveOut(Out):
    """A number that is not finite is null."""

    number: int
    stride: int = Field(description="After the first epochs every stride-th, and the last.")
    epoch: list[int]
    metrics: dict[str, Numbers]
    elapsed: Numbers | None = Field(None, description="Seconds of training up to the epoch; when asked for.")


class CurvesOut(Out):
    curves: list[CurveOut]


# The fields of all trials that a page reads first, besides the settings that its charts show.
FIRST_COLUMNS = (
    "number",
    "id",
    "state",
    "verdict",
    "best_val_acc",
    "epochs_done",
    "epochs_total",
    "excluded",
)

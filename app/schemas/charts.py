"""JSON of charts: columns of values and thinned curves of many trials."""

import math
from collections.abc import Iterable

from pydantic import Field

from app.schemas.fields import Out
from store.read.chart_series import ThinnedCurve


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


def thinned_curve_json(value: ThinnedCurve) -> dict[str, object]:
    """A thinned curve; a number that is not finite is null."""
    body: dict[str, object] = {"number": value.number, "stride": value.stride, "epoch": list(value.epoch)}
    body["metrics"] = {name: shorten_numbers(values) for name, values in value.metrics.items()}
    return body | ({"elapsed": shorten_numbers(value.elapsed)} if value.elapsed is not None else {})


def shorten_numbers(values: Iterable[object]) -> list[object]:
    """A column with its numbers rounded to what a chart can show; times keep their milliseconds."""
    return [_shorten(value) if isinstance(value, float) else value for value in values]


def _shorten(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.7g}") if abs(value) < 1e6 else round(value, 3)

"""Wire of charts: columns and thinned curves, as short as a picture can show."""

import math
from collections.abc import Iterable

from store.read.chart_columns import Thinned

# The fields of all trials that a page asks for at once, besides the settings that its pictures are drawn of.
FIRST = (
    "number",
    "id",
    "state",
    "verdict",
    "best_val_acc",
    "epochs_done",
    "epochs_total",
    "excluded",
)


def thinned(value: Thinned) -> dict[str, object]:
    """A thinned curve; a number that is not finite is null."""
    body: dict[str, object] = {"number": value.number, "stride": value.stride, "epoch": list(value.epoch)}
    body["metrics"] = {name: packed(values) for name, values in value.metrics.items()}
    return body | ({"elapsed": packed(value.elapsed)} if value.elapsed is not None else {})


def packed(values: Iterable[object]) -> list[object]:
    """A column, its numbers cut to the digits that a picture can show; times keep their milliseconds."""
    return [_short(value) if isinstance(value, float) else value for value in values]


def _short(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.7g}") if abs(value) < 1e6 else round(value, 3)

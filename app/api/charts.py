"""Routes for charts of many trials: columns of values and thinned curves."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.http.problems import invalid_field
from app.http.resources import Resources
from app.schemas.charts import ColumnsOut, CurvesOut
from app.schemas.fields import Id
from app.text.numbers import split_numbers
from store.read import changes, chart_series, sweeps

MAX_COLUMNS = 40
MAX_CURVES = 1_000  # in one answer
MAX_POINTS = 100_000  # in one answer: curves x points

router = APIRouter(prefix="/api/sweeps", tags=["charts"])


@router.get("/{id}/columns", response_model=ColumnsOut)
def read_columns(
    id: Id,
    resources: Resources,
    of: Annotated[
        str, Query(max_length=1_000, description="Fields and settings of trials: `number,best_val_acc,lr`.")
    ],
    sort: Annotated[str, Query(max_length=60, description="As for trials: `-best_val_acc`.")] = "number",
    filter: Annotated[
        str | None, Query(max_length=1_000, description="Such as `lr > 1e-4 and best_val_acc > 0.4`.")
    ] = None,
) -> dict[str, object]:
    """Values of all trials of a sweep, column by column, numbers with seven digits.

    `cursor` is that of the stream: what it sends after it is newer than the columns.
    """
    names = [name.strip() for name in of.split(",")]
    if len(names) > MAX_COLUMNS:
        raise invalid_field("of", of, f"of has {len(names)} names; at most {MAX_COLUMNS} are read.")
    with resources.database.read() as c:
        sweeps.must_get(c, id)
        cursor = changes.read_cursor(c)
        read = chart_series.read_columns(c, id, names, sort, filter)
    return {"cursor": cursor, "columns": read}


@router.get("/{id}/curves", response_model=CurvesOut, response_model_exclude_none=True)
def read_curves(
    id: Id,
    resources: Resources,
    numbers: Annotated[str, Query(max_length=7_000, description="The trials' numbers: `0,4,17`.")],
    of: Annotated[str, Query(max_length=200, description="Metrics of an epoch.")] = "loss,val_loss",
    points: Annotated[int, Query(ge=1, le=10_000, description="Epochs of a curve that are wanted.")] = 64,
    elapsed: Annotated[bool, Query(description="With the seconds of training up to each epoch.")] = False,
) -> dict[str, object]:
    """Curves of some trials, thinned: the first up to 32 epochs, then every `stride`-th, and the last one.

    A trial without epochs is left out. A number that is not finite is null.
    """
    wanted = _parse_numbers(numbers)
    if len(wanted) * points > MAX_POINTS:
        message = (
            f"{len(wanted)} curves of {points} points are too much at once; ask for {MAX_POINTS} in all."
        )
        raise invalid_field("points", points, message)
    with resources.database.read() as c:
        sweeps.must_get(c, id)
        read = chart_series.read_curves(c, id, wanted, of.split(","), points, elapsed)
    return {"curves": read}


def _parse_numbers(text: str) -> list[int]:
    found = split_numbers(text)
    if len(found) > MAX_CURVES or None in found:
        message = f"numbers is {text[:50]!r}; give at most {MAX_CURVES} numbers of trials, such as 0,4,17."
        raise invalid_field("numbers", text, message)
    return [number for number in found if number is not None]

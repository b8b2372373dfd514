"""The preflight page: a form, one preflight or some side by side, and a list of the latest."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.problems import not_found
from app.http.resources import Resources
from app.pages.datasets import ready_names
from app.render.templates import Link, render_page
from app.schemas.preflights import PreflightOut
from app.text.numbers import split_numbers
from store.db.database import Connection
from store.jobs import preflights
from store.jobs.preflights import Preflight

PREFLIGHTS_SHOWN = 20
MOST_PREFLIGHTS_COMPARED = 4

LINK = Link(2, "/preflight", "Preflight")
router = APIRouter(include_in_schema=False)


@router.get("/preflight")
def show_preflight(
    resources: Resources,
    dataset: Annotated[str, Query(max_length=200)] = "",
    id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    compare: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """One preflight, the latest if none is named; or several side by side with `compare=3,5`."""
    names = ready_names(resources.config)
    with resources.database.read() as c:
        rows, _ = preflights.list_all(c, None, PREFLIGHTS_SHOWN)
        latest = preflights.list_all(c, dataset, 1)[0] if dataset else rows[:1]
        compared = [_get_preflight(c, other) for other in parse_ids(compare)]
        found = _get_preflight(c, id) if id is not None else next(iter(latest), None)
    chosen = dataset or (found.dataset if found else "")
    data = {
        "preflight": PreflightOut.of(found) if found and len(compared) < 2 else None,
        "compared": [PreflightOut.of(row) for row in compared] if len(compared) > 1 else [],
        "earlier": [_summarize(row) for row in reversed(rows)],
        "dataset": chosen if chosen in names else names[0],
    }
    return render_page("preflight.html", section="/preflight", data=data, datasets=names)


def parse_ids(text: str) -> list[int]:
    """`3,5` as numbers, each once; anything else is left out."""
    ids = (number for number in split_numbers(text) if number is not None)
    return list(dict.fromkeys(ids))[:MOST_PREFLIGHTS_COMPARED]


def _get_preflight(c: Connection, id: int) -> Preflight:
    row = preflights.get(c, id)
    if row is None:
        raise not_found("preflight", id)
    return row


class PreflightSummaryOut(PreflightOut):
    """A preflight without its checks; only which failed, and which learning rates are workable."""

    failed: list[str]
    workable: tuple[float, float] | None


def _summarize(row: Preflight) -> PreflightSummaryOut:
    return PreflightSummaryOut.of(
        row,
        checks=[],
        failed=[check.code for check in row.checks if not check.passed],
        workable=next((check.span for check in row.checks if check.span), None),
    )

"""Routes for preflights: start one, read its checks, cancel it."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.http.paging import Pages
from app.http.resources import Resources
from app.schemas.fields import MAX_NAME, Id, Limit, Offset
from app.schemas.preflights import PreflightIn, PreflightOut, PreflightsOut
from app.usecases import sweep_plan
from store.jobs import preflights
from store.jobs.preflights import Preflight

router = APIRouter(prefix="/api/preflights", tags=["preflights"])

Dataset = Annotated[str | None, Query(max_length=MAX_NAME, description="Only those of this data set.")]


@router.post("", status_code=201, response_model=PreflightOut)
def create_preflight(body: PreflightIn, resources: Resources, response: Response) -> Preflight:
    """Queue the checks for a data set and a net; a worker runs them within seconds."""
    settings = sweep_plan.plan_preflight(body, resources.config)
    with resources.database.write() as c:
        row = preflights.create(c, body.dataset, settings, time.time())
    response.headers["location"] = f"/api/preflights/{row.id}"
    return row


@router.get("", response_model=PreflightsOut)
def list_preflights(
    resources: Resources, pages: Pages, dataset: Dataset = None, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """All preflights, newest first."""
    with resources.database.read() as c:
        rows, total = preflights.list_all(c, dataset, limit, offset)
    pages.add(limit, offset, total)
    return {"preflights": rows, "total": total}


@router.get("/{id}", response_model=PreflightOut)
def read_preflight(id: Id, resources: Resources) -> Preflight:
    """One preflight, with the checks that are done so far."""
    with resources.database.read() as c:
        return preflights.must_get(c, id)


@router.post("/{id}/cancel", response_model=PreflightOut)
def cancel_preflight(id: Id, resources: Resources) -> Preflight:
    """End it now; a running one stops at its next check."""
    with resources.database.write() as c:
        return preflights.cancel(c, id, time.time())

"""Routes of autopilots: have everything done from the first check to the winner, watch it, stop it."""

import time

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from app.http.problems import not_found
from app.http.resources import Resources
from app.http.responses import StrictJSONResponse, created_response
from app.reports import autopilot_html
from app.schemas.autopilots import AutopilotIn, AutopilotOut, AutopilotsOut
from app.schemas.fields import Id, Limit, Offset
from app.usecases import autopilot_view, sweep_plan
from store.jobs import autopilots

router = APIRouter(prefix="/api/autopilots", tags=["autopilots"])


@router.post("", status_code=201, response_model=AutopilotOut)
def create_autopilot(parts: Resources, body: AutopilotIn | None = None) -> JSONResponse:
    """Queue the whole search: preflight, coarse, fine, finer. Workers take every step; no page is needed."""
    new = sweep_plan.plan_autopilot(body or AutopilotIn(), parts.config)
    with parts.database.write() as c:
        row = autopilots.create(c, new, time.time())
        shown = autopilot_view.view_autopilot(c, row, parts.config)
    return created_response(f"/api/autopilots/{row.id}", shown)


@router.get("", response_model=AutopilotsOut)
def list_autopilots(parts: Resources, limit: Limit = 20, offset: Offset = 0) -> JSONResponse:
    """All autopilots, newest first."""
    with parts.database.read() as c:
        rows, total = autopilots.list_all(c, limit, offset)
        shown = autopilot_view.view_autopilots(c, rows, parts.config)
    return StrictJSONResponse({"autopilots": shown, "total": total})


@router.get("/{id}", response_model=AutopilotOut)
def read_autopilot(id: Id, parts: Resources) -> JSONResponse:
    """One autopilot: its stages with what each found and why the next was begun."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        shown = autopilot_view.view_autopilot(c, row, parts.config)
    return StrictJSONResponse(shown)


@router.get("/{id}/report", response_class=Response, responses={200: {"content": {"text/html": {}}}})
def download_report(id: Id, parts: Resources) -> Response:
    """What was tried, the winner, its curves and its test accuracy, as one HTML file to keep or print."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        text = autopilot_html.html_text(c, row, parts.config)
    name = f'attachment; filename="autopilot-{id}.html"'
    return Response(text, media_type="text/html; charset=utf-8", headers={"content-disposition": name})


@router.post("/{id}/stop", response_model=AutopilotOut)
def stop_autopilot(id: Id, parts: Resources) -> JSONResponse:
    """End it: trials that run may end, everything that waits is cancelled."""
    with parts.database.write() as c:
        shown = autopilot_view.view_autopilot(c, autopilots.stop(c, id, time.time()), parts.config)
    return StrictJSONResponse(shown)

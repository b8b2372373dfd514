"""Routes of autopilots: have everything done from the first check to the winner, watch it, stop it."""

import time

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from app.http.problems import missing
from app.http.resources import Parts
from app.http.responses import Answer, created
from app.reports import autopilot_html
from app.schemas.autopilots import AutopilotIn, AutopilotOut, AutopilotsOut
from app.schemas.fields import Id, Limit, Offset
from app.usecases import autopilot_view, sweep_plan
from store.jobs import autopilots

router = APIRouter(prefix="/api/autopilots", tags=["autopilots"])


@router.post("", status_code=201, response_model=AutopilotOut)
def make(parts: Parts, body: AutopilotIn | None = None) -> JSONResponse:
    """Queue the whole search: preflight, coarse, fine, finer. Workers take every step; no page is needed."""
    new = sweep_plan.autopilot(body or AutopilotIn(), parts.config)
    with parts.database.write() as c:
        row = autopilots.create(c, new, time.time())
        shown = autopilot_view.shown(c, row, parts.config)
    return created(f"/api/autopilots/{row.id}", shown)


@router.get("", response_model=AutopilotsOut)
def listed(parts: Parts, limit: Limit = 20, offset: Offset = 0) -> JSONResponse:
    """All autopilots, newest first."""
    with parts.database.read() as c:
        rows, total = autopilots.list_all(c, limit, offset)
        shown = autopilot_view.shown_all(c, rows, parts.config)
    return Answer({"autopilots": shown, "total": total})


@router.get("/{id}", response_model=AutopilotOut)
def show(id: Id, parts: Parts) -> JSONResponse:
    """One autopilot: its stages with what each found and why the next was begun."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise missing("autopilot", id)
        shown = autopilot_view.shown(c, row, parts.config)
    return Answer(shown)


@router.get("/{id}/report", response_class=Response, responses={200: {"content": {"text/html": {}}}})
def report(id: Id, parts: Parts) -> Response:
    """What was tried, the winner, its curves and its test accuracy, as one HTML file to keep or print."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise missing("autopilot", id)
        text = autopilot_html.html_text(c, row, parts.config)
    name = f'attachment; filename="autopilot-{id}.html"'
    return Response(text, media_type="text/html; charset=utf-8", headers={"content-disposition": name})


@router.post("/{id}/stop", response_model=AutopilotOut)
def stop(id: Id, parts: Parts) -> JSONResponse:
    """End it: trials that run may end, everything that waits is cancelled."""
    with parts.database.write() as c:
        shown = autopilot_view.shown(c, autopilots.stop(c, id, time.time()), parts.config)
    return Answer(shown)

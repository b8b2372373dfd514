"""Routes for autopilots: start one, follow it, download its report, stop it."""

import time

from fastapi import APIRouter, Response

from app.http.paging import Pages
from app.http.resources import Resources
from app.http.responses import attachment_response
from app.reports import autopilot_html
from app.schemas.autopilots import AutopilotIn, AutopilotOut, AutopilotsOut
from app.schemas.fields import Id, Limit, Offset
from app.usecases import autopilot_view, sweep_plan
from store.jobs import autopilots

router = APIRouter(prefix="/api/autopilots", tags=["autopilots"])


@router.post("", status_code=201, response_model=AutopilotOut)
def create_autopilot(
    resources: Resources, response: Response, body: AutopilotIn | None = None
) -> AutopilotOut:
    """Queue the whole search: preflight, coarse, fine, finer. Workers take every step; no page is needed."""
    new = sweep_plan.plan_autopilot(body or AutopilotIn(), resources.config)
    with resources.database.write() as c:
        row = autopilots.create(c, new, time.time())
        shown = autopilot_view.view_autopilot(c, row, resources.config)
    response.headers["location"] = f"/api/autopilots/{row.id}"
    return shown


@router.get("", response_model=AutopilotsOut)
def list_autopilots(
    resources: Resources, pages: Pages, limit: Limit = 20, offset: Offset = 0
) -> dict[str, object]:
    """All autopilots, newest first."""
    with resources.database.read() as c:
        rows, total = autopilots.list_all(c, limit, offset)
        shown = autopilot_view.view_autopilots(c, rows, resources.config)
    pages.add(limit, offset, total)
    return {"autopilots": shown, "total": total}


@router.get("/{id}", response_model=AutopilotOut)
def read_autopilot(id: Id, resources: Resources) -> AutopilotOut:
    """One autopilot: its stages with what each found and why the next was begun."""
    with resources.database.read() as c:
        row = autopilots.must_get(c, id)
        return autopilot_view.view_autopilot(c, row, resources.config)


@router.get("/{id}/report", response_class=Response, responses={200: {"content": {"text/html": {}}}})
def download_report(id: Id, resources: Resources) -> Response:
    """What was tried, the winner, its curves and its test accuracy, as one HTML file to keep or print."""
    with resources.database.read() as c:
        row = autopilots.must_get(c, id)
        text = autopilot_html.render_report(c, row, resources.config)
    return attachment_response(text, f"autopilot-{id}.html", "text/html; charset=utf-8")


@router.post("/{id}/stop", response_model=AutopilotOut)
def stop_autopilot(id: Id, resources: Resources) -> AutopilotOut:
    """End it: trials that run may end, everything that waits is cancelled."""
    with resources.database.write() as c:
        return autopilot_view.view_autopilot(c, autopilots.stop(c, id, time.time()), resources.config)

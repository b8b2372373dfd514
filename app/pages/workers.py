"""The page of workers."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.http.resources import Resources
from app.render.templates import Link, render_page
from app.schemas.workers import WorkerOut
from store.queue import workers
from store.read import changes

LINK = Link(5, "/workers", "Workers")
router = APIRouter(include_in_schema=False)


@router.get("/workers")
def show_workers(resources: Resources) -> HTMLResponse:
    with resources.database.read() as c:
        rows = workers.list_all(c)
        cursor = changes.read_cursor(c)
    data = {"workers": [WorkerOut.of(row) for row in rows], "cursor": cursor}
    return render_page("workers.html", section="/workers", data=data)

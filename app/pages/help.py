"""The help page: what the findings mean, the words, and the keys."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.pages.finding_help import FINDING_HELP
from app.render.templates import Link, render_page

LINK = Link(6, "/help", "Help")
router = APIRouter(include_in_schema=False)


@router.get("/help")
def show_help() -> HTMLResponse:
    return render_page("help.html", section="/help", findings=FINDING_HELP)

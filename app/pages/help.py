"""The help page: what the findings mean, and the keys."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.pages.finding_help import SHAPES
from app.render.templates import page

router = APIRouter(include_in_schema=False)


@router.get("/help")
def help_page() -> HTMLResponse:
    """What the findings mean, and the keys."""
    return page("help.html", section="/help", shapes=SHAPES)

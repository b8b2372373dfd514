"""The page of data sets: what there is to train on."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.http.resources import Resources
from app.pages.images import SAMPLES_PER_CLASS
from app.render.templates import render_page
from learning.data import catalog
from learning.data.download import OFFICIAL

CLASSES_SHOWN = 20

router = APIRouter(include_in_schema=False)


@router.get("/datasets")
def show_datasets(parts: Resources) -> HTMLResponse:
    """What there is to train on."""
    known = [one for one in catalog.summaries(parts.config.home, parts.config.data) if one.ready]
    absent = [name for name in OFFICIAL if name not in {one.name for one in known}]
    return render_page(
        "datasets.html",
        section="/datasets",
        datasets=known,
        absent=absent,
        shown=CLASSES_SHOWN,
        per_class=SAMPLES_PER_CLASS,
        sheet_width=lambda shape: SAMPLES_PER_CLASS * (shape[1] + 1) - 1,
    )

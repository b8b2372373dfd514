"""The page of data sets, and the list of those that are ready to train on."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.http.resources import Resources
from app.pages.images import SAMPLES_PER_CLASS
from app.render.templates import Link, render_page
from learning.data import catalog
from learning.data.download import OFFICIAL
from store.config import Config

CLASSES_SHOWN = 20

LINK = Link(4, "/datasets", "Data sets")
router = APIRouter(include_in_schema=False)


def ready_names(config: Config) -> list[str]:
    """The names of the data sets that are ready to train on."""
    return [summary.name for summary in catalog.list_summaries(config.home, config.data) if summary.ready]


@router.get("/datasets")
def show_datasets(resources: Resources) -> HTMLResponse:
    """The data sets on this machine, and those that can be fetched."""
    ready = [
        summary
        for summary in catalog.list_summaries(resources.config.home, resources.config.data)
        if summary.ready
    ]
    absent = [name for name in OFFICIAL if name not in {summary.name for summary in ready}]
    return render_page(
        "datasets.html",
        section="/datasets",
        datasets=ready,
        absent=absent,
        classes_shown=CLASSES_SHOWN,
        per_class=SAMPLES_PER_CLASS,
        sheet_width=lambda shape: SAMPLES_PER_CLASS * (shape[1] + 1) - 1,
    )

"""One live chart of a sweep on a page of its own, for a wiki or a dashboard to frame."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from app.http import guard
from app.http.problems import Problem
from app.http.resources import Resources
from app.pages.sweeps import choose_axes
from app.render import plotly_shells
from app.render.palettes import in_both_themes, series_colours
from app.render.templates import render_page
from app.schemas.charts import FIRST_COLUMNS
from app.schemas.fields import Id
from app.schemas.sweeps import SweepOut
from store.read import changes, sweeps

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    shell: plotly_shells.Shell


CHARTS = {
    "loss": Chart("Loss curves", plotly_shells.loss_curves()),
    "gap": Chart("Train/val gap", plotly_shells.gap_curves()),
    "scatter": Chart("Val accuracy", plotly_shells.scatter("{x}", False)),
    "pair": Chart(
        "Two settings, coloured by val accuracy", plotly_shells.scatter_pair("{x}", "{y}", False, False)
    ),
}


@router.get("/embed/sweeps/{id}/{chart}")
def show_chart(id: Id, chart: str, resources: Resources) -> HTMLResponse:
    """The chart alone. Only pages of the origins in LOSSDECK_EMBED_ORIGINS may frame it."""
    if chart not in CHARTS:
        raise Problem(404, f"There is no chart {chart[:50]!r}; there are {', '.join(CHARTS)}.")
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        cursor = changes.read_cursor(c)
    chosen = CHARTS[chart]
    data: dict[str, Any] = {
        "chart": chart,
        "sweep": SweepOut.of(sweep),
        "axes": choose_axes(sweep)[:2],
        "first": FIRST_COLUMNS,
        "cursor": cursor,
        "figure": in_both_themes(chosen.shell),
        "series": series_colours(),
    }
    answer = render_page("embed.html", data=data, sweep=sweep, title=chosen.title)
    answer.headers.update(guard.frame_headers(resources.config.embed_origins))
    return answer

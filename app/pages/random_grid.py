"""The page of random against grid search: a form that starts both, and the two side by side."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.resources import AppResources, Resources
from app.pages.datasets import ready_names
from app.render import plotly_shells
from app.render.palettes import in_both_themes
from app.render.templates import render_page
from app.usecases import random_grid
from learning.search.space import LogUniform
from store.read import changes

router = APIRouter(include_in_schema=False)


@router.get("/random-grid")
def show_random_grid(
    resources: Resources,
    pair: Annotated[str, Query(alias="sweeps", max_length=50)] = "",
    dataset: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Two sweeps of one space side by side, the newest pair if none is named, and the form for new ones."""
    names = ready_names(resources.config)
    with resources.database.read() as c:
        past = random_grid.list_pairs(c)
    if not pair and past:
        pair = ",".join(str(sweep.id) for sweep in past[0])
    data: dict[str, Any] = _comparison_json(pair, resources) if pair else {"comparison": None}
    data["dataset"] = dataset if dataset in names else names[0]
    return render_page("random_grid.html", section="/sweeps/new", data=data, datasets=names, past=past)


def _comparison_json(pair: str, resources: AppResources) -> dict[str, Any]:
    with resources.database.read() as c:
        cursor = changes.read_cursor(c)
        found = random_grid.load_pair(c, random_grid.parse_pair(pair))
    ranges = found.space.numeric_ranges()
    axes = list(ranges)[: random_grid.MIN_RANGES]
    logs = [isinstance(ranges[name], LogUniform) for name in axes]
    shells = {
        "side": plotly_shells.scatter_with_projections(axes[0], axes[1], logs[0], logs[1]),
        "expected": plotly_shells.expected_bests(),
    }
    return {
        "comparison": random_grid.compare_pair(found, resources.config),
        "cursor": cursor,
        "axes": axes,
        "figures": {name: in_both_themes(shell) for name, shell in shells.items()},
    }

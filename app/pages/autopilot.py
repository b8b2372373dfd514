"""Pages of searches that build on one another: the autopilot, its report, and the stages of a sweep."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.problems import not_found
from app.http.resources import Resources
from app.pages.datasets import ready_names
from app.render import lr_probe_svg, search_stages_svg
from app.render.templates import Link, render_page
from app.reports import autopilot_html
from app.schemas.fields import Id
from app.schemas.preflights import PreflightOut
from app.text.formats import format_bound, format_distribution, format_setting
from app.usecases import autopilot_view
from learning.states import SWEEP_STATES, TRIAL_STATES
from store.jobs import autopilots, preflights
from store.read import related_sweeps, sweeps

AUTOPILOTS_SHOWN = 20

LINK = Link(3, "/autopilot", "Autopilot")
router = APIRouter(include_in_schema=False)


@router.get("/autopilot")
def show_autopilots(
    resources: Resources, dataset: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """A form that starts an autopilot, and the latest ones."""
    names = ready_names(resources.config)
    with resources.database.read() as c:
        rows, _ = autopilots.list_all(c, AUTOPILOTS_SHOWN)
        shown = autopilot_view.view_autopilots(c, rows, resources.config)
    chosen = dataset if dataset in names else names[0]
    running = sum(TRIAL_STATES[row.state].living for row in rows)
    return render_page(
        "autopilots.html", section="/autopilot", rows=shown, running=running, datasets=names, chosen=chosen
    )


@router.get("/autopilot/{id}")
def show_autopilot(id: Id, resources: Resources) -> HTMLResponse:
    """What an autopilot has done and why, stage by stage, and its result."""
    with resources.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        searches = sweeps.get_many(c, row.sweep_ids)
        ids = [stage.preflight_id for stage in row.stages if stage.preflight_id is not None]
        rows = {id: found for id in ids if (found := preflights.get(c, id)) is not None}
        shown = autopilot_view.view_autopilot(c, row, resources.config)
        leader = autopilot_view.find_leader(c, row)
        picture = search_stages_svg.load_picture(c, list(searches.values()), leader.id if leader else None)
    return render_page(
        "autopilot.html",
        section="/autopilot",
        row=row,
        shown=shown,
        searches=searches,
        preflights={id: PreflightOut.of(preflight) for id, preflight in rows.items()},
        probes={id: lr_probe_svg.draw_checks(preflight.checks) for id, preflight in rows.items()},
        picture=picture,
        ramp=search_stages_svg.RAMP,
        ring=search_stages_svg.BEST,
        format_distribution=format_distribution,
        format_bound=format_bound,
        varied=list(
            dict.fromkeys(name for search in searches.values() for name in search.space.distributions)
        ),
        format_setting=format_setting,
    )


@router.get("/autopilot/{id}/report")
def show_report(id: Id, resources: Resources) -> HTMLResponse:
    """The report as a page; the API offers the same file as a download."""
    with resources.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        return HTMLResponse(
            autopilot_html.render_report(c, row, resources.config), headers={"cache-control": "no-store"}
        )


@router.get("/sweeps/{id}/stages")
def show_stages(id: Id, resources: Resources) -> HTMLResponse:
    """A sweep with those that it came from and those that came from it, in one picture."""
    with resources.database.read() as c:
        sweep = sweeps.get(c, id)
        if sweep is None:
            raise not_found("sweep", id)
        related = related_sweeps.list_family(c, id)
        picture = search_stages_svg.load_picture(c, related)
    names = list(dict.fromkeys(name for search in related for name in search.space.distributions))
    return render_page(
        "stages.html",
        section="/",
        sweep=sweep,
        related=related,
        names=names,
        picture=picture,
        ramp=search_stages_svg.RAMP,
        ring=search_stages_svg.BEST,
        format_distribution=format_distribution,
        running=any(SWEEP_STATES[search.state].trains for search in related),
    )

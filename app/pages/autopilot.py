"""Pages of searches that follow on one another: the autopilot, its report, and the stages of a sweep."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.problems import not_found
from app.http.resources import Resources
from app.render import lr_probe_svg, search_stages_svg
from app.render.templates import render_page
from app.reports import autopilot_html
from app.schemas.fields import Id
from app.schemas.preflights import preflight_json
from app.text.formats import format_bound, format_distribution, format_setting
from app.usecases import autopilot_view
from learning.data import catalog
from store.jobs import autopilots, preflights
from store.read import related_sweeps, sweeps

AUTOPILOTS_SHOWN = 20

router = APIRouter(include_in_schema=False)


@router.get("/autopilot")
def show_autopilots(parts: Resources, dataset: Annotated[str, Query(max_length=200)] = "") -> HTMLResponse:
    """A form to start one, and those that there are."""
    names = [one.name for one in catalog.summaries(parts.config.home, parts.config.data) if one.ready]
    with parts.database.read() as c:
        rows, _ = autopilots.list_all(c, AUTOPILOTS_SHOWN)
        shown = autopilot_view.view_autopilots(c, rows, parts.config)
    chosen = dataset if dataset in names else names[0]
    return render_page("autopilots.html", section="/autopilot", rows=shown, datasets=names, chosen=chosen)


@router.get("/autopilot/{id}")
def show_autopilot(id: Id, parts: Resources) -> HTMLResponse:
    """What it has done and why, stage by stage, and what it came to."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        searches = sweeps.by_ids(c, row.sweep_ids)
        ids = [stage.preflight_id for stage in row.stages if stage.preflight_id is not None]
        checks = {id: found for id in ids if (found := preflights.get(c, id)) is not None}
        shown = autopilot_view.view_autopilot(c, row, parts.config)
        leader = autopilot_view.find_leader(c, row)
        drawn = search_stages_svg.load_picture(c, list(searches.values()), leader.id if leader else None)
    return render_page(
        "autopilot.html",
        section="/autopilot",
        row=row,
        shown=shown,
        searches=searches,
        preflights={id: preflight_json(one) for id, one in checks.items()},
        probes={id: lr_probe_svg.draw_checks(one.checks) for id, one in checks.items()},
        picture=drawn,
        ramp=search_stages_svg.RAMP,
        ring=search_stages_svg.BEST,
        words=format_distribution,
        end=format_bound,
        varied=list(dict.fromkeys(name for one in searches.values() for name in one.space)),
        setting_words=format_setting,
    )


@router.get("/autopilot/{id}/report")
def show_report(id: Id, parts: Resources) -> HTMLResponse:
    """The file that is kept or printed, to be read here."""
    with parts.database.read() as c:
        row = autopilots.get(c, id)
        if row is None:
            raise not_found("autopilot", id)
        return HTMLResponse(
            autopilot_html.render_report(c, row, parts.config), headers={"cache-control": "no-store"}
        )


@router.get("/sweeps/{id}/stages")
def show_stages(id: Id, parts: Resources) -> HTMLResponse:
    """A sweep beside those that it came from and that came from it, in one picture."""
    with parts.database.read() as c:
        found = sweeps.get(c, id)
        if found is None:
            raise not_found("sweep", id)
        related = related_sweeps.family(c, id)
        drawn = search_stages_svg.load_picture(c, related)
    names = list(dict.fromkeys(name for one in related for name in one.space))
    return render_page(
        "stages.html",
        section="/",
        sweep=found,
        related=related,
        names=names,
        picture=drawn,
        ramp=search_stages_svg.RAMP,
        ring=search_stages_svg.BEST,
        words=format_distribution,
        running=any(one.state in ("running", "stopping") for one in related),
    )

"""Pages of sweeps: the list of all, the form for a new one, and the command center of one."""

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.resources import Resources
from app.pages.new_sweep_form import describe_rule, list_groups, list_rules
from app.render import markdown, plotly_shells
from app.render.palettes import PALETTES, canvas_palette, chart_data, in_both_themes
from app.render.templates import render_page
from app.schemas import json_values
from app.schemas.charts import FIRST_COLUMNS, shorten_numbers
from app.schemas.fields import Id
from app.schemas.sweeps import recipe_json, sweep_json
from app.text.formats import format_distribution
from app.usecases import preflight_warning, repeats, sweep_plan
from app.usecases.model_file import has_safetensors
from app.usecases.preflight_warning import warning_json
from learning.data import catalog
from learning.search.recipes import RECIPES
from store.db.database import Connection
from store.jobs import autopilots
from store.read import changes, chart_columns, related_sweeps, sweeps
from store.read.sweeps import Sweep

SWEEPS_SHOWN = 100
SPARKLINES = 20  # curves sent with the list; those further down are fetched by the page
SPARKLINE_POINTS = 60  # of such a curve
SETTING_COLUMNS = 6  # settings that get a column in the table of trials
USUAL_AXES = ("lr", "reg")
FIRST_VIEW = "wall"
VIEWS = {
    FIRST_VIEW: "Wall",
    "curves": "Curves",
    "settings": "Settings",
    "history": "History",
    "table": "Table",
}  # of a sweep; the first is what it opens with
SEEDS_VIEW = {"seeds": "Seeds"}  # one more, where the trials differ in nothing else

router = APIRouter(include_in_schema=False)


@router.get("/")
def show_sweeps(parts: Resources) -> HTMLResponse:
    """All sweeps."""
    with parts.database.read() as c:
        rows, _ = sweeps.list_all(c, SWEEPS_SHOWN, 0)
        cursor = changes.cursor(c)
        curves = {row.id: _sparkline(c, row) for row in rows[:SPARKLINES] if row.best is not None}
    data = {
        "sweeps": [sweep_json(row) for row in reversed(rows)],
        "sparks": curves,
        "cursor": cursor,
        "most": SWEEPS_SHOWN,
    }
    return render_page("sweeps.html", section="/", data=data)


@router.get("/sweeps/new")
def show_new_sweep(
    parts: Resources,
    recipe: Annotated[str, Query(max_length=100)] = "",
    dataset: Annotated[str, Query(max_length=100)] = "",
    like: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The form for a sweep: from a recipe, or like another sweep."""
    names = [one.name for one in catalog.summaries(parts.config.home, parts.config.data) if one.ready]
    with parts.database.read() as c:
        other = sweeps.must_get(c, like) if like is not None else None
    wanted = other.dataset if other else dataset
    chosen = wanted if wanted in names else names[0]
    recipes = {one.name: recipe_json(one) for one in sweep_plan.list_recipes(chosen, parts.config)}
    name = recipe if recipe in recipes else sweep_plan.DEFAULT_RECIPE
    start = _copy_fields(other) if other else recipes[name] | {"recipe": name, "stopping": None}
    data = {
        "start": start | {"dataset": chosen},
        "recipes": recipes,
        "figures": {"preview": in_both_themes(plotly_shells.scatter_pair("", "", False, False))},
    }
    return render_page(
        "new.html", section="/sweeps/new", data=data, datasets=names, groups=list_groups(), rules=list_rules()
    )


@router.get("/sweeps/{id}")
def show_command_center(
    id: Id, parts: Resources, view: Annotated[str, Query(max_length=20)] = FIRST_VIEW, selected: str = ""
) -> HTMLResponse:
    """One sweep, watched and steered; the trial that was picked last is open beside its wall."""
    with parts.database.read() as c:
        sweep = sweeps.must_get(c, id)
        cursor = changes.cursor(c)
        written = sweeps.notes(c, id)
        related = related_sweeps.family(c, id)
        pilot = autopilots.of_sweep(c, id)
        warned = preflight_warning.find_sweep_warnings(c, sweep, parts.config.home)
        alike = repeats.find_repeats(c, sweep)
        repeated = repeats.find_original(c, sweep, alike)
    views = VIEWS | SEEDS_VIEW if alike else VIEWS
    axes = list(
        dict.fromkeys(
            [*(name for name in USUAL_AXES if name in sweep.space or not sweep.space), *sweep.space]
        )
    )
    axes = list(dict.fromkeys([*axes, *USUAL_AXES]))  # two axes at least, also where one setting varies
    columns = list(dict.fromkeys([*USUAL_AXES, *sweep.space]))[:SETTING_COLUMNS]
    shells = {
        "loss": plotly_shells.loss_curves(),
        "gap": plotly_shells.gap_curves(),
        "best": plotly_shells.best_so_far(),
        "timeline": plotly_shells.timeline(),
        "scatter": _add_edges(plotly_shells.scatter("{x}", False), "x"),
        "pair": _add_edges(plotly_shells.scatter_pair("{x}", "{y}", False, False), "xy"),
    }
    if alike:
        shells |= {
            "seeds-acc": plotly_shells.seed_spread("val accuracy"),
            "seeds-loss": plotly_shells.seed_spread("val loss"),
        }
    first = list(FIRST_COLUMNS)
    data = chart_data(shells, sweep=sweep_json(sweep), cursor=cursor, axes=axes, columns=columns, first=first)
    data["palettes"] = {theme: canvas_palette(palette) for theme, palette in PALETTES.items()}
    words = [format_distribution(name, spec) for name, spec in sweep.space.items()]
    return render_page(
        "sweep.html",
        section="/",
        data=data,
        sweep=sweep,
        parent=next((one for one in related if one.id == sweep.parent_id), None),
        children=[one for one in related if one.parent_id == id],
        pilot=pilot,
        space_words=words,
        stopping=describe_rule(sweep.stopping) if sweep.stopping else "",
        axes=axes,
        board=f"/api/sweeps/{id}/columns?{urlencode({'of': ','.join([*first, *axes])})}",
        columns=columns,
        notes=markdown.render_html(written),
        recipe_note=RECIPES[sweep.recipe].note if sweep.recipe and sweep.recipe in RECIPES else "",
        warnings=list(map(warning_json, warned)),
        views=views,
        view=view if view in views else FIRST_VIEW,
        picked=selected.rpartition(",")[2],
        repeated=repeated,
        safetensors=has_safetensors(),
    )


def _copy_fields(sweep: Sweep) -> dict[str, object]:
    return {
        "dataset": sweep.dataset,
        "recipe": sweep.recipe,
        "space": json_values.json_safe(sweep.space),
        "settings": json_values.json_safe(sweep.settings),
        "trials": sweep.trials,
        "sampler": sweep.sampler,
        "stopping": json_values.json_safe(sweep.stopping),
        "seed": sweep.seed,
        "label": sweep.name,
        "note": "",
    }


def _sparkline(c: Connection, sweep: Sweep) -> list[object]:
    """The best trial's train loss, thinned for a picture as small as a word."""
    if sweep.best is None:
        return []
    (curve,) = chart_columns.curves(c, sweep.id, [sweep.best.number], ["data_loss"], SPARKLINE_POINTS)
    return shorten_numbers(curve.metrics["data_loss"])


def _add_edges(shell: plotly_shells.Shell, axes: Iterable[str]) -> plotly_shells.Shell:
    """The page puts the edges where the chosen setting's range ends."""
    shell["layout"]["shapes"] = [edge for axis in axes for edge in plotly_shells.edges(0.0, 1.0, axis)]
    return shell

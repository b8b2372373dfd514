"""Pages of sweeps: the list, the form for a new sweep, and the command center of one sweep."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse

from app.http.resources import Resources
from app.pages.datasets import ready_names
from app.pages.new_sweep_form import describe_rule, list_groups, list_rules
from app.render import markdown, plotly_shells
from app.render.palettes import PALETTES, canvas_palette, chart_data, in_both_themes
from app.render.templates import Link, render_page
from app.schemas.charts import FIRST_COLUMNS, shorten_numbers
from app.schemas.fields import Id
from app.schemas.sweeps import RecipeOut, SweepOut, WarningOut
from app.text.formats import format_distribution
from app.usecases import preflight_warning, repeats, sweep_plan
from app.usecases.model_file import has_safetensors
from learning.diagnosis.curve_facts import CLOSE_RATIO_BAND, FITTED, RATIO_BAND
from learning.diagnosis.curve_remarks import BIG_GAP
from learning.search.recipes import RECIPES
from store.config import Config
from store.db.database import Connection
from store.jobs import autopilots
from store.read import changes, chart_series, related_sweeps, sweeps
from store.read.sweeps import Sweep
from store.read.trials import Trial

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

LINK = Link(1, "/", "Sweeps")
router = APIRouter(include_in_schema=False)


@router.get("/")
def show_sweeps(resources: Resources) -> HTMLResponse:
    """The newest sweeps."""
    with resources.database.read() as c:
        rows, _ = sweeps.list_all(c, SWEEPS_SHOWN, 0)
        cursor = changes.read_cursor(c)
        curves = {row.id: _sparkline(c, row) for row in rows[:SPARKLINES] if row.best is not None}
    data = {
        "sweeps": [SweepOut.of(row) for row in reversed(rows)],
        "sparks": curves,
        "cursor": cursor,
        "most": SWEEPS_SHOWN,
    }
    return render_page("sweeps.html", section="/", data=data)


@router.get("/sweeps/new")
def show_new_sweep(
    resources: Resources,
    recipe: Annotated[str, Query(max_length=100)] = "",
    dataset: Annotated[str, Query(max_length=100)] = "",
    like: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The form for a new sweep, filled in from a recipe or from another sweep."""
    names = ready_names(resources.config)
    with resources.database.read() as c:
        other = sweeps.must_get(c, like) if like is not None else None
    preferred = other.dataset if other else dataset
    chosen = preferred if preferred in names else names[0]
    recipes = {row.name: RecipeOut.of(row) for row in sweep_plan.list_recipes(chosen, resources.config)}
    name = recipe if recipe in recipes else sweep_plan.DEFAULT_RECIPE
    start = _copy_fields(other) if other else recipes[name].model_dump() | {"recipe": name, "stopping": None}
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
    id: Id, resources: Resources, view: Annotated[str, Query(max_length=20)] = FIRST_VIEW, selected: str = ""
) -> HTMLResponse:
    """One sweep, to watch and to steer; the trial that was selected last is open beside its wall."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        cursor = changes.read_cursor(c)
        notes = sweeps.get_notes(c, id)
        repeated = repeats.find_repeats(c, sweep)
        heading = _heading_values(c, sweep, repeated, resources.config)
    axes = choose_axes(sweep)
    views = VIEWS | SEEDS_VIEW if repeated else VIEWS
    return render_page(
        "sweep.html",
        section="/",
        data=_chart_values(sweep, cursor, axes, seeds=bool(repeated)),
        sweep=sweep,
        **heading,
        axes=axes,
        columns_url=f"/api/sweeps/{id}/columns?{urlencode({'of': ','.join([*FIRST_COLUMNS, *axes])})}",
        notes=markdown.render_html(notes),
        views=views,
        view=view if view in views else FIRST_VIEW,
        selected=selected.rpartition(",")[2],
        safetensors=has_safetensors(),
    )


def choose_axes(sweep: Sweep) -> list[str]:
    """The settings that charts of a sweep offer as axes: searched ones first, and always two at least."""
    usual = [name for name in USUAL_AXES if name in sweep.space.distributions]
    return list(dict.fromkeys([*usual, *sweep.space.distributions, *USUAL_AXES]))


def _heading_values(c: Connection, sweep: Sweep, repeated: Sequence[Trial], config: Config) -> dict[str, Any]:
    """What the heading shows: where the sweep comes from, what it searches, and what to check first."""
    related = related_sweeps.list_family(c, sweep.id)
    warnings = preflight_warning.find_sweep_warnings(c, sweep, config.home)
    return {
        "parent": next((other for other in related if other.id == sweep.parent_id), None),
        "children": [other for other in related if other.parent_id == sweep.id],
        "autopilot_id": autopilots.find_by_sweep(c, sweep.id),
        "original": repeats.find_original(c, sweep, repeated),
        "ranges": [format_distribution(name, spec) for name, spec in sweep.space.distributions.items()],
        "stopping": describe_rule(sweep.stopping) if sweep.stopping else "",
        "recipe_note": RECIPES[sweep.recipe].note if sweep.recipe and sweep.recipe in RECIPES else "",
        "warnings": [WarningOut.of(warning) for warning in warnings],
    }


def _chart_values(sweep: Sweep, cursor: int, axes: Sequence[str], seeds: bool) -> dict[str, object]:
    """What the page's scripts are sent; with `seeds`, also the figures of repeats over seeds."""
    shells = {
        "loss": plotly_shells.loss_curves(),
        "gap": plotly_shells.gap_curves(),
        "best": plotly_shells.best_so_far(),
        "timeline": plotly_shells.timeline(),
        "scatter": _add_edges(plotly_shells.scatter("{x}", False), "x"),
        "pair": _add_edges(plotly_shells.scatter_pair("{x}", "{y}", False, False), "xy"),
    }
    if seeds:
        shells |= {
            "seeds-acc": plotly_shells.seed_spread("val accuracy"),
            "seeds-loss": plotly_shells.seed_spread("val loss"),
        }
    columns = list(dict.fromkeys([*USUAL_AXES, *sweep.space.distributions]))[:SETTING_COLUMNS]
    first = list(FIRST_COLUMNS)
    data = chart_data(
        shells, sweep=SweepOut.of(sweep), cursor=cursor, axes=axes, columns=columns, first=first
    )
    return data | {
        "palettes": {theme: canvas_palette(palette) for theme, palette in PALETTES.items()},
        "bands": {"gap": (BIG_GAP / 2, BIG_GAP), "ratio": (CLOSE_RATIO_BAND, RATIO_BAND), "fitted": FITTED},
    }


def _copy_fields(sweep: Sweep) -> dict[str, object]:
    return {
        "dataset": sweep.dataset,
        "recipe": sweep.recipe,
        "space": sweep.space.to_dict(),
        "settings": sweep.settings,
        "trials": sweep.trials,
        "sampler": sweep.sampler,
        "stopping": sweep.stopping.to_dict() if sweep.stopping else None,
        "seed": sweep.seed,
        "label": sweep.name,
        "note": "",
    }


def _sparkline(c: Connection, sweep: Sweep) -> list[object]:
    """The best trial's train loss, thinned to SPARKLINE_POINTS."""
    if sweep.best is None:
        return []
    (curve,) = chart_series.read_curves(c, sweep.id, [sweep.best.number], ["data_loss"], SPARKLINE_POINTS)
    return shorten_numbers(curve.metrics["data_loss"])


def _add_edges(shell: plotly_shells.Shell, axes: Iterable[str]) -> plotly_shells.Shell:
    """Adds edges that the page moves to the ends of the chosen setting's range."""
    shell["layout"]["shapes"] = [edge for axis in axes for edge in plotly_shells.edges(0.0, 1.0, axis)]
    return shell

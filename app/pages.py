"""Pages: every HTML page, from what the store holds now; what changes later comes by the live stream."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import HTMLResponse, Response

from app import (
    advice,
    assets,
    figures,
    gate,
    notes,
    pages_autopilot,
    pages_embed,
    pages_preflight,
    pages_random_grid,
    pictures,
    plan,
    repeats,
    wire,
    wire_charts,
    wire_sweeps,
    wire_trials,
    wire_workers,
)
from app.bodies import Id
from app.fields import groups, rule_words, rules
from app.html import page
from app.model_file import has_safetensors
from app.palettes import PALETTES, drawn_by_hand, dressed
from app.problems import missing
from app.shapes import SHAPES
from app.state import Parts, State
from app.words import setting_words, space_words
from learning.data import catalog
from learning.data.download import OFFICIAL
from learning.search.recipes import RECIPES
from store.db.database import Connection
from store.jobs import autopilots
from store.queue import workers
from store.read import changes, chart_columns, related_sweeps, sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

SWEEPS_SHOWN = 100
SPARKS = 20  # curves sent with the list; those further down are fetched by the page
SPARK_POINTS = 60  # of such a curve
MOST_COMPARED = 20
RESULTS = (
    ("best_val_acc", "best val accuracy"),
    ("val_acc", "last val accuracy"),
    ("train_acc", "last train accuracy"),
    ("gap", "gap"),
    ("data_loss", "last train loss"),
    ("val_loss", "last val loss"),
    ("seconds", "from start to end, s"),
)  # rows of a comparison
CLASSES_SHOWN = 20
COLUMNS = 6  # settings that get a column in the table of trials
USUAL_AXES = ("lr", "reg")
WALL = "wall"
VIEWS = {
    WALL: "Wall",
    "curves": "Curves",
    "settings": "Settings",
    "history": "History",
    "table": "Table",
}  # of a sweep; the first is what it opens with
SEEDS = {"seeds": "Seeds"}  # one more, where the trials differ in nothing else

Handler = Callable[[Request, Any], Awaitable[Response]]

router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Adds the pages and what they load; makes the error answers of pages pages too."""
    whole = (
        pages_preflight.router,
        pages_autopilot.router,
        pages_random_grid.router,
        pages_embed.router,
        router,
    )
    for part in (assets.router, pictures.router, *whole):
        app.include_router(part)
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _for_browsers(handler))


@router.get("/")
def home(parts: Parts) -> HTMLResponse:
    """All sweeps."""
    with parts.database.read() as c:
        rows, _ = sweeps.list_all(c, SWEEPS_SHOWN, 0)
        cursor = changes.cursor(c)
        curves = {row.id: _spark(c, row) for row in rows[:SPARKS] if row.best is not None}
    data = {
        "sweeps": [wire_sweeps.sweep(row) for row in reversed(rows)],
        "sparks": curves,
        "cursor": cursor,
        "most": SWEEPS_SHOWN,
    }
    return page("sweeps.html", section="/", data=data)


@router.get("/sweeps/new")
def new(
    parts: Parts,
    recipe: Annotated[str, Query(max_length=100)] = "",
    dataset: Annotated[str, Query(max_length=100)] = "",
    like: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The form for a sweep: from a recipe, or like another sweep."""
    names = [one.name for one in _summaries(parts) if one.ready]
    other = _sweep(parts, like) if like is not None else None
    wanted = other.dataset if other else dataset
    chosen = wanted if wanted in names else names[0]
    recipes = {one.name: wire_sweeps.recipe(one) for one in plan.recipes(chosen, parts.config)}
    name = recipe if recipe in recipes else plan.USUAL_RECIPE
    start = _like(other) if other else recipes[name] | {"recipe": name, "stopping": None}
    data = {
        "start": start | {"dataset": chosen},
        "recipes": recipes,
        "figures": {"preview": _themed(figures.scatter_pair("", "", False, False))},
    }
    return page("new.html", section="/sweeps/new", data=data, datasets=names, groups=groups(), rules=rules())


@router.get("/sweeps/{id}")
def command_center(
    id: Id, parts: Parts, view: Annotated[str, Query(max_length=20)] = WALL, selected: str = ""
) -> HTMLResponse:
    """One sweep, watched and steered; the trial that was picked last is open beside its wall."""
    sweep = _sweep(parts, id)
    with parts.database.read() as c:
        cursor = changes.cursor(c)
        written = sweeps.notes(c, id)
        related = related_sweeps.family(c, id)
        pilot = autopilots.of_sweep(c, id)
        warned = gate.of_sweep(c, sweep, parts.config.home)
        alike = repeats.members(c, sweep)
        repeated = repeats.original_of(c, sweep, alike)
    views = VIEWS | SEEDS if alike else VIEWS
    axes = list(
        dict.fromkeys(
            [*(name for name in USUAL_AXES if name in sweep.space or not sweep.space), *sweep.space]
        )
    )
    axes = list(dict.fromkeys([*axes, *USUAL_AXES]))  # two axes at least, also where one setting varies
    columns = list(dict.fromkeys([*USUAL_AXES, *sweep.space]))[:COLUMNS]
    shells = {
        "loss": figures.loss_curves(),
        "gap": figures.gap_curves(),
        "best": figures.best_so_far(),
        "timeline": figures.timeline(),
        "scatter": _with_edges(figures.scatter("{x}", False), "x"),
        "pair": _with_edges(figures.scatter_pair("{x}", "{y}", False, False), "xy"),
    }
    if alike:
        shells |= {"seeds-acc": figures.seeds("val accuracy"), "seeds-loss": figures.seeds("val loss")}
    first = list(wire_charts.FIRST)
    data = _data(
        shells, sweep=wire_sweeps.sweep(sweep), cursor=cursor, axes=axes, columns=columns, first=first
    )
    data["palettes"] = {theme: drawn_by_hand(palette) for theme, palette in PALETTES.items()}
    words = [space_words(name, spec) for name, spec in sweep.space.items()]
    return page(
        "sweep.html",
        section="/",
        data=data,
        sweep=sweep,
        parent=next((one for one in related if one.id == sweep.parent_id), None),
        children=[one for one in related if one.parent_id == id],
        pilot=pilot,
        space_words=words,
        stopping=rule_words(sweep.stopping) if sweep.stopping else "",
        axes=axes,
        board=f"/api/sweeps/{id}/columns?{urlencode({'of': ','.join([*first, *axes])})}",
        columns=columns,
        notes=notes.html(written),
        recipe_note=RECIPES[sweep.recipe].note if sweep.recipe and sweep.recipe in RECIPES else "",
        warnings=list(map(wire_sweeps.warned, warned)),
        views=views,
        view=view if view in views else WALL,
        picked=selected.rpartition(",")[2],
        repeated=repeated,
        safetensors=has_safetensors(),
    )


@router.get("/trials/{id}")
def trial(id: Id, parts: Parts) -> HTMLResponse:
    """One trial: its curves and what they say."""
    with parts.database.read() as c:
        found = trials.get(c, id)
        if found is None:
            raise missing("trial", id)
        sweep = sweeps.get(c, found.sweep_id)
        assert sweep is not None  # by foreign key
        cursor = changes.cursor(c)
        previous, following = (trials.numbered(c, sweep.id, found.number + step) for step in (-1, 1))
    shells = {
        "loss": figures.trial_loss(),
        "accuracy": figures.accuracy(),
        "rate": figures.learning_rate(),
        "ratio": figures.update_ratio(),
    }
    return page(
        "trial.html",
        section="/",
        data=_data(shells, trial=wire_trials.trial(found), sweep=wire_sweeps.sweep(sweep), cursor=cursor),
        trial=found,
        sweep=sweep,
        findings=advice.of_trial(found, parts.database, parts.config),
        image_shape=_image_shape(sweep.dataset, parts),
        safetensors=has_safetensors(),
        previous=previous.id if previous else None,
        following=following.id if following else None,
    )


@router.get("/compare")
def compare(parts: Parts, chosen: Annotated[str, Query(alias="trials", max_length=400)] = "") -> HTMLResponse:
    """Two to twenty trials side by side."""
    ids = [int(word) for word in chosen.split(",") if word.isascii() and word.isdecimal() and len(word) < 10]
    with parts.database.read() as c:
        found = trials.by_ids(c, ids[:MOST_COMPARED])
        cursor = changes.cursor(c)
        rows = [found[id] for id in dict.fromkeys(ids) if id in found]
        of = sweeps.by_ids(c, sorted({row.sweep_id for row in rows}))
    shells = {"loss": figures.loss_curves(), "accuracy": figures.val_accuracy_curves()}
    data = _data(shells, trials=[wire_trials.trial(row) for row in rows], cursor=cursor)
    return page(
        "compare.html",
        section="/",
        data=data,
        trials=rows,
        sweeps=list(of.values()),
        diff=diff(rows),
        results=RESULTS,
    )


@router.get("/datasets")
def datasets(parts: Parts) -> HTMLResponse:
    """What there is to train on."""
    known = [one for one in _summaries(parts) if one.ready]
    absent = [name for name in OFFICIAL if name not in {one.name for one in known}]
    return page(
        "datasets.html",
        section="/datasets",
        datasets=known,
        absent=absent,
        shown=CLASSES_SHOWN,
        per_class=pictures.PER_CLASS,
        sheet_width=lambda shape: pictures.PER_CLASS * (shape[1] + 1) - 1,
    )


@router.get("/workers")
def all_workers(parts: Parts) -> HTMLResponse:
    """Who trains."""
    with parts.database.read() as c:
        rows = workers.all(c)
        cursor = changes.cursor(c)
    data = {"workers": [wire_workers.worker(row) for row in rows], "cursor": cursor}
    return page("workers.html", section="/workers", data=data)


@router.get("/help")
def help_page() -> HTMLResponse:
    """What the findings mean, and the keys."""
    return page("help.html", section="/help", shapes=SHAPES)


def diff(rows: Sequence[Trial]) -> list[dict[str, Any]]:
    """Every setting of the trials, those that differ first; values as text."""
    names = list(dict.fromkeys(name for row in rows for name in row.settings))
    lines = []
    for name in names:
        values = [setting_words(name, row.settings.get(name)) for row in rows]
        lines.append({"name": name, "values": values, "equal": len(set(values)) == 1})
    return sorted(lines, key=lambda line: bool(line["equal"]))


def _sweep(parts: State, id: int) -> Sweep:
    with parts.database.read() as c:
        found = sweeps.get(c, id)
    if found is None:
        raise missing("sweep", id)
    return found


def _summaries(parts: State) -> tuple[catalog.Summary, ...]:
    return catalog.summaries(parts.config.home, parts.config.data)


def _image_shape(dataset: str, parts: State) -> tuple[int, int, int] | None:
    return next((one.image_shape for one in _summaries(parts) if one.name == dataset), None)


def _like(sweep: Sweep) -> dict[str, object]:
    return {
        "dataset": sweep.dataset,
        "recipe": sweep.recipe,
        "space": wire.plain(sweep.space),
        "settings": wire.plain(sweep.settings),
        "trials": sweep.trials,
        "sampler": sweep.sampler,
        "stopping": wire.plain(sweep.stopping),
        "seed": sweep.seed,
        "label": sweep.name,
        "note": "",
    }


def _spark(c: Connection, sweep: Sweep) -> list[object]:
    """The best trial's train loss, thinned for a picture as small as a word."""
    if sweep.best is None:
        return []
    (curve,) = chart_columns.curves(c, sweep.id, [sweep.best.number], ["data_loss"], SPARK_POINTS)
    return wire_charts.packed(curve.metrics["data_loss"])


def _data(shells: Mapping[str, figures.Shell], **values: object) -> dict[str, object]:
    """The page's JSON: the figures' shells and what is given."""
    series = {theme: palette["series"] for theme, palette in PALETTES.items()}
    return {"figures": {name: _themed(shell) for name, shell in shells.items()}, "series": series, **values}


def _themed(shell: figures.Shell) -> dict[str, figures.Shell]:
    return {theme: dressed(shell, palette) for theme, palette in PALETTES.items()}


def _with_edges(shell: figures.Shell, axes: Iterable[str]) -> figures.Shell:
    """The page puts the edges where the chosen setting's range ends."""
    shell["layout"]["shapes"] = [edge for axis in axes for edge in figures.edges(0.0, 1.0, axis)]
    return shell


def _for_browsers(handler: Any) -> Handler:
    """The same answer, as a page when a browser asked for a page."""

    async def handle(request: Request, error: Any) -> Response:
        answer: Response = await handler(request, error)
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return answer
        problem = json.loads(bytes(answer.body))
        status = answer.status_code
        return page("error.html", status, number=status, title=problem["title"], detail=problem["detail"])

    return handle

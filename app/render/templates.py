"""The Jinja environment of all templates, and pages as HTTP responses."""

from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from starlette.responses import HTMLResponse

from app.render.assets import PLOTLY_PATH, asset_url, find_modules
from app.render.state_marks import MARKS, PAGE_TABLES, TRACK_PARTS, count_ended
from app.schemas.json_values import dump_json
from learning.states import SWEEP_STATES, TRIAL_STATES


class Link(NamedTuple):
    """An entry of the navigation, in the order of `place`."""

    place: int
    path: str
    word: str


def icon(name: str) -> Markup:
    """An icon of static/img/icons.svg, hidden from screen readers: the text beside it has the meaning."""
    link = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>')
    return link.format(asset_url("img/icons.svg"), name)


def script(name: str) -> Markup:
    """A module, and links that let the browser fetch all its imports at once instead of one after another."""
    link = Markup('<link rel="modulepreload" href="{}">')
    run = Markup('<script type="module" src="{}"></script>')
    return Markup("\n").join(
        [*(link.format(asset_url(module)) for module in find_modules(name)), run.format(asset_url(name))]
    )


def page_json(value: object) -> Markup:
    """JSON for a script element; models are written as the REST API writes them."""
    return htmlsafe_json_dumps(value, dumps=lambda value, **_: dump_json(value))


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["page_json"] = page_json
TEMPLATES.globals.update(
    asset=asset_url,
    count_ended=count_ended,
    icon=icon,
    marks=MARKS,
    navigation=(),  # app/pages fills it in
    plotly_path=PLOTLY_PATH,
    script=script,
    state_tables=PAGE_TABLES,
    sweep_states=SWEEP_STATES,
    track_parts=TRACK_PARTS,
    trial_states=TRIAL_STATES,
    version=version("lossdeck"),
)


def render(template: str, **values: Any) -> str:
    """The HTML of a template; every value is escaped unless it is Markup."""
    return TEMPLATES.get_template(template).render(values)


def render_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as a response. Pages show the present state, so no cache may store them."""
    return HTMLResponse(render(template, **values), status, {"cache-control": "no-store"})

"""HTML: the one Jinja environment with what every page needs, and pages as answers (decides no content)."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from app.render.assets import PLOTLY_PATH, asset_url, find_modules

NAVIGATION = (
    ("/", "Sweeps"),
    ("/preflight", "Preflight"),
    ("/autopilot", "Autopilot"),
    ("/datasets", "Data sets"),
    ("/workers", "Workers"),
    ("/help", "Help"),
)


def icon(name: str) -> Markup:
    """An icon of static/img/icons.svg, beside a word that says the same."""
    link = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>')
    return link.format(asset_url("img/icons.svg"), name)


def script(name: str) -> Markup:
    """A module, and links that let the browser fetch what it imports at once instead of file after file."""
    link = Markup('<link rel="modulepreload" href="{}">')
    run = Markup('<script type="module" src="{}"></script>')
    return Markup("\n").join(
        [*(link.format(asset_url(module)) for module in find_modules(name)), run.format(asset_url(name))]
    )


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(
    asset=asset_url,
    icon=icon,
    navigation=NAVIGATION,
    plotly_path=PLOTLY_PATH,
    script=script,
    version=version("lossdeck"),
)


def render(template: str, **values: Any) -> str:
    """The HTML of a template; everything that comes from users is escaped."""
    return TEMPLATES.get_template(template).render(values)


def render_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as an answer. Pages show what is now, so nobody keeps them."""
    return HTMLResponse(render(template, **values), status, {"cache-control": "no-store"})

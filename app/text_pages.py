"""Text pages: the two pages without figures or scripts, docs and login, from their templates (the others: pages)."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)


def render(template: str, **values: object) -> str:
    """The HTML of a template."""
    return _TEMPLATES.get_template(template).render(values)

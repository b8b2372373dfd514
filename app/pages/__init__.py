"""The HTML pages: one file a page or a noun, with a `router`, and a LINK if the navigation lists it."""

from importlib import import_module
from pkgutil import iter_modules

from app.render.templates import TEMPLATES

_FILES = [import_module(f"{__name__}.{file.name}") for file in iter_modules(__path__)]

ROUTERS = tuple(file.router for file in _FILES if hasattr(file, "router"))

TEMPLATES.globals["navigation"] = sorted(file.LINK for file in _FILES if hasattr(file, "LINK"))

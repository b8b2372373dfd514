"""The REST API: the routes, one file a noun; every file has a `router`."""

from importlib import import_module
from pkgutil import iter_modules

ROUTERS = tuple(import_module(f"{__name__}.{file.name}").router for file in iter_modules(__path__))

"""The HTML pages: one file a page or a noun. `ROUTERS` lists them with the images that pages load."""

from app.pages import (
    autopilot,
    datasets,
    embed,
    help,
    images,
    login,
    openapi,
    preflight,
    random_grid,
    sweeps,
    trials,
    workers,
)

ROUTERS = (
    login.router,
    openapi.router,
    images.router,
    preflight.router,
    autopilot.router,
    random_grid.router,
    embed.router,
    sweeps.router,
    trials.router,
    datasets.router,
    workers.router,
    help.router,
)

"""The REST API: the routes, one file for each noun. `ROUTERS` has the order of the OpenAPI document."""

from app.api import (
    autopilots,
    charts,
    datasets,
    ensembles,
    findings,
    preflights,
    random_grid,
    repeats,
    stream,
    sweeps,
    trials,
    workers,
)

ROUTERS = (
    sweeps.router,
    findings.router,
    charts.router,
    trials.router,
    repeats.router,
    ensembles.router,
    preflights.router,
    random_grid.router,
    autopilots.router,
    datasets.router,
    workers.router,
    stream.router,
)

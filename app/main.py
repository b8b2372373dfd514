"""Main: puts the application together: routes, guard, problems, and what opens and closes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI

from app import (
    api_advice,
    api_autopilots,
    api_charts,
    api_datasets,
    api_ensemble,
    api_preflights,
    api_random_grid,
    api_repeats,
    api_stream,
    api_sweeps,
    api_trials,
    api_workers,
    assets,
    docs,
    health,
    login,
    pages_autopilot,
    pages_datasets,
    pages_embed,
    pages_errors,
    pages_help,
    pages_preflight,
    pages_random_grid,
    pages_sweeps,
    pages_trials,
    pages_workers,
    pictures,
    problems,
)
from app.heads import Heads
from app.live import Live
from app.parameters import only_known
from app.security import Guard, Throttle
from app.token_file import effective
from app.webhook import Webhook
from store.config import Config
from store.db import migrations
from store.db.database import Database
from store.db.weight_files import Files

DESCRIPTION = "Submit a hyper-parameter search, watch every loss curve live, read what is wrong with it."


def create_app(config: Config) -> FastAPI:
    """The application. `app.state` has its open parts: config, database, files, live.

    The database is opened here, brought to the newest schema when serving begins and closed when it ends.
    """
    config = config.model_copy(update={"token": effective(config)})
    app = FastAPI(
        title="Lossdeck",
        version=version("lossdeck"),
        description=DESCRIPTION,
        lifespan=_life,
        docs_url=None,
        redoc_url=None,
        responses=docs.PROBLEM_RESPONSES,
    )
    app.state.config = config
    app.state.database = Database.open(config)
    app.state.files = Files(config.home)
    app.state.live = Live(app.state.database)
    app.state.throttle = Throttle()
    problems.install(app)
    app.add_middleware(Heads)
    app.add_middleware(Guard, config=config, challenge=login.challenge)
    _add_routes(app)
    docs.install(app)
    pages_errors.install(app)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    migrations.upgrade(app.state.database)
    app.state.live.start()
    url = app.state.config.webhook
    webhook = Webhook(app.state.database, url) if url else None
    if webhook is not None:
        webhook.start()
    yield
    if webhook is not None:
        await asyncio.to_thread(webhook.stop)
    await app.state.live.stop()
    app.state.database.close()


def _add_routes(app: FastAPI) -> None:
    for module in (
        api_sweeps,
        api_advice,
        api_charts,
        api_trials,
        api_repeats,
        api_ensemble,
        api_preflights,
        api_random_grid,
        api_autopilots,
        api_datasets,
        api_workers,
        api_stream,
    ):
        app.include_router(module.router, dependencies=[Depends(only_known)])
    for module in (
        health,
        login,
        assets,
        pictures,
        pages_preflight,
        pages_autopilot,
        pages_random_grid,
        pages_embed,
        pages_sweeps,
        pages_trials,
        pages_datasets,
        pages_workers,
        pages_help,
    ):
        app.include_router(module.router)
